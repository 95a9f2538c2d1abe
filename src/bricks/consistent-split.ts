/**
 * Shares flows out over outputs, destinations or whatever has a name, some of which may be left out for a time: their flows go to those with the next
 * highest draws (draws.ts), and all others stay where they are.
 */
import { uint16Array } from '../model/typed-arrays';
import { Draws, FLOW_WORDS } from './draws';

/** In an entry of the table, in front of the number: it is not the one that these flows have while none is left out. */
export const MOVED = 0x8000;
/** Those that are known for each word, by their draws. Where all of them are left out, the others draw anew. */
const DEPTH = 8;

/** Splits flows over places that come and go: only the flows of a place that has gone move, and they come back with it. */
export class ConsistentSplit {
  /** By flow word (16 bits): the place of its name in the list, and MOVED if it has gone to another one. Outside of V8's heap: loops have its address compiled in. */
  readonly table = uint16Array(FLOW_WORDS);
  private readonly draws: Draws;
  private readonly ranking: Uint16Array;
  private readonly usual: Uint16Array;
  private readonly depth: number;

  /** `names`: at most 4,096, no two the same. `usual`: where flows go while none is left out, if not by the draws. */
  constructor(names: readonly string[] | Draws, usual?: Uint16Array) {
    this.draws = names instanceof Draws ? names : new Draws(names, undefined);
    this.depth = Math.min(DEPTH, this.draws.count);
    this.ranking = this.draws.rank(this.depth);
    this.usual = usual ?? this.ranking.filter((_, place) => place % this.depth === 0);
    this.allow(new Uint8Array(this.draws.count).fill(1));
  }

  /** Leaves out those that have no 1; one at least has to have it. 0.1 to 0.2 ms. */
  allow(allowed: Uint8Array): void {
    const { table, usual, ranking, depth, draws } = this;
    const entrants = draws.entrants(allowed);
    for (let word = 0; word < FLOW_WORDS; word++) {
      const output = usual[word];
      if (allowed[output] === 1) {
        table[word] = output;
        continue;
      }
      const first = word * depth;
      let rank = 0;
      while (rank < depth && allowed[ranking[first + rank]] === 0) rank++;
      table[word] = MOVED | (rank < depth ? ranking[first + rank] : draws.winner(word, entrants));
    }
  }
}
