import fc from 'fast-check';
import { MergedList } from 'packet-bricks/src/rows/merged-list';
import { Specialiser } from 'packet-bricks/src/v8/specialise';

const list = (rows: number[]): { rows: Uint16Array; count: number; whole: boolean } => (
  { rows: Uint16Array.from([...rows, 999]), count: rows.length, whole: false }
);
const sorted = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 }).map((rows) => rows.sort((a, b) => a - b));
const content = (merged: MergedList): number[] => [...merged.list.rows.subarray(0, merged.list.count)];
const ascending = (rows: number[]): number[] => [...rows].sort((a, b) => a - b);

test('several lists become one in order of arrival, with every row as often as it was given', () => {
  fc.assert(fc.property(fc.array(sorted, { maxLength: 5 }), (rows) => {
    const merged = new MergedList(300, [], new Specialiser().specialise);
    for (const each of rows) merged.add(list(each));
    expect(content(merged)).toEqual(ascending(rows.flat()));
  }));
});

test('a cleared list begins anew', () => {
  const merged = new MergedList(16, [], new Specialiser().specialise);
  merged.add(list([1, 2]));
  merged.clear();
  merged.add(list([0]));
  expect(content(merged)).toEqual([0]);
});

test('lists that have no row in common become one in order of arrival, whichever come first, batch after batch', () => {
  const owners = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 256 });
  fc.assert(fc.property(fc.array(owners, { minLength: 1, maxLength: 4 }), fc.shuffledSubarray([0, 1, 2, 3]), (batches, taken) => {
    const lists = [0, 1, 2, 3].map(() => ({ rows: new Uint16Array(256), whole: false, count: 0 }));
    const merged = new MergedList(256, lists, new Specialiser().specialise);
    for (const batch of batches) {
      for (const each of lists) each.count = 0;
      batch.forEach((owner, row) => { lists[owner].rows[lists[owner].count++] = row; });
      for (const index of taken) merged.mark(index);
      merged.collect();
      expect(content(merged)).toEqual(batch.flatMap((owner, row) => (taken.includes(owner) ? [row] : [])));
    }
  }));
});
