/** What the tests of capture files share. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SourcePort } from 'packet-bricks/src/model/backend';
import { LINK_BYTES, LINK_DROPS, LINK_PACKETS, LINK_RECORD, createCounterBlock, readCounter, readDrops, type CounterBlock, type DropCounts } from 'packet-bricks/src/model/counters';
import { parseLinkName } from 'packet-bricks/src/model/link-name';
import type { OptionValues } from 'packet-bricks/src/model/options';
import { createPacketBatch, packetMemory, type PacketBatch } from 'packet-bricks/src/model/packet-batch';
import { createPacketLists, type PacketLists } from 'packet-bricks/src/model/packet-list';
import type { CapturedPacket } from 'packet-bricks/src/files/capture-file';
import { FileSource } from 'packet-bricks/src/files/file-source';
import { FileTransmitter } from 'packet-bricks/src/files/file-sink';
import { RecorderThread } from 'packet-bricks/src/files/recorder-thread';
import { nativeFiles } from 'packet-bricks/src/files/native-files';

export const hasNative = nativeFiles() !== undefined;
export const captures = process.env['BRICKS_CAPTURES'] ?? resolve(__dirname, '../../../shared/data/captures');

/** `it`, or a skipped test whose name says what is missing. */
export function itNeeds(missing: string | false): (name: string, body: () => void | Promise<void>, timeout?: number) => void {
  return (name, body, timeout) => {
    if (missing === false) it(name, body, timeout);
    else it.skip(`${name} (skipped: ${missing})`, body, timeout);
  };
}

export function lacks(program: string): string | false {
  return spawnSync('which', [program]).status === 0 ? false : `${program} is not installed`;
}

export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
}

/** A directory that is gone after the tests of a file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'bricks-files-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function packetOf(length: number, index = 0, more: Partial<CapturedPacket> = {}): CapturedPacket {
  const data = new Uint8Array(length);
  for (let at = 0; at < length; at++) data[at] = (at * 7 + index * 31) & 0xff;
  return { seconds: 1_700_000_000 + index, nanoseconds: (index * 1_234_567) % 1_000_000_000, bytes: data, wireLength: length, linkType: 1, ...more };
}

export function packetsOf(batch: PacketBatch): Required<CapturedPacket>[] {
  return Array.from({ length: batch.count }, (_, row) => ({
    seconds: batch.seconds[row],
    nanoseconds: batch.nanoseconds[row],
    bytes: batch.memory.bytes.slice(batch.offset[row], batch.offset[row] + batch.length[row]),
    wireLength: batch.wireLength[row],
    linkType: batch.linkType,
  }));
}

export interface OpenedSource {
  readonly port: SourcePort;
  readonly batch: PacketBatch;
  readonly notices: string[];
  /** Kinds of the faults that it reported. */
  readonly faults: string[];
  readonly counters: CounterBlock;
}

export function openSource(path: string, options: OptionValues = {}, more: { clock?: () => number; native?: boolean; flow?: boolean; rows?: number } = {}): OpenedSource {
  const batch = createPacketBatch(more.rows ?? 256);
  const counters = createCounterBlock(LINK_RECORD);
  const notices: string[] = [];
  const faults: string[] = [];
  const request = { link: parseLinkName(path, 'file'), options, queue: -1, batch, flowColumns: more.flow ?? false, alsoSink: false, counters, record: 0 };
  const port = new FileSource(request, (text, fault) => {
    notices.push(text);
    if (fault) faults.push(fault.kind);
  }, more.clock, more.native);
  return { port, batch, notices, faults, counters };
}

/** Everything that a source delivers until it ends. */
export function drainSource(source: OpenedSource): Required<CapturedPacket>[] {
  const packets: Required<CapturedPacket>[] = [];
  for (;;) {
    const rows = source.port.receive();
    if (rows < 0) return packets;
    if (rows === 0) throw new Error('the source has nothing now');
    packets.push(...packetsOf(source.batch));
    source.port.release();
  }
}

/** A transmitter with a batch that tests fill; the lists of several files are interleaved. */
export class SinkBench {
  readonly batch = createPacketBatch(256);
  readonly counters: CounterBlock;
  readonly lists: PacketLists;
  readonly notices: string[] = [];
  readonly transmitter: FileTransmitter;

  constructor(paths: readonly string[], options: OptionValues = {}, native = true, recorder = new RecorderThread()) {
    this.counters = createCounterBlock(LINK_RECORD * paths.length);
    this.lists = createPacketLists(paths.length, 256, paths.length > 1);
    const buffer = new ArrayBuffer(1 << 21);
    this.batch.memory = packetMemory(buffer);
    const context = { batchRows: 256, prepared: undefined, batches: [this.batch], copies: false, notice: (text: string) => { this.notices.push(text); } };
    const requests = paths.map((path, output) => ({ link: parseLinkName(path, 'file'), options, lists: this.lists, output, counters: this.counters, record: LINK_RECORD * output }));
    this.transmitter = new FileTransmitter(requests, context, undefined, native, () => recorder);
  }

  /** Puts the packets, all of one link type, on the lists of all outputs, and sends them. */
  send(packets: readonly CapturedPacket[], wait = false): number {
    const { batch, lists } = this;
    batch.linkType = packets[0]?.linkType ?? 1;
    let at = 0;
    packets.forEach((packet, row) => {
      batch.memory.bytes.set(packet.bytes, at);
      batch.offset[row] = at;
      batch.length[row] = packet.bytes.length;
      batch.wireLength[row] = packet.wireLength ?? packet.bytes.length;
      batch.seconds[row] = packet.seconds;
      batch.nanoseconds[row] = packet.nanoseconds;
      at += (packet.bytes.length + 3) & ~3;
    });
    batch.count = packets.length;
    for (let output = 0; output < lists.outputs; output++) {
      lists.counts[output] = packets.length;
      for (let row = 0; row < packets.length; row++) lists.rows[(output << lists.shift) + (row << lists.step)] = row;
    }
    return this.again(wait);
  }

  again(wait: boolean): number {
    const held = this.transmitter.transmit(this.batch, wait);
    this.transmitter.flush();
    return held;
  }

  sent(output = 0): number {
    return readCounter(this.counters.words, LINK_RECORD * output + LINK_PACKETS);
  }

  bytes(output = 0): number {
    return readCounter(this.counters.words, LINK_RECORD * output + LINK_BYTES);
  }

  drops(output = 0): DropCounts {
    return readDrops(this.counters.words, LINK_RECORD * output + LINK_DROPS);
  }
}

export function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

export function capturesMissing(): string | false {
  return existsSync(captures) ? false : 'no sample captures: set BRICKS_CAPTURES';
}

/** A packet as one line: much faster to compare than arrays of bytes. */
export function lineOf(packet: CapturedPacket): string {
  return [packet.seconds, packet.nanoseconds, packet.wireLength, packet.linkType, Buffer.from(packet.bytes).toString('base64')].join(' ');
}

/** Whether any process, a guardian say, has a file of this folder open. */
export function isOpen(folder: string): boolean {
  return readdirSync('/proc').some((process) => {
    if (!/^\d+$/.test(process)) return false;
    try {
      return readdirSync(`/proc/${process}/fd`).some((descriptor) => readlinkSync(`/proc/${process}/fd/${descriptor}`).startsWith(folder));
    } catch {
      return false;
    }
  });
}

/** Copies files, one after the other, into one target, as an engine does. */
export function copyFiles(from: readonly string[], to: string, options: OptionValues = {}, native = true): { readonly drops: DropCounts; readonly notices: readonly string[] } {
  const batch = createPacketBatch(128);
  const counters = createCounterBlock(2 * LINK_RECORD);
  const lists = createPacketLists(1, 128);
  const notices: string[] = [];
  const notice = (text: string): void => { notices.push(text); };
  const context = { batchRows: 128, prepared: undefined, batches: [batch], copies: false, notice };
  const transmitter = new FileTransmitter([{ link: parseLinkName(to, 'file'), options, lists, output: 0, counters, record: LINK_RECORD }], context, undefined, native);
  for (const path of from) {
    const source = new FileSource({ link: parseLinkName(path, 'file'), options: {}, queue: -1, batch, flowColumns: false, notes: true, alsoSink: false, counters, record: 0 }, notice, undefined, native);
    for (let rows = source.receive(); rows > 0; rows = source.receive()) {
      for (let row = 0; row < rows; row++) lists.rows[row << lists.step] = row;
      lists.counts[0] = rows;
      for (let held = transmitter.transmit(batch, true); held > 0; held = transmitter.transmit(batch, true)) {
        transmitter.flush();
        pause(1);
      }
      transmitter.flush();
      source.release();
    }
  }
  transmitter.close();
  return { drops: readDrops(counters.words, LINK_RECORD + LINK_DROPS), notices };
}
