import { ConsistentSplit, MOVED } from 'packet-bricks';

const names = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', 'fd00::1'];

function tableOf(split: ConsistentSplit): Uint16Array {
  return split.table.slice();
}

test('each name gets its share, and by its name alone: their order does not matter', () => {
  const { table } = new ConsistentSplit(names);
  const shares = names.map((_, index) => table.filter((entry) => entry === index).length / table.length);
  for (const share of shares) expect(Math.abs(share - 1 / names.length)).toBeLessThan(0.01);
  const reversed = [...names].reverse();
  const other = new ConsistentSplit(reversed).table;
  expect(table.every((entry, word) => names[entry] === reversed[other[word]])).toBe(true);
});

test('of a name that is left out the flows move, marked as such, and no others; they come back', () => {
  const split = new ConsistentSplit(names);
  const before = tableOf(split);
  split.allow(Uint8Array.of(1, 0, 1, 1, 0));
  const after = tableOf(split);
  const without = new ConsistentSplit(names.filter((_, index) => index !== 1 && index !== 4));
  const left = [0, 2, 3];
  before.forEach((entry, word) => {
    const stays = entry !== 1 && entry !== 4;
    if (stays !== (after[word] === entry) || stays !== (after[word] < MOVED)) throw new Error(`word ${word}: ${entry}, then ${after[word]}`);
    // As if they had never been there.
    if ((after[word] & (MOVED - 1)) !== left[without.table[word]]) throw new Error(`word ${word}: ${after[word]} instead of ${left[without.table[word]]}`);
  });
  split.allow(new Uint8Array(5).fill(1));
  expect(tableOf(split)).toEqual(before);
});
