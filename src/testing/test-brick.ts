/** A brick in a test: `const { outputs } = await runBrick(new BySize({ limit: 200 }), packets)`. */
import { Mailbox, createMailbox } from '../control/mailbox';
import type { Audit, BrickStatistics, EngineStatistics } from '../control/statistics';
import type { BrickDescription } from '../model/brick-description';
import type { ControlHalf } from '../model/brick';
import type { BrickClass } from '../model/define-brick';
import { BricksError } from '../model/errors';
import { MAXIMUM_BATCH_ROWS } from '../model/packet-batch';
import type { Provision } from '../plugins/engine-container';
import { batchesOf, testPacket, type GivenPacket, type TestPacket } from './packets';
import { TestEngine, compileDescribed } from './test-engine';

export interface TestBrickOptions {
  /** How many outputs a brick gets that was given none; default: the least that it takes. */
  readonly outputs?: number;
  /** Packets in a batch, at most; default: 256. */
  readonly batch?: number;
  /** What its random numbers begin with. */
  readonly seed?: number;
  /** What its classes get for tokens in place of what the engine gives: `[[tokens.CLOCK, clock]]`. */
  readonly provide?: readonly Provision[];
}

const BATCH = 256;
/** What lies between packets; `fuzzBrick` looks whether a brick reads it. */
const FILLING = 0xa5;

/** Gives links to a brick that has none, so that a test need not name them. */
export function connected(brick: BrickDescription, outputs = brick.declaration.outputs.minimum): BrickDescription {
  if (brick.inputs.length === 0) brick.connectInput(...Array.from({ length: brick.declaration.inputs.minimum }, (_, index) => `in${index}`));
  if (brick.outputs.length === 0) brick.connectOutput(...Array.from({ length: outputs }, (_, index) => `out${index}`));
  return brick;
}

interface RunningControl {
  readonly id: number;
  readonly half: ControlHalf;
  readonly mail: Mailbox;
}

/** A brick, or a graph of them, between a test's packets and the test. */
export class TestBrick {
  /** All packets that were sent in. */
  readonly input: TestPacket[] = [];
  /** What it has written to its log. */
  readonly log: string[] = [];
  private ended = false;
  private engine!: TestEngine;
  private controls: RunningControl[] = [];

  private constructor(private readonly brick: BrickDescription, private readonly batch: number) {}

  /** Makes the brick, as an engine does. @throws BricksError that names brick and link, or what the brick throws */
  static async open(brick: BrickDescription, options: TestBrickOptions = {}): Promise<TestBrick> {
    const batch = Math.max(1, Math.min(MAXIMUM_BATCH_ROWS, options.batch ?? BATCH));
    const test = new TestBrick(connected(brick, options.outputs), batch);
    await test.start(options.seed ?? 1, options.provide ?? []);
    return test;
  }

  private async start(seed: number, provide: readonly Provision[]): Promise<void> {
    const { graph, classes } = compileDescribed(this.brick);
    const links = graph.bricks.flatMap(({ options }, node) => {
      const { declaration, definition } = classes[node];
      return declaration.control ? [{ node, shared: definition.shared?.(options), toEngine: createMailbox(), fromEngine: createMailbox() }] : [];
    });
    const tell = (text: string): void => void this.log.push(text);
    for (const link of links) this.controls.push(await startControl(graph.bricks[link.node], classes[link.node], link, tell));
    this.engine = new TestEngine(graph, classes, { batch: this.batch, seed, filling: FILLING, controls: links, provide, tell });
  }

  /** Sends packets in, in order, by its first input. @throws BricksError E_BRICK_FAILED */
  send(...packets: readonly GivenPacket[]): this {
    return this.sendBy(0, ...packets);
  }

  /** Sends packets in by another input: 0 is the first. */
  sendBy(input: number, ...packets: readonly GivenPacket[]): this {
    if (this.ended) throw new BricksError('E_ARGUMENT', 'The test of this brick has ended.', 'Open another one: TestBrick.open(brick).');
    const known = packets.map((packet, index) => testPacket(packet, this.input.length + index));
    this.input.push(...known);
    for (const batch of batchesOf(known, this.batch)) this.engine.feed(input, batch);
    this.deliver();
    return this;
  }

  /** Lets so many milliseconds pass: what the brick does by the clock is done. */
  advance(milliseconds: number): this {
    this.engine.advance(milliseconds);
    this.deliver();
    return this;
  }

  /** Ends it in an orderly way: what it holds has to go. */
  async end(): Promise<this> {
    if (this.ended) return this;
    this.ended = true;
    this.engine.end();
    this.deliver();
    for (const { half } of this.controls) await half.stop?.();
    return this;
  }

  /** Calls a method of its control half. */
  async call(method: string, ...values: readonly unknown[]): Promise<unknown> {
    const methods = this.controls.find(({ id }) => id === this.brick.id)?.half.methods ?? {};
    if (!Object.hasOwn(methods, method)) throw new BricksError('E_BRICK_CALL', `The brick ${this.brick.kind} has no method "${method}".`);
    const result: unknown = await (methods[method] as (...values: readonly unknown[]) => unknown)(...values);
    this.engine.round();
    return result;
  }

  /** What both halves have sent each other arrives. */
  private deliver(): void {
    for (const { half, mail } of this.controls) {
      for (let next = mail.take(); next !== undefined; next = mail.take()) half.onMessage?.(next.message);
    }
    if (!this.ended) this.engine.round();
  }

  /** What has come out so far, by output. */
  get outputs(): readonly (readonly TestPacket[])[] {
    return this.engine.sent;
  }

  /** What has come out so far by the link of this name. */
  output(name: string): readonly TestPacket[] {
    const index = this.engine.graph.sinks.findIndex(({ link }) => link.text === name);
    if (index < 0) throw new BricksError('E_ARGUMENT', `No output is called ${name}.`, `There are: ${this.engine.graph.sinks.map(({ link }) => link.text).join(', ')}.`);
    return this.engine.sent[index];
  }

  get statistics(): EngineStatistics {
    return this.engine.statistics;
  }

  get audit(): Audit {
    return this.engine.audit;
  }

  private get own(): BrickStatistics {
    return this.statistics.bricks.find(({ id }) => id === this.brick.id) as BrickStatistics;
  }

  /** Packets that the brick dropped. */
  get dropped(): number {
    return this.own.dropped;
  }

  /** Packets that the brick holds. */
  get held(): number {
    return this.own.held;
  }

  /** The brick's own counters. */
  get counters(): Readonly<Record<string, number>> {
    return this.own.counters;
  }

  /** The brick's own gauges. */
  get gauges(): Readonly<Record<string, number>> {
    return this.own.gauges;
  }
}

async function startControl(
  { label, options, specification, outputs }: TestEngine['graph']['bricks'][number], { definition }: BrickClass, link: { shared: unknown; toEngine: SharedArrayBuffer; fromEngine: SharedArrayBuffer },
  tell: (text: string) => void,
): Promise<RunningControl> {
  const toEngine = new Mailbox(link.toEngine);
  const write = (text: string): void => tell(`${label}: ${text}`);
  const log = { debug: () => undefined, info: write, warn: write, error: write };
  const half = await definition.control?.(options, { name: label, engine: 'test', outputs, otherOutputs: [], shared: link.shared, log, post: (message) => toEngine.post(message) });
  return { id: specification.id, half: (half ?? {}) as ControlHalf, mail: new Mailbox(link.fromEngine) };
}

/** Sends packets through a brick and ends it. @throws BricksError E_BRICK_FAILED */
export async function runBrick(brick: BrickDescription, packets: Iterable<GivenPacket>, options: TestBrickOptions = {}): Promise<TestBrick> {
  const test = await TestBrick.open(brick, options);
  return test.send(...packets).end();
}
