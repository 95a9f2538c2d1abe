/** Counts functions of the data path whose optimised code V8 throws away. */
import { ENGINE_DEOPTIMISATIONS, UNKNOWN_COUNT, addToCounter, setCounter, type CounterBlock } from '../model/counters';
import { UNKNOWN, methodsOf, type OptimisationProbe } from './optimisation';

/** Functions whose state is looked at in one call of `sample`: 100 ns each, and 2 to 3 µs after a sleep, when V8's code is out of the caches. */
const LOOKS_A_CALL = 1;

/**
 * Functions of the data path that were optimised and no longer are, or less. They are looked at in turn, each several times a second; one
 * that has optimised code again by then is not seen. `npm run bench -- steadiness` counts exactly.
 */
export class DeoptimisationCount {
  private readonly codes: unknown[];
  private readonly were: Int8Array;
  private next = 0;

  constructor(objects: readonly object[], private readonly counters: CounterBlock, private readonly probe: OptimisationProbe) {
    this.codes = [...new Set(objects.flatMap(methodsOf))];
    this.were = new Int8Array(new ArrayBuffer(this.codes.length)).fill(UNKNOWN);
  }

  sample(): void {
    const { codes, were } = this;
    if (!this.probe.available) setCounter(this.counters.words, ENGINE_DEOPTIMISATIONS, UNKNOWN_COUNT);
    else if (codes.length > 0) {
      for (let look = 0; look < LOOKS_A_CALL; look++) {
        const index = this.next;
        const tier = this.probe.tier(codes[index]);
        if (tier !== UNKNOWN && were[index] > tier) addToCounter(this.counters.words, ENGINE_DEOPTIMISATIONS, 1);
        were[index] = tier;
        this.next = index + 1 < codes.length ? index + 1 : 0;
      }
    }
  }
}
