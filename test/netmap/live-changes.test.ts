/** Another graph in place of the one that a netmap engine has, while packets flow: its ports stay open, and no packet is lost. */
import { end, expectAllBuffers, expectBalance } from './expectations';
import { eachTestInAWorld, sum, type Engines, type GraphPart, type Peer, type World } from './world';
import { suspend } from '../support/suspend';

let world: World;
eachTestInAWorld((fresh) => {
  world = fresh;
});

const balancer = (...outputs: string[]): GraphPart => ['LoadBalancer', 4, ['x}0'], outputs];

/** Every buffer is in one place, and none in a list of somebody's. */
function expectNoLists(): void {
  expectAllBuffers(world);
  expect(world.audit()).toMatchObject({ in_lists: 0 });
}

const PART = 400;

/** Changes the engine's graph, from one of `graphs` to the next, while packets pass; each graph gets some. Two parts of packets come with each change. */
async function changeUnderTraffic(engines: Engines, graphs: readonly (readonly GraphPart[])[], changes: number): Promise<Peer> {
  const sender = await world.peer('send', 'x{0', [2 * changes * PART, 50, 60], { PEER_PART: String(PART) });
  for (let change = 1; change <= changes; change++) {
    sender.process.stdin.write('\n');
    await engines.relink('e', graphs[change % graphs.length]);
    sender.process.stdin.write('\n');
    await engines.received('e', 2 * change * PART);
  }
  return sender;
}

test('fifty changes under traffic lose no packet and keep the order of each flow; readers of pipes that both graphs have go on', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  const graphs: GraphPart[][] = [
    [balancer('x{1', 'x{2')],
    [balancer('x{1', 'x{2', 'x{3')],
    [['Filter', { expression: 'udp' }, ['x}0'], ['m{0']], ['LoadBalancer', 4, ['m}0'], ['x{2', 'x{1']]],
    [['Duplicator', null, ['x}0'], ['m{0']], ['LoadBalancer', 2, ['m}0'], ['x{1', 'vale5:bricks']]],
  ];
  await engines.open('e', graphs[0], {}, {}, { whenFull: 'wait' });
  const readers = await world.receivers(['x}1', 'x}2', 'x}3', 'vale5:reader']);
  await engines.start('e');
  const sender = await changeUnderTraffic(engines, graphs, 52);
  const packets = 2 * 52 * PART;
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expect(await engines.audit('e')).toMatchObject({ balanced: true, received: packets, sent: packets, dropped: 0 });
  const results = await end(readers);
  expect(sum(results.map((result) => result.packets))).toBe(packets);
  expect(results.map(({ disorder, bad }) => ({ disorder, bad }))).toEqual(results.map(() => ({ disorder: 0, bad: 0 })));
  expect(results.every((result) => result.packets > 0)).toBe(true);
  await engines.close('e');
  await sender.end();
  expectNoLists();
});

test('sources come and go, and a port that is read is sent to as well', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  const graphs: GraphPart[][] = [
    [['Merge', null, ['x}0'], ['x{1']]],
    [['Merge', null, ['x}0', 'vale6:bricks'], ['x{1']]],
    [['Merge', null, ['x}0'], ['x{1']], ['Dummy', null, ['vale6:bricks'], ['vale6:bricks']]],
  ];
  await engines.open('e', graphs[0], {}, {}, { whenFull: 'wait' });
  const [reader] = await world.receivers(['x}1']);
  await engines.start('e');
  const sender = await changeUnderTraffic(engines, graphs, 24);
  const packets = 2 * 24 * PART + 500;
  await engines.relink('e', graphs[1]);
  const other = await world.send('vale6:sender', 500, 10, 60, {}, 100);
  await engines.received('e', packets);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expect(await reader.end()).toMatchObject({ packets, disorder: 0, gaps: 0, bad: 0 });
  await engines.close('e');
  await Promise.all([sender.end(), other.end()]);
  expectNoLists();
});

test('packets in reserve reach the pipe that stays; those of a pipe that goes are counted as dropped, and no extra buffer is lost', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', [['Duplicator', null, ['x}0'], ['x{1', 'x{2']]], { extraBuffers: 4000 });
  await engines.start('e');
  const sender = await world.send('x{0', 2000, 20, 60);
  await engines.received('e', 2000);
  const reader = await world.peer('receive', 'x}2', [0]);
  await suspend(reader.process);
  // The pipe that brought the extra buffers goes.
  await engines.relink('e', [['Duplicator', null, ['x}0'], ['x{2', 'x{3']]]);
  await expectBalance(engines, 'e');
  const { sent, dropped, received } = await engines.audit('e');
  expect({ sum: sent + dropped, received }).toEqual({ sum: 4000, received: 2000 });
  // And comes back; what waits for the others is still there.
  await engines.relink('e', [['Duplicator', null, ['x}0'], ['x{2', 'x{3', 'x{1']]]);
  reader.process.kill('SIGCONT');
  await reader.has(2000);
  await sender.end();
  const more = await world.send('x{0', 300, 10, 60, {}, 20);
  await engines.received('e', 2300);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expect(await reader.end()).toMatchObject({ packets: 2300, disorder: 0, gaps: 0, bad: 0 });
  await engines.close('e');
  await more.end();
  expectNoLists();
});

test('chained groups change, and each group gets every packet once', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  const groups = (first: string[], second: string[]): GraphPart[] => [['Duplicator', null, ['x}0'], ['x{a', 'x{b']], ['LoadBalancer', 4, ['x}a'], first], ['LoadBalancer', 4, ['x}b'], second]];
  await engines.open('e', groups(['x{1', 'x{2'], ['x{3']), { groups: 'chain' });
  const readers = await world.receivers(['x}1', 'x}2', 'x}3', 'x}4']);
  await engines.start('e');
  for (let part = 0; part < 10; part++) {
    const sender = await world.send('x{0', 800, 40, 60, {}, part * 40);
    await engines.relink('e', part % 2 === 0 ? groups(['x{1', 'x{2'], ['x{3', 'x{4']) : groups(['x{2', 'x{1'], ['x{3']));
    await engines.received('e', (part + 1) * 800);
    await sender.end();
  }
  await engines.stop('e');
  await expectBalance(engines, 'e');
  const results = await end(readers);
  expect(sum(results.slice(0, 2).map((result) => result.packets))).toBe(8000);
  expect(sum(results.slice(2).map((result) => result.packets))).toBe(8000);
  for (const { disorder, bad } of results) expect({ disorder, bad }).toEqual({ disorder: 0, bad: 0 });
  await engines.close('e');
  expectNoLists();
});

test('a change that is refused leaves all as it was, and packets flow on', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('other', [['Dummy', null, ['x}9'], ['x{taken']]]);
  await engines.open('e', [balancer('x{1')], { extraBuffers: 100 }, {}, { whenFull: 'wait' });
  const [reader] = await world.receivers(['x}1']);
  await engines.start('e');
  const before = await world.send('x{0', 1000, 10, 60);
  await expect(engines.relink('e', [balancer('x{1', 'x{taken')])).rejects.toMatchObject({ code: 'E_NETMAP_BUSY' });
  await expect(engines.relink('e', [['Merge', null, ['x}0', 'x}9'], ['x{2']]])).rejects.toMatchObject({ code: 'E_NETMAP_BUSY' });
  await before.end();
  const after = await world.send('x{0', 1000, 10, 60, {}, 10);
  await engines.received('e', 2000);
  await engines.relink('e', [balancer('x{1', 'x{2')]);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expect(await reader.end()).toMatchObject({ packets: 2000, disorder: 0, gaps: 0, bad: 0 });
  await Promise.all([engines.close('e'), engines.close('other')]);
  await after.end();
  expectNoLists();
});
