import fc from 'fast-check';
import { Dummy, Duplicator, LoadBalancer, Merge } from 'packet-bricks';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf, runningEngine, turn, until, type FlowPacket } from '../support/loopback-engine';
import { hashOf } from '../flow/support';
import { build, setUps } from '../support/random-set-ups';

afterEach(closeEngines);

const traffic = fc.array(fc.record({ flow: fc.nat(40), backwards: fc.boolean(), size: fc.integer({ min: 4, max: 1400 }) }), { maxLength: 700 })
  .map((packets): FlowPacket[] => packets.map(({ flow, backwards, size }, number) => flowPacket(flow, number, backwards, size)));

/** Flows that are on more than one output. */
function splitFlows(outputs: readonly (readonly number[])[], packets: readonly FlowPacket[]): number[] {
  const outputOf = new Map<number, number>();
  const split = new Set<number>();
  outputs.forEach((numbers, output) => {
    for (const number of numbers) {
      const { flow } = packets[number];
      if ((outputOf.get(flow) ?? output) !== output) split.add(flow);
      outputOf.set(flow, output);
    }
  });
  return [...split];
}

test('any set-up of bricks, also of such as change, copy, hold and make packets, loses, doubles and reorders nothing, and its books say so', async () => {
  await fc.assert(fc.asyncProperty(setUps, traffic, fc.constantFrom(1, 7, 64, 256), async (setUp, packets, batch) => {
    try {
      const { roots, links, leaves, bricks } = build(setUp, packets, batch);
      // All packets are there before it starts, so that each batch is as large as it may be.
      const engine = newEngine();
      const failures: unknown[] = [];
      engine.on('error', (error) => failures.push(error));
      await engine.link(roots[0], { batch });
      await injectAll('in', packets);
      loopback.end('in');
      await engine.start();
      await engine.finished();
      expect(failures).toEqual([]);

      // What is read at each end, byte by byte, in order, beside what the model sent there.
      for (const leaf of leaves) {
        const read = loopback.read(leaf).map(({ bytes }) => hexOf(bytes));
        expect(read).toEqual(links.get(leaf)!.map(({ bytes }) => hexOf(bytes)));
      }
      // The books: every link and brick beside the model, and in balance with each other.
      const statistics = engine.stats();
      expect(statistics.links.map(({ name }) => name).sort()).toEqual([...links.keys()].sort());
      for (const { name, packets: count, bytes, dropped } of statistics.links) {
        const expected = links.get(name)!;
        expect({ name, count, bytes, dropped }).toEqual({ name, count: expected.length, bytes: expected.reduce((sum, packet) => sum + packet.bytes.length, 0), dropped: 0 });
      }
      for (const { id, kind, packetsIn, packetsOut, copies, created, dropped, drops, held } of statistics.bricks) {
        expect({ kind, packetsIn, packetsOut, copies, created, dropped, drops }).toEqual(bricks.get(id));
        expect(held).toBe(0);
      }
      const audit = engine.audit();
      expect(audit.lines.filter((line) => !line.balanced)).toEqual([]);
      expect(audit.balanced).toBe(true);
      expect(audit.received).toBe(packets.length);
      expect(audit.sent + audit.dropped).toBe(audit.received + audit.copies + audit.created);
    } finally {
      await closeEngines();
    }
  }), { numRuns: Number(process.env['BRICKS_TEST_RUNS'] ?? 50) });
});

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

test('a flow is on one output only, whichever way its packets go, and in order', async () => {
  const engine = await runningEngine(new LoadBalancer(4).connectInput('in').connectOutput('o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6'));
  const packets = Array.from({ length: 6000 }, (_, number) => flowPacket((number * 31) % 300, number, number % 3 === 0));
  await injectAll('in', packets);
  loopback.end('in');
  await engine.finished();
  const outputs = Array.from({ length: 7 }, (_, output) => numbersOf(loopback.read(`o${output}`)));
  for (const numbers of outputs) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(outputs.flat()).toHaveLength(6000);
  expect(splitFlows(outputs, packets)).toEqual([]);
  expect(outputs.filter((numbers) => numbers.length > 0)).toHaveLength(7);
});

test('the outputs of a duplicator are the same, byte for byte and with their times', async () => {
  const engine = await runningEngine(new Duplicator().connectInput('in').connectOutput('o0', 'o1', 'o2'));
  const packets = Array.from({ length: 1000 }, (_, number) => ({ bytes: flowPacket(number % 50, number).bytes, wireLength: 2000 + number, seconds: number, nanoseconds: 999_999_999 - number, linkType: number < 500 ? 1 : 101 }));
  await injectAll('in', packets);
  loopback.end('in');
  await engine.finished();
  const [first, second, third] = ['o0', 'o1', 'o2'].map((name) => loopback.read(name).map((packet) => ({ ...packet, bytes: Buffer.from(packet.bytes) })));
  expect(first).toEqual(packets);
  expect(second).toEqual(first);
  expect(third).toEqual(first);
  expect(engine.audit()).toMatchObject({ balanced: true, received: 1000, copies: 2000, sent: 3000 });
});

test('a merge keeps the order of each of its inputs, and of what a brick before it split', async () => {
  const engine = newEngine();
  const split = new LoadBalancer().connectInput('in0').connectOutput('x{0', 'x{1', 'x{2');
  await engine.link(split.link(new Merge().connectInput('x}0', 'x}1', 'x}2', 'in1', 'in2').connectOutput('out')));
  await engine.start();
  const packets = Array.from({ length: 3000 }, (_, number) => flowPacket(number % 97, number));
  for (let at = 0; at < packets.length; at += 30) {
    for (const input of [0, 1, 2]) await injectAll(`in${input}`, packets.slice(at + input * 10, at + input * 10 + 10));
  }
  for (const input of [0, 1, 2]) loopback.end(`in${input}`);
  await engine.finished();
  const numbers = numbersOf(loopback.read('out'));
  expect([...numbers].sort((a, b) => a - b)).toEqual(packets.map(({ number }) => number));
  for (const input of [0, 1, 2]) {
    const own = numbers.filter((number) => Math.floor((number % 30) / 10) === input);
    expect(own).toEqual([...own].sort((a, b) => a - b));
  }
});

test('"splitting over more than 20 pipes crashes": one load balancer splits over 1,000 outputs', async () => {
  const names = Array.from({ length: 1000 }, (_, output) => `o${output}`);
  const engine = await runningEngine(new LoadBalancer().connectInput('in').connectOutput(...names));
  const packets = Array.from({ length: 20_000 }, (_, number) => flowPacket(number % 5000, number));
  await injectAll('in', packets);
  loopback.end('in');
  await engine.finished();
  const outputs = names.map((name) => numbersOf(loopback.read(name)));
  expect(outputs.flat().sort((a, b) => a - b)).toEqual(packets.map(({ number }) => number));
  expect(splitFlows(outputs, packets)).toEqual([]);
  expect(outputs.filter((numbers) => numbers.length > 0).length).toBeGreaterThan(900);
  expect(engine.audit()).toMatchObject({ balanced: true, received: 20_000, sent: 20_000, dropped: 0 });
});

test.each([[1, 4], [2, 4], [3, 2], [4, 4], [5, 4], [7, 2], [64, 4], [65, 4], [256, 2], [300, 4]])('the output is the flow hash modulo the number of outputs: %d outputs, split by %d', async (count, tuple) => {
  const names = Array.from({ length: count }, (_, output) => `o${output}`);
  const engine = await runningEngine(new LoadBalancer({ tuple }).connectInput('in').connectOutput(...names));
  const packets = Array.from({ length: 2000 }, (_, number) => flowPacket(number % 900, number));
  await injectAll('in', packets);
  loopback.end('in');
  await engine.finished();
  const hashes = packets.map(({ bytes }) => hashOf(bytes, { tuple: tuple === 2 ? 2 : 4 }));
  names.forEach((name, output) => {
    const wanted = packets.filter((_, index) => hashes[index] % count === output);
    expect(numbersOf(loopback.read(name))).toEqual(wanted.map(({ number }) => number));
  });
});

test('a load balancer may split over many outputs that are further bricks’ inputs', async () => {
  const inner = Array.from({ length: 100 }, (_, output) => output);
  const merge = new Merge().connectInput(...inner.map((output) => `x}${output}`)).connectOutput('out');
  const engine = await runningEngine(new LoadBalancer().connectInput('in').connectOutput('other', ...inner.map((output) => `x{${output}`)).link(merge));
  const packets = Array.from({ length: 5000 }, (_, number) => flowPacket(number % 700, number));
  await injectAll('in', packets);
  loopback.end('in');
  await engine.finished();
  const [other, out] = ['other', 'out'].map((name) => numbersOf(loopback.read(name)));
  expect(out).toEqual([...out].sort((a, b) => a - b));
  expect([...other, ...out].sort((a, b) => a - b)).toEqual(packets.map(({ number }) => number));
  expect(splitFlows([other, out], packets)).toEqual([]);
  expect(other.length).toBeGreaterThan(0);
});

test('the books of a running engine are in balance at any moment', async () => {
  const inner = new LoadBalancer().connectInput('x}0').connectOutput('o0', 'o1', 'x{2');
  const engine = await runningEngine(
    new Duplicator().connectInput('in').connectOutput('x{0', 'x{1').link(inner, new Merge().connectInput('x}1', 'x}2').connectOutput('o2')),
    { batch: 32 },
  );
  let audits = 0;
  let different = 0;
  let last = -1;
  for (let number = 0; number < 30_000; number++) {
    await injectAll('in', [flowPacket(number % 200, number)]);
    if (number % 20 !== 0) continue;
    const audit = engine.audit();
    if (!audit.balanced) throw new Error(audit.lines.filter((line) => !line.balanced).map((line) => line.text).join('; '));
    expect(audit.received).toBeGreaterThanOrEqual(last);
    if (audit.received !== last) different++;
    last = audit.received;
    audits++;
    if (number % 400 === 0) {
      for (const name of ['o0', 'o1', 'o2']) loopback.read(name);
      await turn();
    }
  }
  await until(() => engine.audit().received === 30_000);
  expect(engine.audit()).toMatchObject({ balanced: true, copies: 30_000 });
  expect(audits).toBe(1500);
  expect(different).toBeGreaterThan(20);
});

test('what no reader takes is dropped and counted at that output; the others get everything', async () => {
  const engine = await runningEngine(new Duplicator().connectInput('in').connectOutput('read', 'unread', 'slow'));
  loopback.read('slow'); // a reader, but one that never comes back
  const got: number[] = [];
  for (let number = 0; number < 5000; number++) {
    await injectAll('in', [flowPacket(number % 10, number, false, 1400)]);
    if (number % 100 === 99) {
      await until(() => engine.stats().packets === number + 1);
      got.push(...numbersOf(loopback.read('read')));
    }
  }
  expect(got).toEqual(Array.from({ length: 5000 }, (_, number) => number));
  const [, read, unread, slow] = engine.stats().links;
  expect(read).toMatchObject({ name: 'read', packets: 5000, dropped: 0 });
  expect(unread.packets + (unread.drops.noReader ?? 0)).toBe(5000);
  expect(unread.drops.noReader).toBeGreaterThan(0);
  expect(slow.packets + (slow.drops.ringFull ?? 0)).toBe(5000);
  expect(slow.drops.ringFull).toBeGreaterThan(0);
  expect(loopback.read('slow')).toHaveLength(slow.packets);
  expect(engine.audit().balanced).toBe(true);
});

test('several engines at once have nothing of each other', async () => {
  const count = 6;
  const running = await Promise.all(Array.from({ length: count }, (_, index) => runningEngine(new Dummy().connectInput(`in${index}`).connectOutput(`out${index}`))));
  const packets = Array.from({ length: 2000 }, (_, number) => flowPacket(number % 20, number));
  await Promise.all(running.map((_, index) => injectAll(`in${index}`, packets.slice(index * 100))));
  for (let index = 0; index < count; index++) loopback.end(`in${index}`);
  await Promise.all(running.map((engine) => engine.finished()));
  running.forEach((engine, index) => {
    expect(numbersOf(loopback.read(`out${index}`))).toEqual(packets.slice(index * 100).map(({ number }) => number));
    expect(engine.audit()).toMatchObject({ balanced: true, received: 2000 - index * 100 });
  });
});

test('one engine may read what another sends, through a pipe', async () => {
  const second = await runningEngine(new Dummy().connectInput('between}0').connectOutput('out'));
  const first = await runningEngine(new Dummy().connectInput('in').connectOutput('between{0'));
  const packets = Array.from({ length: 1000 }, (_, number) => flowPacket(number % 20, number));
  await injectAll('in', packets);
  loopback.end('in');
  await first.finished();
  await first.unlink();
  await second.finished();
  expect(numbersOf(loopback.read('out'))).toEqual(packets.map(({ number }) => number));
});
