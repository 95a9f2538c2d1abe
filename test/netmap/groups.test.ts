/** Groups that are chained: each group gets a packet when the one before has read it, and nothing is copied. */
import { end, expectAllBuffers, expectBalance, expectWhole } from './expectations';
import { eachTestInAWorld, sum, type GraphPart, type Peer, type Received, type World } from './world';

let world: World;
eachTestInAWorld((fresh) => {
  world = fresh;
});

const GROUPS: readonly GraphPart[] = [
  ['Duplicator', null, ['x}0'], ['x{a', 'x{b', 'x{c']],
  ['LoadBalancer', 4, ['x}a'], ['x{1', 'x{2']],
  ['LoadBalancer', 4, ['x}b'], ['x{3', 'x{4', 'x{5']],
  ['Dummy', null, ['x}c'], ['x{6']],
];
const LINKS = ['x}1', 'x}2', 'x}3', 'x}4', 'x}5', 'x}6'];
const CHAIN = { groups: 'chain' };

/** As many packets as no ring is too small for, however slow the readers are, with a size. */
async function send(packets: number, size: number, options: object = {}): Promise<Received[]> {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', GROUPS, { ...CHAIN, ...options });
  const readers = await world.receivers(LINKS);
  await engines.start('e');
  const sender = await world.send('x{0', packets, 40, size);
  await engines.received('e', packets);
  await engines.close('e');
  const results = await end(readers);
  await sender.end();
  expectAllBuffers(world);
  return results;
}

test('each group gets all packets, balanced within it, each flow in order', async () => {
  const results = await send(900, 60);
  expectWhole(results.slice(0, 2), 900);
  expectWhole(results.slice(2, 5), 900);
  expectWhole(results.slice(5), 900);
  expect(sum(results.slice(0, 2).map((result) => result.flows))).toBe(40);
  expect(sum(results.slice(2, 5).map((result) => result.flows))).toBe(40);
});

test('frames over several slots go to each group too, in order with the others', async () => {
  const results = await send(150, 5000);
  for (const group of [results.slice(0, 2), results.slice(2, 5), results.slice(5)]) expectWhole(group, 150);
});

test('a second group waits for the readers of the first one, and gets its packets when they have read them', async () => {
  const engines = world.engines();
  await engines.open('e', [['Duplicator', null, ['x}0'], ['x{1', 'x{2']]], CHAIN);
  const [second] = await world.receivers(['x}2']);
  await engines.start('e');
  const sender = await world.send('x{0', 500, 10, 60);
  await engines.received('e', 500);
  const [first] = await world.receivers(['x}1']);
  await engines.close('e');
  expectWhole([await first.end()], 500);
  expectWhole([await second.end()], 500);
  await sender.end();
});

test('without a stop or an end, what a group has not read for a tenth of a second goes on to the next', async () => {
  const engines = world.engines();
  await engines.open('e', [['Duplicator', null, ['x}0'], ['x{1', 'x{2']]], CHAIN);
  const second = await world.peer('receive', 'x}2', [300]);
  await engines.start('e');
  const sender = await world.send('x{0', 300, 10, 60);
  await second.reported();
  expectWhole([await second.end()], 300);
  await engines.close('e');
  await sender.end();
});

test('a dead reader of the first group costs the second one nothing', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', [['Duplicator', null, ['x}0'], ['x{1', 'x{2']]], CHAIN);
  const dead = await world.peer('hold', 'x}1');
  await dead.kill();
  const [reader] = await world.receivers(['x}2']);
  await engines.start('e');
  let sent = 0;
  const senders: Peer[] = [];
  // Fewer at a time than a ring holds: what is lost would be lost for another reason than a slow reader of x}2.
  for (let round = 0; round < 10; round++) {
    senders.push(await world.send('x{0', 400, 10, 60));
    await senders[round].end();
    sent += 400;
    await engines.received('e', sent);
  }
  await engines.stop('e');
  await expectBalance(engines, 'e');
  const { links } = await engines.close('e');
  expect(links.find((link) => link.name === 'x{1')).toMatchObject({ packets: 1023, drops: { noReader: sent - 1023 } });
  const got = await reader.end();
  const served = links.find((link) => link.name === 'x{2');
  expect(got.packets).toBe(served?.packets);
  expect(got.packets + (served?.dropped ?? 0)).toBe(sent);
  expect(got.packets).toBeGreaterThan(2 * 1023);
  expectAllBuffers(world);
});

test('under a flood, with slow readers, what was counted as sent is what the readers got', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', GROUPS, { ...CHAIN, extraBuffers: 600 });
  const readers = await Promise.all(LINKS.map((link, index) => world.peer('receive', link, index % 2 === 0 ? [0] : [0, 1000])));
  await engines.start('e');
  const flood = await world.peer('flood', 'x{0', [50, 300]);
  await engines.received('e', 60_000);
  await flood.end();
  await engines.stop('e');
  await expectBalance(engines, 'e');
  const { links } = await engines.close('e');
  const results = await end(readers);
  results.forEach(({ packets, disorder, bad }, index) => {
    const link = links.find((candidate) => candidate.name === LINKS[index].replace('}', '{'));
    expect({ packets, disorder, bad }).toEqual({ packets: link?.packets, disorder: 0, bad: 0 });
  });
  expectAllBuffers(world);
});

test('an engine that is killed while one group owes packets to the next loses no buffer', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', GROUPS, CHAIN);
  await engines.start('e');
  const sender = await world.send('x{0', 500, 10, 60);
  await engines.received('e', 500);
  await engines.kill();
  await sender.end();
  const next = world.engines();
  await next.open('e', [['Dummy', null, ['x}0'], ['x{9']]]);
  await next.close('e');
  expectAllBuffers(world);
});
