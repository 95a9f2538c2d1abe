/**
 * Rendezvous hashing: each output draws a number for each flow word, from its name and the word, and the highest draw gets the word. A word
 * changes hands only where its output goes, or where one that comes draws a higher number.
 *
 * A draw u of an output with weight w counts as log(u) / w, by which it wins a share of w out of the sum of all. Equal weights need no
 * logarithm, and give the same outputs as with one.
 */
// Called millions of times; as constants they are looked up once, wherever this runs.
const { exp, imul, log } = Math;

/** Flow words have 16 bits. */
export const FLOW_WORDS = 65_536;

export class Draws {
  /** Outputs in the order of their names, so that who wins a tie does not depend on the order of the outputs. */
  private readonly order: number[];
  private readonly seeds: Uint32Array;
  private readonly weights: Float64Array | undefined;
  private readonly heaviest: number;

  /** `weights`: one for each output, or all the same. */
  constructor(names: readonly string[], weights: readonly number[] | undefined) {
    this.order = names.map((_, output) => output).sort((one, other) => (names[one] < names[other] ? -1 : 1));
    this.seeds = Uint32Array.from(this.order, (output) => seedOf(names[output]));
    this.weights = weights && Float64Array.from(this.order, (output) => weights[output]);
    this.heaviest = weights ? Math.max(...weights) : 0;
  }

  /** How many draw. */
  get count(): number {
    return this.order.length;
  }

  /**
   * The outputs with the highest draws for each flow word, `depth` of them: those of a word beside each other, the highest first.
   * N x 65,536 draws: 6 ms for 4 outputs, 20 ms for 64, 0.2 s for 1,000.
   */
  rank(depth: number): Uint16Array {
    const { order, seeds, weights, heaviest } = this;
    const ranking = new Uint16Array(FLOW_WORDS * depth);
    const best = new Float64Array(depth);
    const last = depth - 1;
    for (let word = 0; word < FLOW_WORDS; word++) {
      const spread = imul(word, SPREAD);
      const first = word * depth;
      best.fill(-Infinity);
      // A draw up to this is not among them, whichever weight it has: most need no logarithm.
      let hopeless = -1;
      for (let index = 0; index < seeds.length; index++) {
        const draw = scramble(spread ^ seeds[index]);
        if (draw <= hopeless) continue;
        const score = weights ? log((draw + 0.5) * 2 ** -32) / weights[index] : draw;
        if (score <= best[last]) continue;
        let place = last;
        for (; place > 0 && score > best[place - 1]; place--) {
          best[place] = best[place - 1];
          ranking[first + place] = ranking[first + place - 1];
        }
        best[place] = score;
        ranking[first + place] = order[index];
        if (best[last] > -Infinity) hopeless = weights ? exp(best[last] * heaviest) * 2 ** 32 - 2 : best[last];
      }
    }
    return ranking;
  }

  /** Some of the outputs, for `winner`: those that have a 1. */
  entrants(allowed: Uint8Array): Uint16Array {
    return Uint16Array.from(this.order.keys()).filter((index) => allowed[this.order[index]] === 1);
  }

  /** The output with the highest draw for a word among these. */
  winner(word: number, entrants: Uint16Array): number {
    const { order, seeds, weights } = this;
    const spread = imul(word, SPREAD);
    let best = -Infinity;
    let winner = 0;
    for (let entrant = 0; entrant < entrants.length; entrant++) {
      const index = entrants[entrant];
      const draw = scramble(spread ^ seeds[index]);
      const score = weights ? log((draw + 0.5) * 2 ** -32) / weights[index] : draw;
      if (score <= best) continue;
      best = score;
      winner = order[index];
    }
    return winner;
  }
}

/** Makes neighbouring words differ in many bits: the golden ratio in 32 bits. */
const SPREAD = 0x9e3779b1;

/** FNV-1a over the name's UTF-16 units, scrambled. */
function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) hash = imul(hash ^ name.charCodeAt(index), 0x01000193);
  return scramble(hash);
}

/** Each bit of the result depends on each bit given (the finish of MurmurHash3). 32 bits without a sign. */
function scramble(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = imul(bits, 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
