/** The netmap backend over netmap in user space: the same code path as over the kernel's. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { end, expectAllBuffers, expectBalance, expectWhole } from './expectations';
import { KERNEL_LIMITS, eachTestInAWorld, sum, type Engines, type Received, type World } from './world';
import { suspend } from '../support/suspend';

let world: World;
const worlds = eachTestInAWorld((fresh) => {
  world = fresh;
});

/** A graph from x}0 to outputs, opened, started, with readers; packets sent and received, none dropped. */
async function run(graph: Parameters<Engines['open']>[1], links: readonly string[], packets: number, size = 60): Promise<{ engines: Engines; results: Received[] }> {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', graph, {}, {}, { whenFull: 'wait' });
  const readers = await world.receivers(links);
  await engines.start('e');
  const sender = await world.send('x{0', packets, 200, size);
  await engines.received('e', packets);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  const results = await end(readers);
  await engines.close('e');
  await sender.end();
  expectAllBuffers(world);
  return { engines, results };
}

test('netmap in user space is found to be usable', async () => {
  expect(await world.engines().status()).toMatchObject({ usable: true });
});

test('a load balancer hands all packets on, each flow to one pipe, in order', async () => {
  const { results } = await run([['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2', 'x{3', 'x{4']]], ['x}1', 'x}2', 'x}3', 'x}4'], 20_000);
  expectWhole(results, 20_000);
  expect(sum(results.map((result) => result.flows))).toBe(200);
});

test.each(['LoadBalancer', 'Duplicator'])('%s: a capture file beside a pipe has time and length of each packet', async (kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-netmap-'));
  try {
    const file = join(folder, 'out.pcap');
    const begin = Math.floor(Date.now() / 1000);
    const { results } = await run([[kind, null, ['x}0'], ['x{1', file]]], ['x}1'], 1000, 70);
    // Of classic pcap: a header of 24 bytes; for each packet seconds, fraction, both lengths, and its 70 bytes.
    const content = readFileSync(file);
    const written = Array.from({ length: (content.length - 24) / 86 }, (_, record) => [0, 8, 12].map((at) => content.readUInt32LE(24 + 86 * record + at)));
    expect(results[0].packets + written.length).toBe(kind === 'Duplicator' ? 2000 : 1000);
    expect(written.length).toBeGreaterThan(0);
    for (const [seconds, length, wireLength] of written) {
      expect(seconds).toBeGreaterThanOrEqual(begin);
      expect(seconds).toBeLessThanOrEqual(Date.now() / 1000);
      expect([length, wireLength]).toEqual([70, 70]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each(['LoadBalancer', 'Duplicator'])('%s: what readers are too slow for is dropped and counted, the rest is whole and in order', async (kind) => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', [[kind, null, ['x}0'], ['x{1', 'x{2']]]);
  const readers = [await world.peer('receive', 'x}1', [0]), await world.peer('receive', 'x}2', [0, 2000])];
  await engines.start('e');
  const sender = await world.send('x{0', 50_000, 500, 60);
  await engines.received('e', 50_000);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  const results = await end(readers);
  const { links } = await engines.close('e');
  results.forEach(({ packets, disorder, bad }, index) => {
    expect({ packets, disorder, bad }).toEqual({ packets: links[index + 1].packets, disorder: 0, bad: 0 });
  });
  await sender.end();
  expectAllBuffers(world);
});

test('a duplicator hands all packets to each pipe', async () => {
  const { results } = await run([['Duplicator', null, ['x}0'], ['x{1', 'x{2', 'x{3']]], ['x}1', 'x}2', 'x}3'], 5000);
  for (const result of results) expectWhole([result], 5000);
});

test('a duplicator hands full-size packets, hundreds at a time, to each pipe, however slow one is', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', [['Duplicator', null, ['x}0'], ['x{1', 'x{2', 'x{3']]], {}, {}, { whenFull: 'wait' });
  const readers = [...await world.receivers(['x}1', 'x}3']), await world.peer('receive', 'x}2', [0, 500])];
  // A ring with hundreds of packets awaits the engine.
  const sender = await world.peer('send', 'x{0', [4000, 200, 1500]);
  await engines.start('e');
  await engines.received('e', 4000);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  for (const result of await end(readers)) {
    expectWhole([result], 4000);
    expect(result.bytes).toBe(4000 * 1500);
  }
  await engines.close('e');
  await sender.end();
  expectAllBuffers(world);
});

test('groups: a duplicator before load balancers gives each group all packets, balanced within it', async () => {
  const { results } = await run([
    ['Duplicator', null, ['x}0'], ['x{a', 'x{b']],
    ['LoadBalancer', 4, ['x}a'], ['x{1', 'x{2']],
    ['LoadBalancer', 4, ['x}b'], ['x{3', 'x{4', 'x{5']],
  ], ['x}1', 'x}2', 'x}3', 'x}4', 'x}5'], 10_000);
  expectWhole(results.slice(0, 2), 10_000);
  expectWhole(results.slice(2), 10_000);
});

test('a merge of two pipes hands on both', async () => {
  const engines = world.engines();
  await engines.open('e', [['Merge', null, ['x}0', 'x}1'], ['x{2']]], {}, {}, { whenFull: 'wait' });
  const [reader] = await world.receivers(['x}2']);
  await engines.start('e');
  const senders = [await world.send('x{0', 3000, 50, 60), await world.send('x{1', 3000, 50, 60)];
  await engines.received('e', 6000);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expect((await reader.end()).packets).toBe(6000);
  await end(senders);
});

test('a chain of two engines in two processes', async () => {
  const [first, second] = [world.engines(), world.engines()];
  await first.open('a', [['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2']]], {}, {}, { whenFull: 'wait' });
  await second.open('b', [['LoadBalancer', 4, ['x}1'], ['x{3', 'x{4']]], {}, {}, { whenFull: 'wait' });
  const readers = await world.receivers(['x}2', 'x}3', 'x}4']);
  await second.start('b');
  await first.start('a');
  const sender = await world.send('x{0', 10_000, 100, 60);
  const { links } = await first.received('a', 10_000);
  await second.received('b', links.find((link) => link.name === 'x{1')?.packets ?? NaN);
  await Promise.all([first.stop('a'), second.stop('b')]);
  expectWhole(await end(readers), 10_000);
  await sender.end();
});

test('frames over several slots stay whole', async () => {
  const { results } = await run([['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2']]], ['x}1', 'x}2'], 1000, 9000);
  expectWhole(results, 1000);
  expect(sum(results.map((result) => result.bytes))).toBe(9_000_000);
});

test('frames over several slots go to several pipes', async () => {
  const { results } = await run([['Duplicator', null, ['x}0'], ['x{1', 'x{2']]], ['x}1', 'x}2'], 300, 5000);
  for (const result of results) expectWhole([result], 300);
});

test('frames that are to be dropped when they are longer than a slot are counted as too long', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', [['Dummy', null, ['x}0'], ['x{1']]], { longFrames: 'drop' });
  await engines.start('e');
  await world.send('x{0', 100, 10, 3000);
  await engines.received('e', 100);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expect((await engines.stats('e')).links[1]).toMatchObject({ packets: 0, drops: { tooLong: 100 } });
});

test('switch ports: between two memory regions packets are copied', async () => {
  const engines = world.engines();
  await engines.open('e', [['LoadBalancer', 4, ['vale0:bricks'], ['x{1', 'vale0:bricks{2']]]);
  const readers = await world.receivers(['x}1', 'vale0:bricks}2']);
  await engines.start('e');
  const sender = await world.send('vale0:sender', 900, 30, 60);
  await engines.received('e', 900);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expectWhole(await end(readers), 900);
  await sender.end();
});

test('an engine sends to a switch port', async () => {
  const engines = world.engines();
  const [reader] = await world.receivers(['vale1:reader']);
  await engines.open('e', [['Dummy', null, ['x}0'], ['vale1:bricks']]]);
  await engines.start('e');
  const sender = await world.send('x{0', 800, 10, 60);
  await engines.received('e', 800);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expectWhole([await reader.end()], 800);
  await sender.end();
});

test('four engines on four queues of one port share its packets', async () => {
  const engines = world.engines();
  const port = await world.peer('hold', 'vale2:bricks', [], { PEER_RINGS: '4' });
  for (let queue = 0; queue < 4; queue++) {
    await engines.open(`e${queue}`, [['Dummy', null, ['vale2:bricks'], [`vale2:bricks{${queue}`]]], {}, { queue });
  }
  const readers = await world.receivers([0, 1, 2, 3].map((queue) => `vale2:bricks}${queue}`));
  for (let queue = 0; queue < 4; queue++) await engines.start(`e${queue}`);
  const source = await world.send('vale2:source', 1000, 64, 60, { PEER_RINGS: '4' });
  const received = async (): Promise<number> => sum(await Promise.all([0, 1, 2, 3].map(async (queue) => (await engines.stats(`e${queue}`)).packets)));
  while ((await received()) < 1000);
  for (let queue = 0; queue < 4; queue++) await engines.stop(`e${queue}`);
  expect(sum((await end(readers)).map((result) => result.packets))).toBe(1000);
  await source.end();
  await port.kill();
});

test('two engines of a process may not have the same ring', async () => {
  const engines = world.engines();
  await engines.open('a', [['Dummy', null, ['x}0'], ['x{1']]]);
  await expect(engines.open('b', [['Dummy', null, ['x}0'], ['x{2']]])).rejects.toMatchObject({ code: 'E_NETMAP_BUSY' });
});

test('a missing interface, a bad ring and a busy ring are told apart', async () => {
  const engines = world.engines();
  await expect(engines.open('a', [['Dummy', null, ['vale3:a-7'], ['x{1']]])).rejects.toMatchObject({ code: 'E_NETMAP_RING' });
  const other = world.engines();
  await other.open('b', [['Dummy', null, ['vale3:a/x'], ['x{2']]]);
  await expect(engines.open('a', [['Dummy', null, ['vale3:a'], ['x{1']]])).rejects.toMatchObject({ code: 'E_NETMAP_BUSY' });
  await expect(engines.open('a', [['Dummy', null, ['no-such-interface-at-all'], ['x{1']]])).rejects.toMatchObject({ code: 'E_NETMAP_INTERFACE' });
});

test('a pipe that nobody reads fills, drops its own packets, and leaves the others unharmed', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', [['Duplicator', null, ['x}0'], ['x{1', 'x{2']]]);
  const [reader] = await world.receivers(['x}1']);
  await engines.start('e');
  // No more at a time than the living reader's ring holds: how soon a busy machine lets it run has no part in this.
  for (let part = 0; part < 5; part++) {
    const sender = await world.send('x{0', 1000, 50, 60, {}, part * 50);
    await reader.has((part + 1) * 1000);
    await sender.end();
  }
  await engines.stop('e');
  await expectBalance(engines, 'e');
  const { links } = await engines.stats('e');
  expect(links.find((link) => link.name === 'x{1')).toMatchObject({ packets: 5000, dropped: 0 });
  expect(links.find((link) => link.name === 'x{2')).toMatchObject({ packets: 1023, drops: { noReader: 3977 } });
  expectWhole([await reader.end()], 5000);
  // A reader that comes late finds what its ring held.
  const late = await world.peer('receive', 'x}2', [1023]);
  await engines.close('e');
  expectWhole([await late.end()], 1023);
  expectAllBuffers(world);
});

test('a batch holds what a ring of the usual size does, unless the user asks for another number or the rings are smaller', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  const cases = [
    { name: 'usual', link: {}, options: {}, packets: 1000, batches: 1 },
    { name: 'asked', link: { batch: 250 }, options: {}, packets: 1000, batches: 4 },
    { name: 'small', link: {}, options: { slots: 512 }, packets: 500, batches: 1 },
  ];
  for (const { name, link, options, packets, batches } of cases) {
    await engines.open(name, [['Dummy', null, [`x}${name}`], [`x{${name}-out`]]], options, link);
    const sender = await world.send(`x{${name}`, packets, 10, 60);
    await engines.start(name);
    expect(await engines.received(name, packets)).toMatchObject({ packets, batches });
    await sender.end();
    await engines.close(name);
  }
});

test('an engine that waits for its reader loses nothing of a burst after a long silence', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  // A batch that waits keeps all its slots of the sender's ring: this one leaves room for the others.
  await engines.open('e', [['Dummy', null, ['x}0'], ['x{1']]], {}, { batch: 256 }, { whenFull: 'wait' });
  const [reader] = await world.receivers(['x}1']);
  await engines.start('e');
  // Longer than the reader of a full ring may rest: this one has nothing to take.
  await setTimeout(1200);
  await suspend(reader.process);
  // What the reader's ring does not hold waits in the sender's.
  const sender = await world.send('x{0', 1500, 50, 60);
  reader.process.kill('SIGCONT');
  await engines.received('e', 1500);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expectWhole([await reader.end()], 1500);
  await sender.end();
});

test('a frame of several slots finds the room that its reader made since the ring was full', async () => {
  await world.peer('hold', 'x{keep');
  const engines = world.engines();
  await engines.open('e', [['Dummy', null, ['x}0'], ['x{1']]]);
  await engines.start('e');
  // 204 frames of five slots leave three of the ring's 1,023 free.
  const first = await world.send('x{0', 204, 4, 9000);
  await engines.received('e', 204);
  const [reader] = await world.receivers(['x}1']);
  await reader.has(204);
  await first.end();
  const second = await world.send('x{0', 1, 1, 9000, {}, 4);
  await engines.received('e', 205);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  expectWhole([await reader.end()], 205);
  await second.end();
});

test('1,000 pipes of 64 slots', async () => {
  await worlds.another({ NETMAP_USERSPACE_BUF_NUM: '300000' });
  const engines = world.engines();
  const outputs = Array.from({ length: 1000 }, (_, index) => `x{${index + 1}`);
  await world.peer('hold', 'x{0', [], { PEER_SLOTS: '1024' });
  await engines.open('e', [['LoadBalancer', 4, ['x}0'], outputs]], { slots: 64 });
  await engines.start('e');
  const sender = await world.send('x{0', 30_000, 5000, 60);
  await engines.received('e', 30_000);
  await engines.stop('e');
  await expectBalance(engines, 'e');
  const { links } = await engines.stats('e');
  expect(links.filter((link) => link.role === 'sink' && link.packets > 0).length).toBeGreaterThan(900);
  await sender.end();
  expectAllBuffers(world);
});

test('more pipes than fit into the pools of a name without an interface: the error names the parameters to raise', async () => {
  await worlds.another(KERNEL_LIMITS);
  const engines = world.engines();
  // With the input, one more than the kernel's module has room for.
  await expect(engines.open('e', [['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2', 'x{3', 'x{4', 'x{5']]])).rejects.toMatchObject({
    code: 'E_NETMAP_MEMORY',
    message: expect.stringMatching(/pools are too small.*priv_ring_num.*priv_buf_num/) as string,
  });
  // What it had opened is closed again.
  await engines.open('e', [['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2', 'x{3', 'x{4']]]);
});

test('more than 64 pipes of one port: the error says so, and with several names they fit', async () => {
  await worlds.another({ NETMAP_USERSPACE_MAX_PIPES: '' });
  const engines = world.engines();
  const outputs = Array.from({ length: 65 }, (_, index) => `x{${index}`);
  await expect(engines.open('e', [['LoadBalancer', 4, ['y}0'], outputs]], { slots: 64 })).rejects.toMatchObject({ code: 'E_NETMAP_PIPES' });
  await engines.open('e', [['LoadBalancer', 4, ['y}0'], [...outputs.slice(0, 64), 'y{1']]], { slots: 64 });
});
