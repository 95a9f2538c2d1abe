/** Packets that a brick of the form choose leaves to its slow path. */
import type { BricksError, PacketEngine } from 'packet-bricks';
import { closeEngines, flowPacket, injectAll, loopback, numbersOf, runningEngine } from '../support/loopback-engine';
import { outside, removeBricks } from '../support/outside-brick';

afterEach(closeEngines);
afterAll(removeBricks);

const packets = (count: number): ReturnType<typeof flowPacket>[] => Array.from({ length: count }, (_, index) => flowPacket(index % 30, index));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);
const errorOf = (engine: PacketEngine): Promise<BricksError> => new Promise((resolve) => engine.once('error', resolve));

test.each([4, 300])('packets that a brick leaves to its slow path keep their place among the others, to any of %i outputs, dropped or held', async (outputs) => {
  const names = Array.from({ length: outputs }, (_, output) => `s${output}`);
  const Slow = outside(`Slow${outputs}`, {
    definition: 'holds: true,',
    form: `
      choose: (packets) => (row) => (numberIn(packets, row) % 3 === 0 ? SLOW_PATH : numberIn(packets, row) % 2),
      slowPath: (packets, options, context) => (row) => {
        const number = numberIn(packets, row);
        if (number % 9 === 0) return DROP;
        return number % 5 === 0 ? (context.hold(row), HELD) : number % 2;
      },
      release: () => () => 1,`,
  });
  const engine = await runningEngine(new Slow().connectInput('in').connectOutput(...names));
  await injectAll('in', packets(600));
  loopback.end('in');
  await engine.finished();
  const held = (number: number): boolean => number % 15 === 0 && number % 9 !== 0;
  expect(numbersOf(loopback.read('s0'))).toEqual(numbers(600).filter((number) => number % 2 === 0 && number % 9 !== 0 && !held(number)));
  const other = numbersOf(loopback.read('s1'));
  expect(other.filter((number) => !held(number))).toEqual(numbers(600).filter((number) => number % 2 === 1 && number % 9 !== 0 && !held(number)));
  expect(other.filter(held)).toEqual(numbers(600).filter(held));
  expect(engine.audit()).toMatchObject({ balanced: true, dropped: 67 });
});

test('a brick that leaves packets to a slow path that it does not have, or whose slow path returns no output, is named', async () => {
  const without = outside('Without', { choose: 'return SLOW_PATH;' });
  const wrong = outside('Wrong', { form: 'choose: () => () => SLOW_PATH, slowPath: () => () => 7,' });
  const endless = outside('Endless', { form: 'choose: () => () => SLOW_PATH, slowPath: () => () => SLOW_PATH,' });
  const must = 'it must return 0, its only output, or DROP';
  for (const [Brick, message] of [
    [without, 'it returned SLOW_PATH for a packet, but has no slowPath'], [wrong, `it returned 7 for a packet; ${must}`], [endless, `it returned SLOW_PATH for a packet; ${must}`],
  ] as const) {
    const engine = await runningEngine(new Brick().connectInput('in').connectOutput('out'), { warmUpMilliseconds: 0 });
    const error = errorOf(engine);
    await injectAll('in', packets(1));
    expect((await error).message).toContain(message);
    await closeEngines();
  }
  expect(() => outside('Elsewhere', { form: 'broadcast: true, slowPath: () => () => 0,' })).toThrow('The brick Elsewhere has a slowPath, which belongs to the form choose.');
});
