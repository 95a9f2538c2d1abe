/** Readers and engines die at any moment; everyone else goes on, and no buffer is lost. */
import { expectAllBuffers } from './expectations';
import { eachTestInAWorld, type World } from './world';

let world: World;
eachTestInAWorld((fresh) => {
  world = fresh;
});

/** Reproducible moments: so many turns of the event loop. */
function moments(seed: number): () => Promise<void> {
  let state = seed;
  return async () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    for (let turn = (state >>> 16) % 200; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
  };
}

test('300 readers are killed at random moments; the other pipes get everything in order, and the audit stays good', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', [['Duplicator', null, ['x}0'], ['x{1', 'x{2']]], { extraBuffers: 256, drainMilliseconds: 0 });
  const faithful = await world.peer('receive', 'x}1', [0]);
  await engines.start('e');
  const flood = await world.peer('flood', 'x{0', [100, 60]);
  const moment = moments(1);
  for (let round = 0; round < 300; round++) {
    const reader = await world.peer('receive', 'x}2', [0]);
    await moment();
    await reader.kill();
  }
  const { packets } = await flood.end();
  await engines.received('e', packets);
  await engines.stop('e');
  const audit = await engines.audit('e');
  expect(audit.lines.filter((line) => !line.balanced)).toEqual([]);
  const { links } = await engines.close('e');
  const result = await faithful.end();
  expect(result).toMatchObject({ disorder: 0, bad: 0, packets: links.find((link) => link.name === 'x{1')?.packets });
  expect(world.audit()).toMatchObject({ good: true });
  // A last reader has a whole ring, so none of the dead took a buffer with it.
  const last = await world.peer('receive', 'x}2', [0]);
  await last.end();
  expectAllBuffers(world);
}, 120_000);

test('an engine dies and comes back while its readers stay', async () => {
  await world.peer('hold', 'x{keep');
  const readers = await world.receivers(['x}1', 'x}2']);
  const flood = await world.peer('flood', 'x{0', [100, 60]);
  const moment = moments(7);
  for (let round = 0; round < 10; round++) {
    const engines = world.engines();
    await engines.open('e', [['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2']]], { extraBuffers: 100 });
    await engines.start('e');
    await engines.received('e', 2000);
    await moment();
    await engines.kill();
  }
  await flood.end();
  for (const reader of readers) expect((await reader.end()).packets).toBeGreaterThan(10_000 / 3);
  expectAllBuffers(world);
}, 120_000);

test('a reader that was killed is followed by one that gets what comes then', async () => {
  const engines = world.engines();
  await engines.open('e', [['Dummy', null, ['x}0'], ['x{1']]]);
  await engines.start('e');
  const first = await world.peer('receive', 'x}1', [0]);
  const sender = await world.send('x{0', 500, 5, 60);
  await engines.received('e', 500);
  await first.kill();
  const second = await world.peer('receive', 'x}1', [100]);
  const more = await world.send('x{0', 500, 5, 60);
  await engines.received('e', 1000);
  expect((await second.end()).packets).toBeGreaterThanOrEqual(100);
  await sender.end();
  await more.end();
});
