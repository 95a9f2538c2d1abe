/** What an engine needs of its thread, while it warms up and while it runs: the same object, so that V8 sees one. */
import { GCProfiler } from 'node:v8';
import { ENGINE_COLLECTIONS, ENGINE_DEOPTIMISATIONS, addToCounter, type CounterBlock } from '../core/counters';
import type { EngineHost, EngineSource } from '../core/engine';
import { coreAddon } from '../native/core-addon';
import { Waiter } from '../native/system';
import { CONTROL_HEARTBEAT, CONTROL_PACKETS, CONTROL_SOURCE, CONTROL_STOP, CONTROL_WAKE } from './engine-protocol';
import { methodsOf, optimisationProbe } from './optimisation';

const WARM_UP_WAIT_MICROSECONDS = 20;
/** Where nothing tells of collections, the profiler is asked once in so many calls of `housekeeping`: about once a second. */
const WITHOUT_ADDON_EVERY = 1000;
/** Functions whose state is looked at in one call of `housekeeping`: 100 ns each, and 2 to 3 µs after a sleep, when V8's code is out of the caches. */
const LOOKS_A_CALL = 1;

/** Collections of this thread, which no observer sees while there is no event loop. */
class CollectionCount {
  private readonly addon = coreAddon();
  private profiler: GCProfiler | undefined;
  private calls = 0;

  constructor(private readonly counters: CounterBlock) {}

  start(): void {
    this.addon?.collected();
    this.profiler = new GCProfiler();
    this.profiler.start();
  }

  /** Asks the profiler, which answers with text and objects, only where there was a collection. */
  sample(): void {
    if (this.addon ? !this.addon.collected() : ++this.calls < WITHOUT_ADDON_EVERY) return;
    this.calls = 0;
    this.read();
    this.start();
  }

  read(): void {
    const result = this.profiler?.stop();
    this.profiler = undefined;
    if (result) addToCounter(this.counters.words, ENGINE_COLLECTIONS, result.statistics.length);
  }
}

/**
 * Functions of the data path that were optimised and no longer are. They are looked at in turn, each several times a second; one
 * that has optimised code again by then is not seen. `npm run bench -- steadiness` counts exactly.
 */
class DeoptimisationCount {
  private readonly codes: unknown[];
  private readonly were: Uint8Array;
  private next = 0;

  constructor(objects: readonly object[], private readonly counters: CounterBlock, private readonly optimised: (code: unknown) => boolean) {
    this.codes = [...new Set(objects.flatMap(methodsOf))];
    this.were = new Uint8Array(this.codes.length);
  }

  sample(): void {
    const { codes, were } = this;
    for (let look = 0; look < LOOKS_A_CALL; look++) {
      const index = this.next;
      const is = this.optimised(codes[index]) ? 1 : 0;
      if (were[index] > is) addToCounter(this.counters.words, ENGINE_DEOPTIMISATIONS, 1);
      were[index] = is;
      this.next = index + 1 < codes.length ? index + 1 : 0;
    }
  }
}

export class ThreadHost implements EngineHost {
  private collections: CollectionCount | undefined;
  private deoptimisations: DeoptimisationCount | undefined;
  private readonly optimised = optimisationProbe();
  private waiter: Waiter;
  private longestWait = WARM_UP_WAIT_MICROSECONDS;
  /** The control memory, or what stands in for it while packets are synthetic. */
  private books: Int32Array;

  /** `orders` becomes readable with an order, -1 where nothing does. */
  constructor(private readonly control: Int32Array, private readonly orders: number) {
    this.waiter = new Waiter([], control, CONTROL_WAKE);
    this.books = new Int32Array(new ArrayBuffer(control.byteLength));
  }

  /** From now on it works for these sources and counts there, `hot` being the objects whose methods are to stay optimised. */
  attach(sources: readonly EngineSource[], counters: CounterBlock, hot: readonly object[], real = true): void {
    this.waiter = new Waiter(sources, this.control, CONTROL_WAKE, this.orders);
    this.deoptimisations = new DeoptimisationCount(hot, counters, this.optimised);
    this.collections = new CollectionCount(counters);
    this.collections.start();
    this.longestWait = real ? 0x3fffffff : WARM_UP_WAIT_MICROSECONDS;
    if (real) this.books = this.control;
  }

  /** What was not counted yet is. */
  detach(): void {
    this.collections?.read();
  }

  stopRequested(): boolean {
    this.control[CONTROL_HEARTBEAT]++;
    return Atomics.load(this.control, CONTROL_STOP) !== 0;
  }

  took(source: number, packets: number): void {
    this.books[CONTROL_SOURCE] = source;
    this.books[CONTROL_PACKETS] = packets;
  }

  wait(microseconds: number): void {
    this.waiter.wait(Math.min(microseconds, this.longestWait));
  }

  housekeeping(): void {
    this.collections?.sample();
    this.deoptimisations?.sample();
  }
}
