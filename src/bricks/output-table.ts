/**
 * Which output each flow goes to, for the splits that are not the original's: a table with an output for each flow word, so that a packet
 * costs one look-up whatever the rule is. docs/decisions/0048-consistent-split.md says why these rules.
 *
 *     consistent   Rendezvous hashing over the names of the outputs' links (draws.ts).
 *     hash         The flow hash modulo the number of outputs, the original's rule; with weights, cut into ranges as long as they say.
 */
import type { BrickContext } from '../model/brick';
import { BricksError } from '../model/errors';
import { flowHash } from '../flow/hash';
import { uint16Array } from '../model/typed-arrays';
import { Draws, FLOW_WORDS } from './draws';

/** With more, an output would have no 16 flow words of its own, and drawing for all of them would take seconds. */
const NAMED_OUTPUTS_MAXIMUM = 4096;

export const BALANCES = ['hash', 'consistent'] as const;

/** How flows are shared out. */
export interface Split {
  readonly balance: (typeof BALANCES)[number];
  /** One for each output; none: all the same. */
  readonly weights: readonly number[] | undefined;
  /** Whether outputs without a reader are left out. */
  readonly failover: boolean;
}

/** What a split is made for. */
export type SplitContext = Pick<BrickContext, 'name' | 'outputNames'>;

/** Whether the flow hash modulo the number of outputs does it, without a table. */
export function isPlainHash({ balance, weights, failover }: Split): boolean {
  return balance === 'hash' && isEven(weights) && !failover;
}

function isEven(weights: readonly number[] | undefined): boolean {
  return weights === undefined || weights.every((weight) => weight === weights[0]);
}

/** The draws of the outputs. @throws BricksError E_OPTION */
export function drawsOf({ balance, weights }: Split, { name, outputNames }: SplitContext): Draws {
  if (outputNames.length > NAMED_OUTPUTS_MAXIMUM) {
    const option = balance === 'consistent' ? 'balance = "consistent"' : 'failover = true';
    throw new BricksError('E_OPTION', `${name}: ${option} takes at most ${NAMED_OUTPUTS_MAXIMUM} outputs, not ${outputNames.length}.`, 'Leave the option out.');
  }
  return new Draws(outputNames, isEven(weights) ? undefined : weights);
}

/** The output of each flow word, where all outputs have readers. Outside of V8's heap: loops have its address compiled in. @throws BricksError E_OPTION */
export function outputsByWord(split: Split, context: SplitContext): Uint16Array {
  const table = uint16Array(FLOW_WORDS);
  const { balance, weights } = split;
  if (balance === 'consistent') table.set(drawsOf(split, context).rank(1));
  else if (weights === undefined || isEven(weights)) for (let word = 0; word < FLOW_WORDS; word++) table[word] = flowHash(word) % context.outputNames.length;
  else shareOut(weights, table);
  return table;
}

/** Ranges of the hash, in the order of the outputs. The hash's 16 low bits are as different as the words. */
function shareOut(weights: readonly number[], table: Uint16Array): void {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const ofHash = new Uint16Array(FLOW_WORDS);
  let end = 0;
  weights.forEach((weight, output) => {
    const begin = Math.round(end / sum * FLOW_WORDS);
    end += weight;
    ofHash.fill(output, begin, Math.round(end / sum * FLOW_WORDS));
  });
  for (let word = 0; word < FLOW_WORDS; word++) table[word] = ofHash[flowHash(word) & 0xffff];
}
