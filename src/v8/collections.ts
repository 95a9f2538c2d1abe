/** Counts garbage collections of a thread without an event loop. */
import { GCProfiler } from 'node:v8';
import { ENGINE_COLLECTIONS, addToCounter, type CounterBlock } from '../core/counters';
import { coreAddon } from '../native/core-addon';

/** Where nothing tells of collections, the profiler is asked once in so many calls of `housekeeping`: about once a second. */
const WITHOUT_ADDON_EVERY = 1000;

/** Collections of this thread, which no observer sees while there is no event loop. */
export class CollectionCount {
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
