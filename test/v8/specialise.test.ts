import { Specialiser } from 'packet-bricks/src/v8/specialise';

const adder = (to: Uint32Array, step: number) => (row: number): number => {
  to[row] += step;
  return to[row];
};

test('a loop works on the very arrays that it was made for', () => {
  const { specialise } = new Specialiser();
  const first = new Uint32Array(4);
  const second = new Uint32Array(4);
  specialise(adder, first, 1)(2);
  expect(specialise(adder, second, 5)(2)).toBe(5);
  expect([...first]).toEqual([0, 0, 1, 0]);
  expect([...second]).toEqual([0, 0, 5, 0]);
});

test('who asks again for the same constants gets the same loop, others get one of their own', () => {
  const { specialise } = new Specialiser();
  const array = new Uint32Array(4);
  const loop = specialise(adder, array, 1);
  expect(specialise(adder, array, 1)).toBe(loop);
  expect(specialise(adder, array, 2)).not.toBe(loop);
  expect(specialise(adder, new Uint32Array(4), 1)).not.toBe(loop);
  expect(new Specialiser().specialise(adder, array, 1)).not.toBe(loop);
});

test('a factory that uses what is not its own is found out at its first call', () => {
  const outside = new Uint32Array(1);
  const closes = () => (): number => outside[0];
  expect(() => new Specialiser().specialise(closes)()).toThrow(ReferenceError);
});
