/** Counts functions of the data path that V8 throws the optimised code of away. */
import { ENGINE_DEOPTIMISATIONS, addToCounter, type CounterBlock } from '../core/counters';
import { methodsOf } from './optimisation';

/** Functions whose state is looked at in one call of `housekeeping`: 100 ns each, and 2 to 3 µs after a sleep, when V8's code is out of the caches. */
const LOOKS_A_CALL = 1;

/**
 * Functions of the data path that were optimised and no longer are. They are looked at in turn, each several times a second; one
 * that has optimised code again by then is not seen. `npm run bench -- steadiness` counts exactly.
 */
export class DeoptimisationCount {
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
