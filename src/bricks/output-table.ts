/**
 * Which output each flow goes to, for the splits that are not the original's: a table with an output for each of the 65,536 flow words,
 * so that a packet costs one look-up whatever the rule is. docs/decisions/0047-consistent-split.md says why these rules.
 *
 *     consistent   Rendezvous hashing over the names of the outputs' links: each output draws a number for each flow word, and the highest
 *                  one gets it. A word changes hands only where its output goes, or where one that comes draws a higher number.
 *     hash         The flow hash cut into ranges as long as the weights say. With equal weights it isn't used: that is the original's rule.
 *
 * It takes N x 65,536 draws to build: 6 ms for 4 outputs, 20 ms for 64, 0.2 s for 1,000; with unequal weights three to six times as long.
 */
import type { BrickContext } from '../model/brick';
import { BricksError } from '../model/errors';
import { flowHash } from '../flow/hash';
import { uint16Array } from '../v8/specialise';

// Called millions of times; as constants they are looked up once, wherever this runs.
const { exp, imul, log } = Math;

export const FLOW_WORDS = 65_536;
/** With more, an output would have no 16 flow words of its own, and building the table would take seconds. */
export const CONSISTENT_OUTPUTS_MAXIMUM = 4096;

export const BALANCES = ['hash', 'consistent'] as const;

/** How flows are shared out. */
export interface Split {
  readonly balance: (typeof BALANCES)[number];
  /** One for each output; none: all the same. */
  readonly weights: readonly number[] | undefined;
}

/** Whether the flow hash modulo the number of outputs does it, without a table. */
export function isPlainHash({ balance, weights }: Split): boolean {
  return balance === 'hash' && isEven(weights);
}

function isEven(weights: readonly number[] | undefined): boolean {
  return weights === undefined || weights.every((weight) => weight === weights[0]);
}

/** The output of each flow word. Outside of V8's heap: loops have its address compiled in. @throws BricksError E_OPTION */
export function outputsByWord(split: Split, { name, outputNames }: Pick<BrickContext, 'name' | 'outputNames'>): Uint16Array {
  if (split.balance === 'hash') return shareOut(split.weights ?? outputNames.map(() => 1));
  if (outputNames.length > CONSISTENT_OUTPUTS_MAXIMUM) {
    throw new BricksError('E_OPTION', `${name}: balance = "consistent" takes at most ${CONSISTENT_OUTPUTS_MAXIMUM} outputs, not ${outputNames.length}.`, 'Use balance = "hash".');
  }
  return drawAll(outputNames, isEven(split.weights) ? undefined : split.weights);
}

/** Ranges of the hash, in the order of the outputs. The hash's 16 low bits are as different as the words. */
function shareOut(weights: readonly number[]): Uint16Array {
  const table = uint16Array(FLOW_WORDS);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const ofHash = new Uint16Array(FLOW_WORDS);
  let end = 0;
  weights.forEach((weight, output) => {
    const begin = Math.round(end / sum * FLOW_WORDS);
    end += weight;
    ofHash.fill(output, begin, Math.round(end / sum * FLOW_WORDS));
  });
  for (let word = 0; word < FLOW_WORDS; word++) table[word] = ofHash[flowHash(word) & 0xffff];
  return table;
}

/**
 * The output with the highest draw, for each word. A draw u of an output with weight w counts as log(u) / w, by which it wins a share of
 * w out of the sum of all. Equal weights need no logarithm, and give the same outputs as with one.
 */
function drawAll(names: readonly string[], weights: readonly number[] | undefined): Uint16Array {
  const table = uint16Array(FLOW_WORDS);
  // In the order of their names, so that who wins a tie does not depend on the order of the outputs.
  const order = names.map((_, output) => output).sort((one, other) => (names[one] < names[other] ? -1 : 1));
  const seeds = Uint32Array.from(order, (output) => seedOf(names[output]));
  const shares = weights && Float64Array.from(order, (output) => weights[output]);
  const heaviest = weights ? Math.max(...weights) : 0;
  for (let word = 0; word < FLOW_WORDS; word++) {
    const spread = imul(word, 0x9e3779b1);
    let best = -Infinity;
    let winner = 0;
    // A draw up to this loses, whichever weight it has: most need no logarithm.
    let hopeless = -1;
    for (let index = 0; index < seeds.length; index++) {
      const draw = scramble(spread ^ seeds[index]);
      if (draw <= hopeless) continue;
      const score = shares ? log((draw + 0.5) * 2 ** -32) / shares[index] : draw;
      if (score <= best) continue;
      best = score;
      winner = index;
      hopeless = shares ? exp(best * heaviest) * 2 ** 32 - 2 : best;
    }
    table[word] = order[winner];
  }
  return table;
}

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
