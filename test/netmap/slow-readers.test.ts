/** Readers that are slower than the engine, or do not read: extra buffers keep what their pipes have no room for. */
import { end, expectAllBuffers, expectBalance, expectWhole } from './expectations';
import { eachTestInAWorld, sum, type World } from './world';

let world: World;
eachTestInAWorld((fresh) => {
  world = fresh;
});

test('extra buffers hold what a slow reader has no room for', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', [['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2']]], { extraBuffers: 4000 });
  await engines.start('e');
  const sender = await world.send('x{0', 4000, 40, 60);
  await engines.received('e', 4000);
  await expectBalance(engines, 'e');
  expect((await engines.stats('e')).drops).toBe(0);
  const readers = await world.receivers(['x}1', 'x}2']);
  const closing = engines.close('e');
  await closing;
  expectWhole(await end(readers), 4000);
  await sender.end();
  expectAllBuffers(world);
});

test('the newest packets win the extra buffers, and a stalled pipe cannot use them all up', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', [['Duplicator', null, ['x}0'], ['x{1', 'x{2']]], { extraBuffers: 512, drainMilliseconds: 0 });
  await engines.start('e');
  const sender = await world.send('x{0', 6000, 1, 60);
  await engines.received('e', 6000);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  const { links } = await engines.stats('e');
  const kept = ['x{1', 'x{2'].map((name) => (links.find((link) => link.name === name)?.packets ?? 0) - 1023);
  expect(sum(kept)).toBeGreaterThan(512 - 32);
  expect(sum(kept)).toBeLessThanOrEqual(512);
  expect(Math.abs(kept[0] - kept[1])).toBeLessThan(64);
  await engines.close('e');
  expectAllBuffers(world);
  await sender.end();
});

test('with whenFull = wait nothing is lost on a slow reader', async () => {
  const engines = world.engines();
  await engines.open('e', [['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2']]], {}, {}, { whenFull: 'wait' });
  const readers = await Promise.all(['x}1', 'x}2'].map((link) => world.peer('receive', link, [0, 500])));
  await engines.start('e');
  const sender = await world.send('x{0', 20_000, 100, 60);
  await engines.received('e', 20_000);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expectWhole(await end(readers), 20_000);
  await sender.end();
});

test('an engine is closed in the middle of traffic, and no extra buffer is lost', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  const flood = await world.peer('flood', 'x{0', [50, 60]);
  for (let round = 0; round < 5; round++) {
    await engines.open('e', [['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2']]], { extraBuffers: 1000, drainMilliseconds: 0 });
    await engines.start('e');
    await engines.received('e', 3000);
    await engines.close('e');
  }
  await flood.end();
  expectAllBuffers(world);
});
