/** Which packets a tap of drops shows: those that were dropped, to the last one. */
import { once } from 'node:events';
import { LoadBalancer } from 'packet-bricks';
import type { EngineTap } from 'packet-bricks/src/control/engine-watches';
import { DROP_REASONS } from 'packet-bricks/src/model/drop-reasons';
import { attach } from 'packet-bricks/src/pipes';
import { temporaryRunDirectory } from '../pipes/processes';
import { describeNative } from '../pipes/rings';
import { closeEngines, flowPacket, injectAll, loopback, numberOf, numbersOf, runningEngine, until } from '../support/loopback-engine';
import { outside, removeBricks } from '../support/outside-brick';

let removeDirectory: () => void;
beforeAll(() => (removeDirectory = temporaryRunDirectory()));
afterEach(closeEngines);
afterAll(() => {
  removeDirectory();
  removeBricks();
});

const ignore = (): void => undefined;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const packets = (count: number) => upTo(count).map((number) => flowPacket(number % 7, number, false, number % 3 === 0 ? 900 : 8));
/** Of each packet the number, and why it was dropped. */
const drops = (tap: EngineTap): [number, string][] => tap.read(10_000).map(({ data, reason }) => [numberOf(data), DROP_REASONS[reason]?.name ?? `likely ${reason}`]);

describeNative('a tap of drops', () => {
  test('shows just those packets that a full pipe did not take, also where short ones fit behind long ones', async () => {
    const waiting = attach('full}0', { wait: true });
    const engine = await runningEngine(new LoadBalancer().connectInput('in').connectOutput('full{0'), { whenFull: 'drop', ringSize: 4096 });
    const reader = await waiting;
    const tap = engine.watches.tap({ drops: true }, ignore);
    const passed = engine.watches.tap({ place: 'full{0' }, ignore);
    await Promise.all([tap.begun, passed.begun]);
    await injectAll('in', packets(400));
    await until(() => engine.stats().packets === 400);
    await engine.stop();
    const taken: number[] = [];
    while (reader.receive() > 0) {
      const { memory, offset, length, count } = reader.batch;
      for (let row = 0; row < count; row++) taken.push(numberOf(memory.bytes.subarray(offset[row], offset[row] + length[row])));
    }
    reader.close();
    // Not the last ones only.
    expect(taken.some((number, index) => number !== index)).toBe(true);
    expect(drops(tap)).toEqual(upTo(400).filter((number) => !taken.includes(number)).map((number) => [number, 'ringFull']));
    expect(numbersOf(passed.read(1000).map(({ data }) => ({ bytes: data })))).toEqual(taken);
  });
});

describe('a tap of drops', () => {
  test('shows packets that a brick has held and then drops, those it can hold no longer at the end, and those that it did not hold', async () => {
    const Holder = outside('Holder', {
      definition: 'holds: true,',
      form: `
        choose: (packets, options, context) => (row) => {
          const number = numberIn(packets, row);
          return number % 10 === 9 ? DROP : number % 2 === 0 && context.hold(row) >= 0 ? HELD : 0;
        },
        release: (packets, options, context) => (place, all) => (all ? HELD : place % 4 === 0 ? DROP : place % 4 === 1 ? 0 : HELD),`,
    });
    const engine = await runningEngine(new Holder().connectInput('in').connectOutput('out'));
    const tap = engine.watches.tap({ drops: true, place: 'Holder' }, ignore);
    await tap.begun;
    await injectAll('in', packets(60));
    await until(() => engine.stats().packets === 60);
    await engine.stop();
    const { bricks: [{ dropped }] } = engine.stats();
    const shown = drops(tap);
    const sent = numbersOf(loopback.read('out'));
    expect(shown).toHaveLength(dropped);
    expect(shown.map(([number]) => number).sort((one, other) => one - other)).toEqual(upTo(60).filter((number) => !sent.includes(number)));
    expect(shown.filter(([number]) => number % 2 === 0).length).toBeGreaterThan(10);
    expect(shown.every(([, reason]) => reason === 'decision')).toBe(true);
  });

  test('shows what a brick was given, or held, when it threw', async () => {
    const Fails = outside('Fails', {
      definition: 'holds: true,',
      form: `
        choose: (packets, options, context) => (row) => {
          const number = numberIn(packets, row);
          if (number === 20) throw new Error('no more');
          return number < 5 && context.hold(row) >= 0 ? HELD : 0;
        },
        release: (packets, options, context) => (place, all) => { if (all) throw new Error('neither'); return HELD; },`,
    });
    const engine = await runningEngine(new Fails().connectInput('in').connectOutput('out'));
    const tap = engine.watches.tap({ drops: true }, ignore);
    await tap.begun;
    const failed = once(engine, 'error');
    await injectAll('in', packets(30));
    await failed;
    const { bricks: [{ drops: counted }] } = engine.stats();
    const shown = drops(tap);
    expect(shown.every(([, reason]) => reason === 'engineHung')).toBe(true);
    expect(shown).toHaveLength(counted.engineHung);
    expect(shown.map(([number]) => number).sort((one, other) => one - other).slice(0, 6)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(engine.audit().balanced).toBe(true);
  });
});
