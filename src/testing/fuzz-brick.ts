/**
 * Frames of all kinds and none, which every brick should stand: none may make it throw, read behind a packet, or lose or double one.
 * The same frames go through twice, with other bytes between them: a brick that reads behind a packet comes to other results.
 */
import { AssertionError } from 'node:assert';
import { messageOf } from '../model/errors';
import type { BrickDescription } from '../model/brick-description';
import { SAMPLES, bytesOf } from './frames';
import { FUZZ_LINK_TYPES, fuzzFrame, randomBy } from './fuzz-frames';
import { batchesOf, testPacket, type TestPacket } from './packets';
import { connected, type TestBrickOptions } from './test-brick';
import { TestEngine, compileDescribed } from './test-engine';

export interface FuzzOptions extends TestBrickOptions {
  /** How many frames; default: 20,000, or what the environment says in BRICKS_FUZZ_FRAMES. */
  readonly frames?: number;
  /** Other seeds make other frames; the same seed makes the same. */
  readonly fuzzSeed?: number;
  /** Frames to begin with, beside one of each kind: they come as they are, cut short, made longer and changed. */
  readonly seeds?: readonly Uint8Array[];
}

export interface FuzzReport {
  readonly frames: number;
  readonly batches: number;
}

const FRAMES = 20_000;
const BATCH = 256;
const SMALL_BATCH = 8;
const FILLINGS = [0x00, 0xff];
/** Milliseconds that pass after some batches, for timers. */
const PAUSES = [0, 0, 0, 1, 100];

function makeBatches(count: number, random: (below: number) => number, seeds: readonly Uint8Array[]): TestPacket[][] {
  const batches: TestPacket[][] = [];
  for (let made = 0; made < count;) {
    // Small ones too: only what reads behind the last packet of a batch leaves its memory.
    const size = Math.min(count - made, 1 + random(random(2) === 0 ? SMALL_BATCH : BATCH));
    const linkType = FUZZ_LINK_TYPES[random(FUZZ_LINK_TYPES.length)];
    batches.push(Array.from({ length: size }, (_, index) => {
      const bytes = fuzzFrame(seeds, random);
      return testPacket({ bytes, linkType, wireLength: bytes.length + (random(8) === 0 ? random(2000) : 0) }, made + index);
    }));
    made += size;
  }
  return batches;
}

interface Outcome {
  readonly sent: readonly (readonly TestPacket[])[];
  readonly counters: string;
}

/** Everything that a run made of some batches. */
class Run {
  private readonly engine: TestEngine;
  private fed = 0;

  constructor(brick: BrickDescription, options: FuzzOptions, filling: number) {
    const { graph, classes } = compileDescribed(connected(brick, options.outputs));
    this.engine = new TestEngine(graph, classes, { batch: BATCH, seed: options.seed ?? 1, filling, controls: [], provide: [], tell: () => undefined });
  }

  feed(packets: readonly TestPacket[]): void {
    for (const batch of batchesOf(packets, BATCH)) this.engine.feed(0, batch);
    this.fed += packets.length;
  }

  pass(milliseconds: number): void {
    if (milliseconds > 0) this.engine.advance(milliseconds);
  }

  end(): void {
    this.engine.end();
  }

  /** What it has done since it was last asked. */
  take(): Outcome {
    const sent = this.engine.sent.map((packets) => packets.splice(0));
    const counters = this.engine.statistics.bricks.map(({ label, packetsIn, packetsOut, copies, created, drops, counters: own, gauges }) => ({ label, packetsIn, packetsOut, copies, created, drops, own, gauges }));
    return { sent, counters: JSON.stringify(counters) };
  }

  /** What is wrong with the books. */
  get unbalanced(): string | undefined {
    const { audit } = this.engine;
    if (audit.received !== this.fed) return `${this.fed} packets went in, and ${audit.received} were received`;
    return audit.lines.find(({ balanced }) => !balanced)?.text;
  }
}

function differences(first: Outcome, second: Outcome): string | undefined {
  for (const [output, packets] of first.sent.entries()) {
    const others = second.sent[output];
    if (packets.length !== others.length) return `output ${output} got ${packets.length} packets and then ${others.length}`;
    const at = packets.findIndex((packet, index) => !packet.bytes.equals(others[index].bytes));
    if (at >= 0) return `output ${output} got other bytes: ${packets[at].bytes.toString('hex')} and then ${others[at].bytes.toString('hex')}`;
  }
  return first.counters === second.counters ? undefined : `its counters are ${first.counters} and then ${second.counters}`;
}

/**
 * Fuzzes a brick, or a graph of them: `make` makes it anew, since it is run several times. A brick with a control half runs without it.
 * @throws AssertionError that shows the frame and says how to see it again
 */
export function fuzzBrick(make: () => BrickDescription, options: FuzzOptions = {}): FuzzReport {
  const count = options.frames ?? Number(process.env['BRICKS_FUZZ_FRAMES'] ?? FRAMES);
  const fuzzSeed = options.fuzzSeed ?? 4711;
  const random = randomBy(fuzzSeed);
  const seeds = [...SAMPLES.map(bytesOf), ...(options.seeds ?? [])];
  const batches = makeBatches(count, random, seeds);
  const fail = (what: string, packets: readonly TestPacket[]): never => {
    const culprit = smallest(make, options, packets);
    const shown = culprit === undefined ? '' : ` Link type ${culprit.linkType}, ${culprit.wireLength} bytes on the wire: ${culprit.bytes.toString('hex') || '(empty)'}.`;
    throw new AssertionError({ message: `${make().kind}: ${what}.${shown} (fuzzSeed ${fuzzSeed}, ${count} frames)` });
  };
  const runs = FILLINGS.map((filling) => new Run(make(), options, filling));
  const compare = (packets: readonly TestPacket[]): void => {
    const unbalanced = runs[0].unbalanced;
    if (unbalanced !== undefined) fail(`packets are not conserved: ${unbalanced}`, packets);
    const other = differences(runs[0].take(), runs[1].take());
    if (other !== undefined) fail(`it reads behind a packet, since the same frames with other bytes behind them come to another result: ${other}`, packets);
  };
  for (const packets of batches) {
    const pause = PAUSES[random(PAUSES.length)];
    try {
      for (const run of runs) {
        run.feed(packets);
        run.pass(pause);
      }
    } catch (error) {
      fail(`a frame makes it throw: ${messageOf(error)}`, packets);
    }
    compare(packets);
  }
  for (const run of runs) run.end();
  compare([]);
  return { frames: count, batches: batches.length };
}

/** The frame of a batch that fails on its own, if there is one. */
function smallest(make: () => BrickDescription, options: FuzzOptions, packets: readonly TestPacket[]): TestPacket | undefined {
  const behind = testPacket(Buffer.alloc(60), packets.length);
  // By itself it lies at the very end of its memory; before another there are bytes behind it.
  return packets.find((packet) => goesWrong(make, options, [packet]) || goesWrong(make, options, [packet, { ...behind, linkType: packet.linkType }]));
}

function goesWrong(make: () => BrickDescription, options: FuzzOptions, packets: readonly TestPacket[]): boolean {
  const runs = FILLINGS.map((filling) => new Run(make(), options, filling));
  try {
    for (const run of runs) run.feed(packets);
  } catch {
    return true;
  }
  return runs[0].unbalanced !== undefined || differences(runs[0].take(), runs[1].take()) !== undefined;
}
