/** Of messages that come again and again the first few are written, and the rest are counted. */
import { MessageLimit, type LeftOut } from 'packet-bricks/src/daemon/message-limit';

function limit(limits = { ofAKind: 3, together: 10, windowMilliseconds: 10_000 }) {
  const told: LeftOut[] = [];
  const ends: (() => void)[] = [];
  const made = new MessageLimit((leftOut) => told.push(leftOut), (_, end) => ends.push(end), limits);
  return { made, told, endWindow: () => ends.shift()?.(), windows: ends };
}

test('of a kind, messages that differ only in their numbers, so many are written in a window; the rest are told as a number', () => {
  const { made, told, endWindow } = limit();
  const written = Array.from({ length: 1_000_000 }, (_, index) => made.admit(`packet ${index} of 10.0.0.1 is odd`)).filter(Boolean);
  expect(written).toHaveLength(3);
  expect(made.admit('something else')).toBe(true);
  endWindow();
  expect(told).toEqual([{ count: 999_997, seconds: 10, text: 'packet 999999 of 10.0.0.1 is odd' }]);
  expect(made.admit('packet 1 of 10.0.0.1 is odd')).toBe(true);
});

test('of many kinds no more are kept in memory than are written', () => {
  const { made, told, endWindow } = limit();
  const word = (index: number): string => index.toString(2).replace(/0/g, 'o').replace(/1/g, 'i');
  expect(Array.from({ length: 100_000 }, (_, index) => made.admit(word(index))).filter(Boolean)).toHaveLength(10);
  endWindow();
  expect(told).toEqual([{ count: 99_990, seconds: 10 }]);
});

test('a window begins with its first message, and nothing is told of one in which all was written', () => {
  const { made, told, endWindow, windows } = limit();
  expect(windows).toHaveLength(0);
  made.admit('one');
  made.admit('two');
  expect(windows).toHaveLength(1);
  endWindow();
  expect(told).toEqual([]);
  made.admit('three');
  expect(windows).toHaveLength(1);
});
