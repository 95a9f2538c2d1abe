/**
 * The law of balance = "consistent": when one output is added or removed, every flow that moves is its own; that is a share of w of the sum
 * of all weights, 1/N where they are equal, within five standard deviations of 65,536 draws.
 */
import fc from 'fast-check';
import { FLOW_WORDS } from 'packet-bricks/src/bricks/draws';
import { outputsByWord, type Split } from 'packet-bricks/src/bricks/output-table';
import { flowHash } from 'packet-bricks/src/flow/hash';

interface Output { readonly name: string; readonly weight: number }

function tableOf(outputs: readonly Output[], balance: Split['balance'] = 'consistent'): Uint16Array {
  return outputsByWord({ balance, weights: outputs.map(({ weight }) => weight), failover: false }, { name: 'LoadBalancer', outputNames: outputs.map(({ name }) => name) });
}

interface Move { readonly from: string; readonly to: string; readonly words: number }

/** Which flow words move, from which output to which. */
function moves(outputs: readonly Output[], before: Uint16Array, others: readonly Output[], after: Uint16Array): Move[] {
  const counts = new Map<number, number>();
  before.forEach((output, word) => {
    const key = output * FLOW_WORDS + after[word];
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  return [...counts]
    .map(([key, words]): Move => ({ from: outputs[Math.floor(key / FLOW_WORDS)].name, to: others[key % FLOW_WORDS].name, words }))
    .filter(({ from, to }) => from !== to);
}

const weight = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 1000 }));
const name = fc.oneof(fc.integer({ min: 0, max: 99 }).map((pipe) => `eth3{${pipe}`), fc.string({ minLength: 1, maxLength: 12 }));
const someOutputs = fc.uniqueArray(fc.record({ name, weight }), { minLength: 2, maxLength: 12, selector: (output) => output.name });
/** A run takes some ten milliseconds. */
const RUNS = { numRuns: 15 };

/** Five standard deviations of a share p of all flow words. */
function tolerance(share: number): number {
  return 5 * Math.sqrt(share * (1 - share) / FLOW_WORDS);
}

function shareOf(outputs: readonly Output[], one: Output): number {
  return one.weight / outputs.reduce((sum, output) => sum + output.weight, 0);
}

/** The shares of all flow words that the outputs get. */
function sharesIn(table: Uint16Array, outputs: readonly Output[]): number[] {
  const counts = new Array<number>(outputs.length).fill(0);
  for (const output of table) counts[output]++;
  return counts.map((count) => count / FLOW_WORDS);
}

test('when one output is removed, or comes back, only its flows move, and no more than its share', () => {
  fc.assert(fc.property(someOutputs, fc.nat(), (outputs, pick) => {
    const gone = outputs[pick % outputs.length];
    const rest = outputs.filter((output) => output !== gone);
    const moved = moves(outputs, tableOf(outputs), rest, tableOf(rest));
    for (const { from } of moved) expect(from).toBe(gone.name);
    const share = shareOf(outputs, gone);
    expect(moved.reduce((sum, { words }) => sum + words, 0) / FLOW_WORDS).toBeLessThanOrEqual(share + tolerance(share));
  }), RUNS);
});

test('at most 1/N of the flows move, and a hundredth of all, whichever of N equal outputs comes or goes', () => {
  for (const count of [2, 3, 4, 8, 16, 50]) {
    const outputs = Array.from({ length: count }, (_, pipe) => ({ name: `eth3{${pipe}`, weight: 1 }));
    for (const share of sharesIn(tableOf(outputs), outputs)) expect(share).toBeLessThanOrEqual(1 / count + 0.01);
  }
});

test('each output gets its share by its weight', () => {
  fc.assert(fc.property(someOutputs, (outputs) => {
    sharesIn(tableOf(outputs), outputs).forEach((got, output) => {
      const share = shareOf(outputs, outputs[output]);
      expect(Math.abs(got - share)).toBeLessThanOrEqual(tolerance(share));
    });
  }), RUNS);
});

test('where flows go does not depend on the order of the outputs', () => {
  fc.assert(fc.property(someOutputs, (outputs) => {
    const reversed = [...outputs].reverse();
    expect(moves(outputs, tableOf(outputs), reversed, tableOf(reversed))).toEqual([]);
  }), RUNS);
});

test('when the weight of one output changes, flows move to it or from it only', () => {
  fc.assert(fc.property(someOutputs, fc.nat(), weight, (outputs, pick, other) => {
    const chosen = outputs[pick % outputs.length];
    const others = outputs.map((output) => (output === chosen ? { ...output, weight: other } : output));
    for (const { from, to } of moves(outputs, tableOf(outputs), others, tableOf(others))) expect(other > chosen.weight ? to : from).toBe(chosen.name);
  }), RUNS);
});

test('the flow hash with weights is cut into ranges, to the word', () => {
  fc.assert(fc.property(someOutputs, (outputs) => {
    sharesIn(tableOf(outputs, 'hash'), outputs).forEach((got, output) => {
      expect(Math.abs(got - shareOf(outputs, outputs[output])) * FLOW_WORDS).toBeLessThanOrEqual(1);
    });
  }), RUNS);
  // No two words have the same hash, nor the same low half of it.
  expect(new Set(Array.from({ length: FLOW_WORDS }, (_, word) => flowHash(word) & 0xffff)).size).toBe(FLOW_WORDS);
});

test('a thousand outputs are few enough, five thousand are refused in words that help', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, pipe) => `eth3{${pipe}`);
  const all = outputsByWord({ balance: 'consistent', weights: undefined, failover: false }, { name: 'LoadBalancer', outputNames: names(1000) });
  expect(new Set(all).size).toBe(1000);
  expect(() => outputsByWord({ balance: 'consistent', weights: undefined, failover: false }, { name: 'LoadBalancer#2', outputNames: names(5000) }))
    .toThrow(expect.objectContaining({ code: 'E_OPTION', message: 'LoadBalancer#2: balance = "consistent" takes at most 4096 outputs, not 5000. Leave the option out.' }));
});
