/** Programs beside the test, and engines' ends of pipes within it. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenContext, SinkRequest, SourcePort, Transmitter } from 'packet-bricks/src/model/backend';
import { createCounterBlock, LINK_DROPS, LINK_RECORD, readCounter, readDrops, type DropCounts } from 'packet-bricks/src/model/counters';
import { parseLinkName } from 'packet-bricks/src/model/link-name';
import type { OptionValues } from 'packet-bricks/src/model/options';
import { createPacketBatch, packetMemory } from 'packet-bricks/src/model/packet-batch';
import { createPacketLists } from 'packet-bricks/src/model/packet-list';
import { ringReader } from 'packet-bricks/src/ring/packet-ring';
import { coreAddon } from 'packet-bricks/src/native/core-addon';
import { discardPipes, PipePorts, preparePipes, type PreparedPipes } from 'packet-bricks/src/pipes';

export class Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exited: Promise<number | null>;
  output = '';
  errors = '';

  constructor(name: string, ...parameters: string[]) {
    this.child = spawn(process.execPath, [join(__dirname, 'programs', `${name}.cjs`), ...parameters], { env: process.env });
    this.child.stdout.on('data', (data: Buffer) => (this.output += data.toString('latin1')));
    this.child.stderr.on('data', (data: Buffer) => (this.errors += data.toString()));
    this.exited = new Promise((resolve) => this.child.once('close', (code) => resolve(code)));
    this.child.stdin.on('error', () => undefined);
  }

  async says(text: string): Promise<void> {
    await until(() => this.output.includes(text) || this.errors.includes(text), `${text} from the program, which said: ${this.output}${this.errors}`);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

export async function until(condition: () => boolean, what: string, milliseconds = 20_000): Promise<void> {
  const limit = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > limit) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function temporaryRunDirectory(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'bricks-pipes-'));
  const before = process.env['BRICKS_RUN_DIRECTORY'];
  process.env['BRICKS_RUN_DIRECTORY'] = directory;
  return () => {
    if (before === undefined) delete process.env['BRICKS_RUN_DIRECTORY'];
    else process.env['BRICKS_RUN_DIRECTORY'] = before;
    rmSync(directory, { recursive: true, force: true });
  };
}

function contextFor(prepared: unknown, batches: OpenContext['batches']): OpenContext {
  return { batchRows: 64, prepared, batches, copies: false, notice: () => undefined };
}

/** The writing ends of pipes, as an engine has them. Packets are numbered as they are accepted. */
export class Writers {
  readonly prepared: unknown;
  readonly counters;
  readonly batch = createPacketBatch(64);
  readonly lists;
  readonly next: number[];
  private readonly transmitter: Transmitter;

  constructor(readonly links: readonly string[], options: OptionValues = {}) {
    const parsed = links.map((text) => parseLinkName(text));
    this.prepared = preparePipes({ engine: 'test', sources: [], sinks: parsed.map((link) => ({ link, options: {} })), ...options, backendOptions: {} });
    this.lists = createPacketLists(links.length, 64);
    this.counters = createCounterBlock(links.length * LINK_RECORD);
    this.next = links.map(() => 0);
    this.batch.memory = packetMemory(new ArrayBuffer(64 * 64));
    for (let row = 0; row < 64; row++) {
      this.batch.offset[row] = row * 64;
      this.batch.length[row] = this.batch.wireLength[row] = 60;
      this.batch.seconds[row] = 1000;
    }
    const requests = parsed.map((link, output): SinkRequest => ({ link, options, lists: this.lists, output, counters: this.counters, record: output * LINK_RECORD }));
    this.transmitter = new PipePorts().openSinks(requests, contextFor(this.prepared, [this.batch]));
  }

  /** Sends up to 64 packets to an output; those that were dropped are offered again under the same number. */
  send(output = 0, count = 64): void {
    const view = new DataView(this.batch.memory.bytes.buffer);
    for (let row = 0; row < count; row++) {
      view.setUint32(row * 64, this.next[output] + row);
      this.batch.nanoseconds[row] = this.next[output] + row;
      this.lists.rows[(output << this.lists.shift) + row] = row;
    }
    this.lists.counts[output] = count;
    this.transmitter.transmit(this.batch, false);
    this.transmitter.flush();
    this.next[output] = this.sent(output);
  }

  /** What an engine does once a millisecond, also while it sends nothing. */
  refresh(): void {
    this.transmitter.refreshCounters?.();
  }

  /** Waits until a program reads the pipe. */
  async read(output = 0): Promise<void> {
    const { end, ring } = (this.prepared as PreparedPipes).pipes[output];
    const memory = ring ?? coreAddon()?.pipeView(end ?? 0).buffer;
    await until(() => memory !== undefined && ringReader(memory) !== 0, `a reader of ${this.links[output]}`);
  }

  sent(output = 0): number {
    return readCounter(this.counters.words, output * LINK_RECORD);
  }

  drops(output = 0): DropCounts {
    return readDrops(this.counters.words, output * LINK_RECORD + LINK_DROPS);
  }

  close(): void {
    this.transmitter.close();
    discardPipes(this.prepared);
  }
}

/** The reading end of a pipe, as an engine has it. */
export class EngineReader {
  readonly batch = createPacketBatch(64);
  readonly prepared: unknown;
  readonly port: SourcePort;

  constructor(text: string) {
    const link = parseLinkName(text);
    this.prepared = preparePipes({ engine: 'test', sources: [{ link, options: {} }], sinks: [], backendOptions: {} });
    this.port = new PipePorts().openSource(
      { link, options: {}, queue: -1, batch: this.batch, flowColumns: true, alsoSink: false, counters: createCounterBlock(LINK_RECORD), record: 0 },
      contextFor(this.prepared, [this.batch]),
    );
  }

  close(): void {
    this.port.close();
    discardPipes(this.prepared);
  }
}
