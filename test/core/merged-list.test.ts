import fc from 'fast-check';
import { MergedList } from 'packet-bricks/src/core/merged-list';

const list = (rows: number[]): { rows: Uint16Array; count: number } => ({ rows: Uint16Array.from([...rows, 999]), count: rows.length });
const sorted = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 }).map((rows) => rows.sort((a, b) => a - b));

test('several lists become one in order of arrival, with every row as often as it was given', () => {
  fc.assert(fc.property(fc.array(sorted, { maxLength: 5 }), (lists) => {
    const merged = new MergedList(300);
    for (const rows of lists) merged.add(list(rows));
    expect([...merged.list.rows.subarray(0, merged.list.count)]).toEqual(lists.flat().sort((a, b) => a - b));
  }));
});

test('a cleared list begins anew', () => {
  const merged = new MergedList(16);
  merged.add(list([1, 2]));
  merged.clear();
  merged.add(list([0]));
  expect([...merged.list.rows.subarray(0, merged.list.count)]).toEqual([0]);
});
