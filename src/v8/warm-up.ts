/**
 * Warm-up: an engine is run over synthetic packets until its code is optimised, before any port is open, so that the first
 * real packet meets fast code, and later ones nothing that V8 has not seen. An instance does it: the same loop and the same code,
 * other bricks and other counters, which are thrown away.
 */
import type { SourcePort, Transmitter } from '../model/backend';
import { SOURCE_ENDED } from '../model/backend';
import type { CellClock } from '../context/cell-clock';
import { CounterPublisher, createSharedCounters, type CounterBlock } from '../model/counters';
import { Engine, type EngineHost } from '../core/engine';
import { engineSource, type EngineSource } from '../core/engine-source';
import type { EngineGraph } from '../core/engine-graph';
import { LOOK_EVERYWHERE, NOBODY, type GraphWatcher } from '../core/graph-watcher';
import { packetMemory, type PacketBatch } from '../model/packet-batch';
import { OptimisationProbe, SLOW, expectNativeMemory, methodsOf } from './optimisation';
import { fillBatch, syntheticMemory } from './synthetic-traffic';

/** Looks of one run of the loop that find packets, mostly; and empty ones before, in some runs: then it waits. */
const RUN_LOOKS = 40;
const IDLE_LOOKS = 30;
const IDLE_EVERY = 4;
const CHECK_EVERY = 4;
/** Warm once V8 has optimised nothing more for so long: what is called comes after what calls it. */
const SETTLED_MILLISECONDS = 40;
/** And for so many looks, where the engine's loop itself is not optimised: with its compilers switched off V8 would never say so. */
const SETTLED_LOOKS = 10_000;
/** How long, where V8 does not tell. */
const UNTOLD_MILLISECONDS = 200;
/** How long the first instance runs. */
const REHEARSAL_MILLISECONDS = 20;
/** What passes for the engine's clock with each batch. */
const SKIPPED_NANOSECONDS = 400_000;
/** The same with each empty look: a new engine is wakeful for 100 ms. */
const SKIPPED_IDLE_NANOSECONDS = 20_000_000;
/** More than V8 tells apart at one place: then it takes ports there to be anything, as those of backends are. */
const PORT_SHAPES = 6;
/** A full output, once in so many batches, and how often it is asked again then. */
const FULL_EVERY = 509;
const FULL_ATTEMPTS = 23;
/** One run in so many is watched; by watchers of many shapes, so that V8 assumes nothing about them. */
const WATCHED_EVERY = 5;
const PASSED_OVER = 1000;
const WATCHERS: readonly GraphWatcher[] = Array.from({ length: PORT_SHAPES }, (_, shape) => ({ [`shape${shape}`]: shape, ...(shape % 2 === 0 ? NOBODY : anybody()) }));

/** Other functions than NOBODY's: V8 takes the only one that it has seen for the only one that there is. */
function anybody(): GraphWatcher {
  const nothing = (): void => undefined;
  return {
    look: nothing, entered: nothing, enteredSide: nothing, given: nothing, copied: nothing, ran: nothing, failed: nothing, lostHeld: nothing, releasing: nothing, released: nothing, sending: () => true, sent: nothing,
  };
}

/** What an engine that warms up needs of its thread. */
export interface WarmUpHost extends EngineHost {
  attach(sources: readonly EngineSource[], counters: CounterBlock, hot: readonly object[], real?: boolean): void;
  detach(): void;
}

/** What a warm-up works on. */
export interface WarmUpInstance {
  readonly graph: EngineGraph;
  /** Indexes of the bricks that sources feed. */
  readonly entries: readonly number[];
  readonly batch: PacketBatch;
  readonly counters: CounterBlock;
  readonly clock: CellClock;
  /** What it has counted, held and remembered is thrown away. */
  end(): void;
}

/** Where the packets of a warm-up come from and go to. */
class SyntheticTraffic {
  looks = 0;
  private batches = 0;
  private full = 0;

  constructor(private readonly instance: WarmUpInstance) {
    instance.batch.memory = packetMemory(syntheticMemory());
  }

  receive(): number {
    const look = this.looks--;
    if (look <= 0) return SOURCE_ENDED;
    const { batch, clock } = this.instance;
    if (look > RUN_LOOKS) clock.cell[1] += SKIPPED_IDLE_NANOSECONDS;
    if (look > RUN_LOOKS || look % 16 === 0) return 0;
    fillBatch(batch, this.batches++);
    clock.cell[1] += SKIPPED_NANOSECONDS;
    return batch.count;
  }

  transmit(wait: boolean): number {
    if (wait && this.full === 0 && this.batches % FULL_EVERY === 0) this.full = FULL_ATTEMPTS;
    if (this.full > 0 && --this.full > 0) return 1;
    for (const node of this.instance.graph.nodes) node.outputs.counts.fill(0);
    return 0;
  }
}

/** A source and a transmitter like no others: `shape` makes their classes differ, and half of their functions. */
function portsOfShape(shape: number, traffic: SyntheticTraffic): { source: SourcePort; transmitter: Transmitter } {
  const mark = { [`shape${shape}`]: shape };
  const nothing = shape & 1 ? (): void => undefined : function idle(): void {
    return;
  };
  return {
    source: {
      ...mark,
      link: { kind: 'interface', text: 'warm-up', device: 'warm-up' },
      descriptor: -1,
      lossless: false,
      receive: shape & 1 ? () => traffic.receive() : function receive() {
        return traffic.receive();
      },
      release: nothing,
      close: nothing,
      ...(shape & 2 ? { nextDue: () => 0.02, refreshCounters: nothing, waited: true } : {}),
    },
    transmitter: {
      ...mark,
      transmit: shape & 1 ? (_batch, wait) => traffic.transmit(wait) : function transmit(_batch, wait) {
        return traffic.transmit(wait);
      },
      flush: nothing,
      close: nothing,
      ...(shape & 2 ? { refreshCounters: nothing } : {}),
    },
  };
}

/**
 * Runs instances until their code is optimised or the time is over; returns the microseconds it took. Two of them, the first one shortly:
 * what V8 has seen once, it takes for all there will ever be.
 * @throws BricksError E_BRICK_FAILED
 */
export function warmUp(makeInstance: () => WarmUpInstance, host: WarmUpHost, milliseconds: number): number {
  const begin = performance.now();
  expectNativeMemory();
  for (const limit of [Math.min(milliseconds, REHEARSAL_MILLISECONDS), milliseconds]) {
    const instance = makeInstance();
    runInstance(instance, host, limit);
    instance.end();
  }
  return Math.round((performance.now() - begin) * 1000);
}

function runInstance(instance: WarmUpInstance, host: WarmUpHost, milliseconds: number): void {
  const begin = performance.now();
  const { graph, clock, counters } = instance;
  const traffic = new SyntheticTraffic(instance);
  const publisher = new CounterPublisher(counters, createSharedCounters(counters.words.length / 2));
  const runs = Array.from({ length: PORT_SHAPES }, (_, shape) => {
    const { source, transmitter } = portsOfShape(shape, traffic);
    const sources = instance.entries.map((entry) => engineSource(source, instance.batch, entry));
    return { sources, engine: new Engine(sources, graph, [transmitter], counters, publisher, clock, host, (shape & 1) === 0) };
  });
  const hot = runs[0].engine.hotObjects;
  host.attach(runs.flatMap((run) => run.sources), counters, hot, false);
  const progress = new Progress(hot, begin);
  for (let round = 0; performance.now() - begin < milliseconds; round++) {
    const { sources, engine } = runs[round % PORT_SHAPES];
    traffic.looks = RUN_LOOKS + (round < PORT_SHAPES || round % IDLE_EVERY === 0 ? IDLE_LOOKS : 0);
    reopen(sources);
    // As if somebody looked, now and then: V8 would throw away code that has never met that when a tap comes.
    graph.watch.watcher = WATCHERS[round % PORT_SHAPES];
    graph.watch.on[0] = round % WATCHED_EVERY === 0 ? LOOK_EVERYWHERE : 0;
    // Or waited for the next packet of a sample.
    if (round % 2 === 0) graph.watch.passOver(PASSED_OVER, graph.nodes[0].outputs.counts, 0, 1);
    if (engine.run() === 'stopped') break;
    if (round % CHECK_EVERY === CHECK_EVERY - 1 && progress.settled(performance.now())) break;
  }
  graph.watch.passNoMore();
  host.detach();
  clock.cell[1] = 0;
}

/**
 * Whether V8 has done its work. It is asked of all code together: a function that V8 has inlined into its callers, or that does nothing, is never
 * optimised separately, however often it runs.
 */
class Progress {
  private readonly probe = new OptimisationProbe();
  private readonly codes: unknown[];
  private known = 0;
  private looks = 0;

  constructor(hot: readonly object[], private since: number) {
    this.codes = [...new Set(hot.flatMap(methodsOf))];
  }

  /** Asked after `CHECK_EVERY` runs each. */
  settled(now: number): boolean {
    if (!this.probe.available) return now - this.since > UNTOLD_MILLISECONDS;
    this.looks += CHECK_EVERY * RUN_LOOKS;
    let tiers = 0;
    for (const code of this.codes) tiers += Math.max(0, this.probe.tier(code));
    if (tiers !== this.known) {
      this.known = tiers;
      this.since = now;
      this.looks = 0;
    }
    return now - this.since > SETTLED_MILLISECONDS && (this.looks > SETTLED_LOOKS || this.probe.tier(Engine.loopCode) > SLOW);
  }
}

function reopen(sources: readonly EngineSource[]): void {
  for (const source of sources) source.ended = false;
}
