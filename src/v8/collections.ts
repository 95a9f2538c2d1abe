/** Counts garbage collections of a thread without an event loop. */
import { GCProfiler } from 'node:v8';
import { ENGINE_COLLECTIONS, UNKNOWN_COUNT, addToCounter, setCounter, type CounterBlock } from '../model/counters';
import { coreAddon } from '../native/core-addon';

/** Where nothing tells of collections, the profiler is asked once in so many calls of `sample`: about once a second. */
const WITHOUT_ADDON_EVERY = 1000;

/** Collections of this thread, which no observer sees while there is no event loop. Where they can't be counted the figure is missing. */
export class CollectionCount {
  private readonly addon = coreAddon();
  private profiler: GCProfiler | undefined;
  private calls = 0;
  private failed = false;

  constructor(private readonly counters: CounterBlock) {}

  start(): void {
    try {
      this.addon?.collected();
      this.profiler = new GCProfiler();
      this.profiler.start();
    } catch {
      this.giveUp();
    }
  }

  /** Asks the profiler, which answers with text and objects, only where there was a collection. */
  sample(): void {
    if (this.failed || (this.addon ? !this.addon.collected() : ++this.calls < WITHOUT_ADDON_EVERY)) return;
    this.calls = 0;
    this.read();
    this.start();
  }

  read(): void {
    if (this.failed) return;
    try {
      const result = this.profiler?.stop();
      this.profiler = undefined;
      if (result) addToCounter(this.counters.words, ENGINE_COLLECTIONS, result.statistics.length);
    } catch {
      this.giveUp();
    }
  }

  private giveUp(): void {
    this.failed = true;
    this.profiler = undefined;
    setCounter(this.counters.words, ENGINE_COLLECTIONS, UNKNOWN_COUNT);
  }
}
