/** Traffic through an engine that is changed meanwhile, and what must be true of it. */
import { attach, type PacketEngine, type PipeReader } from 'packet-bricks';
import { flowPacket, loopback, numberOf, numbersOf, turn, until } from '../support/loopback-engine';

export const FLOWS = 20;

const running = new Set<Traffic>();

/** For afterEach. */
export async function stopTraffic(): Promise<void> {
  for (const traffic of running) await traffic.stop();
}

/** Packets that arrive while others change the engine; what goes out is taken meanwhile. */
export class Traffic {
  sent = 0;
  readonly received = new Map<string, number[]>();
  private done: Promise<void> | undefined;
  private stopping = false;

  constructor(private readonly outputs: readonly string[], private readonly input = 'in') {}

  start(): this {
    this.done = this.run();
    running.add(this);
    return this;
  }

  async stop(): Promise<void> {
    running.delete(this);
    this.stopping = true;
    await this.done;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      for (let burst = 0; burst < 50; burst++) {
        if (!loopback.inject(this.input, flowPacket(this.sent % FLOWS, this.sent).bytes)) break;
        this.sent++;
      }
      this.take();
      await turn();
    }
  }

  take(): void {
    for (const name of this.outputs) this.of(name).push(...numbersOf(loopback.read(name)));
  }

  of(name: string): number[] {
    const known = this.received.get(name) ?? [];
    this.received.set(name, known);
    return known;
  }

  get total(): number {
    return [...this.received.values()].reduce((sum, numbers) => sum + numbers.length, 0);
  }

  async passed(packets: number): Promise<void> {
    const limit = this.total + packets;
    await until(() => this.total >= limit);
  }

  async end(engine: PacketEngine): Promise<void> {
    await this.stop();
    await until(() => engine.stats().packets === this.sent);
    await engine.stop();
    this.take();
  }
}

const ascending = (numbers: readonly number[]): boolean => numbers.every((number, index) => index === 0 || number > numbers[index - 1]);

export function expectFlowsInOrder(numbers: readonly number[]): void {
  for (let flow = 0; flow < FLOWS; flow++) expect(ascending(numbers.filter((number) => number % FLOWS === flow))).toBe(true);
}

export function expectEachOnce(numbers: readonly number[], count: number): void {
  expect(numbers.length).toBe(count);
  expect(new Set(numbers).size).toBe(count);
}

/** A program's reader of a pipe, in this process. */
export class Reader {
  readonly numbers: number[] = [];
  ended = false;
  readonly done: Promise<void>;

  private constructor(pipe: PipeReader) {
    this.done = this.read(pipe);
  }

  static async of(link: string): Promise<Reader> {
    return new Reader(await attach(link));
  }

  private async read(pipe: PipeReader): Promise<void> {
    for await (const batch of pipe) {
      for (let row = 0; row < batch.count; row++) this.numbers.push(numberOf(batch.memory.bytes.subarray(batch.offset[row], batch.offset[row] + batch.length[row])));
    }
    this.ended = true;
  }
}
