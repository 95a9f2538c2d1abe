import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Dummy, Duplicator, LoadBalancer, Merge, type BrickClass, type BricksError, type PacketEngine } from 'packet-bricks';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf, runningEngine, until } from '../support/loopback-engine';
import { brickFolder, outside, removeBricks } from '../support/outside-brick';
import { bytesOf, ethernet, ipv4Fragments, udp } from '../support/packets';

afterEach(closeEngines);
afterAll(removeBricks);

const packets = (count: number, first = 0): ReturnType<typeof flowPacket>[] => Array.from({ length: count }, (_, index) => flowPacket(index % 30, first + index));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);
const errorOf = (engine: PacketEngine): Promise<BricksError> => new Promise((resolve) => engine.once('error', resolve));

test('a brick from a module works as a built-in one does, with options, counters and drops', async () => {
  const Third = outside('Third', { setup: 'let turn = 0;', choose: 'seen.add(1); return numberOf(row) % options.limit === 0 ? turn++ % context.outputs : DROP;' });
  const engine = await runningEngine(new Third(4).connectInput('in').connectOutput('a', 'x{0').link(new Merge().connectInput('x}0').connectOutput('b')));
  await injectAll('in', packets(1000));
  loopback.end('in');
  await engine.finished();
  const read = [...numbersOf(loopback.read('a')), ...numbersOf(loopback.read('b'))];
  expect(read.sort((x, y) => x - y)).toEqual(numbers(1000).filter((number) => number % 4 === 0));
  expect(engine.stats().bricks[0]).toMatchObject({ kind: 'Third', packetsIn: 1000, packetsOut: 250, dropped: 750, drops: { decision: 750 }, counters: { seen: 1000 } });
  expect(engine.audit()).toMatchObject({ balanced: true, sent: 250, dropped: 750 });
});

test('what a brick remembers begins anew with the engine: no packet of the warm-up is in it', async () => {
  const inVariables = outside('InVariables', { setup: 'let first = true;', choose: 'if (!first) return DROP; first = false; return 0;' });
  const inState = outside('InState', {
    form: `state: () => ({ first: true }), choose: (packets, options, context) => { const seen = context.counter('seen'); return (row, state) => { seen.add(1); if (!state.first) return DROP; state.first = false; return 0; }; },`,
  });
  for (const Once of [inVariables, inState]) {
    const engine = await runningEngine(new Once().connectInput('in').connectOutput('out'), { warmUpMilliseconds: 300 });
    await injectAll('in', packets(50));
    loopback.end('in');
    await engine.finished();
    expect(numbersOf(loopback.read('out'))).toEqual([0]);
    if (Once === inState) expect(engine.stats().bricks[0].counters).toEqual({ seen: 50 });
    await closeEngines();
  }
});

test('a brick stands in a graph more than once, each with options and counters of its own', async () => {
  const Below = outside('Below', { choose: 'if (numberOf(row) >= options.limit) return DROP; seen.add(1); return 0;' });
  const engine = await runningEngine(new Below(50).connectInput('in').connectOutput('x{0').link(new Below(20).connectInput('x}0').connectOutput('out')));
  await injectAll('in', packets(100));
  loopback.end('in');
  await engine.finished();
  expect(numbersOf(loopback.read('out'))).toEqual(numbers(20));
  expect(engine.stats().bricks.map(({ label, counters }) => [label, counters])).toEqual([['Below', { seen: 50 }], ['Below#2', { seen: 20 }]]);
});

test('a brick from outside finds many outputs as it finds few', async () => {
  const names = Array.from({ length: 300 }, (_, output) => `o${output}`);
  const Dealer = outside('Dealer', { choose: 'return numberOf(row) % context.outputs;' });
  const engine = await runningEngine(new Dealer().connectInput('in').connectOutput(...names));
  await injectAll('in', packets(1500));
  loopback.end('in');
  await engine.finished();
  names.forEach((name, output) => expect(numbersOf(loopback.read(name))).toEqual([0, 300, 600, 900, 1200].map((first) => first + output)));
  expect(engine.audit()).toMatchObject({ balanced: true, sent: 1500 });
});

test('a brick uses what its module imports and closes over', async () => {
  writeFileSync(join(brickFolder(), 'helper.cjs'), 'exports.long = (length, limit) => length >= limit;');
  const Helped = outside('Helped', {
    form: `choose: ({ length }, { limit }) => (row) => (require('./helper.cjs').long(length[row], limit) ? 1 : 0),`,
  });
  const sized = (size: number, first: number): ReturnType<typeof flowPacket>[] => (
    Array.from({ length: 300 }, (_, index) => flowPacket(index % 30, first + index, false, size))
  );
  const behind = new Helped(500).connectInput('x}1').connectOutput('middle', 'long');
  const engine = await runningEngine(new Helped(200).connectInput('in').connectOutput('x{0', 'x{1').link(behind, new Merge().connectInput('x}0').connectOutput('short')));
  const mixed = [sized(8, 0), sized(300, 300), sized(800, 600)];
  for (let index = 0; index < 300; index++) await injectAll('in', mixed.map((each) => each[index]));
  loopback.end('in');
  await engine.finished();
  expect(numbersOf(loopback.read('short'))).toEqual(numbers(300));
  expect(numbersOf(loopback.read('middle'))).toEqual(numbers(300).map((number) => 300 + number));
  expect(numbersOf(loopback.read('long'))).toEqual(numbers(300).map((number) => 600 + number));
  expect(engine.audit()).toMatchObject({ balanced: true, sent: 900, dropped: 0 });
});

test('a brick that reads headerBytes finds the first 64 bytes of each packet, with zeros behind a shorter one, also of packets that were held', async () => {
  // Passes on what is so, and drops the rest.
  const Headed = outside('Headed', {
    setup: 'const { headerBytes } = packets;',
    choose: `
      let good = true;
      for (let byte = 0; byte < 64; byte++) good &&= headerBytes.getUint8(row * 64 + byte) === (byte < length[row] ? memory.bytes[offset[row] + byte] : 0);
      return good ? 0 : DROP;
    `,
  });
  const behind = new Headed().connectInput('x}0').connectOutput('split');
  const engine = await runningEngine(new LoadBalancer({ fragmentWait: 10_000 }).connectInput('fragments').connectOutput('x{0', 'other').link(behind, new Headed().connectInput('plain').connectOutput('out')));
  const ofAllLengths = Array.from({ length: 400 }, (_, index) => Buffer.from(Array.from({ length: 14 + (index % 200) }, (_byte, byte) => (index * 31 + byte * 7 + 1) & 255)));
  // Each datagram's last fragment first: it is held until the others are there.
  const datagrams = Array.from({ length: 20 }, (_, number) => (
    ipv4Fragments({ source: `10.3.0.${number}`, destination: '10.4.0.1', identification: number }, udp({ sourcePort: 1000 + number, destinationPort: 53 }, Buffer.alloc(120, number)), 64)
      .reverse().map((part) => bytesOf(ethernet({}, part)))
  ));
  await injectAll('plain', ofAllLengths);
  await injectAll('fragments', datagrams.map(([last]) => last));
  await until(() => engine.stats().bricks[0].counters['fragmentsHeld'] === 20);
  await injectAll('fragments', datagrams.flatMap(([, ...others]) => others));
  for (const name of ['plain', 'fragments']) loopback.end(name);
  await engine.finished();
  expect(loopback.read('out').map(({ bytes }) => bytes.length)).toEqual(ofAllLengths.map(({ length }) => length));
  expect(loopback.read('split').length + loopback.read('other').length).toBe(datagrams.flat().length);
  expect(engine.stats().bricks[0].counters).toMatchObject({ fragmentsHeld: 20, fragmentsWithoutFirst: 0 });
  expect(engine.audit()).toMatchObject({ balanced: true, dropped: 0 });
});

describe('the packet form', () => {
  const form = (body: string, more = ''): Outside => ({ definition: more, form: `onPacket: (options, context) => (packet) => { const number = packet.uint32(packet.length - 4); ${body} },` });

  test('gives a packet to one output, to several, to all, or drops it; copies are counted', async () => {
    const Some = outside('Some', form('return number % 4 === 0 ? DROP : number % 4 === 1 ? 2 : number % 4 === 2 ? [0, 1] : ALL;', 'copies: true,'));
    const engine = await runningEngine(new Some().connectInput('in').connectOutput('a', 'b', 'c'));
    await injectAll('in', packets(400));
    loopback.end('in');
    await engine.finished();
    expect(numbersOf(loopback.read('a'))).toEqual(numbers(400).filter((number) => number % 4 > 1));
    expect(numbersOf(loopback.read('b'))).toEqual(numbers(400).filter((number) => number % 4 > 1));
    expect(numbersOf(loopback.read('c'))).toEqual(numbers(400).filter((number) => number % 4 === 1 || number % 4 === 3));
    expect(engine.audit()).toMatchObject({ balanced: true, received: 400, copies: 300, sent: 600, dropped: 100 });
  });

  test('reads the headers of each packet, and tells what is not there by -1', async () => {
    const wanted = outside('Reader', form(`
      const known = packet.ipVersion === 4 && packet.isUdp && packet.protocol === 17 && packet.etherType === 0x0800 && packet.vlan === -1;
      const there = packet.networkOffset === 14 && packet.transportOffset === 34 && packet.payloadOffset === 42 && packet.payloadLength === packet.length - 42;
      const addresses = packet.sourceIpv4 === packet.uint32(26) && packet.destinationIpv4 === packet.uint32(30) && packet.sourcePort === packet.uint16(34);
      const bounded = packet.uint8(packet.length) === -1 && packet.uint16(packet.length - 1) === -1 && packet.uint32(-1) === -1 && packet.tcpFlags === -1;
      return known && there && addresses && bounded ? 0 : DROP;
    `));
    const engine = await runningEngine(new wanted().connectInput('in').connectOutput('out'));
    const udpPackets = Array.from({ length: 40 }, (_, number) => bytesOf(ethernet({}, ipv4Fragments({ source: '10.0.0.1', destination: '10.0.0.2', identification: number }, udp({ sourcePort: 100 + number, destinationPort: 53 }, Buffer.alloc(30, number)), 1400)[0])));
    await injectAll('in', [...udpPackets, new Uint8Array(60), new Uint8Array(3)]);
    loopback.end('in');
    await engine.finished();
    expect(loopback.read('out')).toHaveLength(40);
    expect(engine.audit()).toMatchObject({ balanced: true, dropped: 2 });
  });

  test.each([
    ['several outputs without copies: true', 'return [0, 1];', '', /it gave a packet to several outputs, and does not declare copies: true/],
    ['an output twice', 'return [1, 1];', 'copies: true,', /it gave a packet to output 1 twice/],
    ['an output that it has not', 'return [0, 5];', 'copies: true,', /it returned 5 for a packet; it must return an output from 0 to 1 or DROP/],
    ['nothing', '', '', /it returned undefined for a packet/],
  ])('%s ends the engine with a message that says so', async (what, body, more, message) => {
    const Wrong = outside(`Wrong${what.replace(/\W/g, '')}`, form(body, more));
    const engine = newEngine();
    await engine.link(new Wrong().connectInput('in').connectOutput('a', 'b'));
    const failed = errorOf(engine);
    await injectAll('in', packets(5));
    await engine.start();
    expect(await failed).toMatchObject({ code: 'E_BRICK_FAILED', message: expect.stringMatching(message) });
    expect(engine.audit()).toMatchObject({ balanced: true, dropped: 5 });
  });
});

describe('the process form', () => {
  test('gets the rows of a batch, and says for each where it goes; what it leaves alone is dropped', async () => {
    const Halves = outside('Halves', { form: 'process: () => (input, next) => { for (let i = 0; i < input.count >> 1; i++) next[i] = i & 1; },' });
    const engine = await runningEngine(new Dummy().connectInput('in').connectOutput('x{0').link(new Halves().connectInput('x}0').connectOutput('a', 'b')), { batch: 64 });
    await injectAll('in', packets(640));
    loopback.end('in');
    await engine.finished();
    const [a, b] = [numbersOf(loopback.read('a')), numbersOf(loopback.read('b'))];
    expect(a).toEqual([...a].sort((x, y) => x - y));
    expect(new Set([...a, ...b]).size).toBe(a.length + b.length);
    expect(engine.audit()).toMatchObject({ balanced: true, received: 640, sent: a.length + b.length, dropped: 640 - a.length - b.length });
    expect(a.length + b.length).toBeLessThanOrEqual(320);
  });

  test('an output that it has not ends the engine with a message that says so', async () => {
    const Far = outside('Far', { form: 'process: () => (input, next) => { for (let i = 0; i < input.count; i++) next[i] = 7; },' });
    const engine = newEngine();
    await engine.link(new Far().connectInput('in').connectOutput('a'));
    const failed = errorOf(engine);
    await injectAll('in', packets(5));
    await engine.start();
    expect(await failed).toMatchObject({ code: 'E_BRICK_FAILED', message: 'The brick Far failed: it returned 7 for a packet; it must return 0, its only output, or DROP' });
  });
});

test('a packet that came in twice and goes on once counts as one dropped', async () => {
  const Once = outside('Once', { setup: 'let turn = 0;', choose: 'return turn++ % 2 === 0 ? 0 : DROP;' });
  const engine = await runningEngine(new Duplicator().connectInput('in').connectOutput('x{0', 'x{1').link(
    new Merge().connectInput('x}0', 'x}1').connectOutput('x{2'), new Once().connectInput('x}2').connectOutput('a', 'b'),
  ));
  await injectAll('in', packets(100));
  loopback.end('in');
  await engine.finished();
  expect(numbersOf(loopback.read('a'))).toEqual(numbers(100));
  expect(engine.audit()).toMatchObject({ balanced: true, received: 100, copies: 100, sent: 100, dropped: 100 });
});

test.each([
  ['an output that it has not', 'return 2;', /it returned 2 for a packet; it must return an output from 0 to 1 or DROP/],
  ['nothing', '', /it returned undefined for a packet/],
  ['a text', "return 'eth3';", /it returned "eth3" for a packet/],
])('a choose function that returns %s ends the engine with a message that says so', async (what, choose, message) => {
  const Liar = outside(`Liar${what.replace(/\W/g, '')}`, { choose });
  const engine = newEngine();
  await engine.link(new Liar().connectInput('in').connectOutput('a', 'b'));
  const failed = errorOf(engine);
  await injectAll('in', packets(5));
  await engine.start();
  expect(await failed).toMatchObject({ code: 'E_BRICK_FAILED', message: expect.stringMatching(message) });
  expect(engine.audit()).toMatchObject({ balanced: true, dropped: 5 });
});

test('a column that a brick takes only while packets come is refused, since it may not be filled', async () => {
  const Late = outside('Late', { choose: 'return packets.flowPorts[row] === 0 ? 0 : 1;' });
  const engine = newEngine();
  await engine.link(new Late().connectInput('in').connectOutput('a', 'b'));
  const failed = errorOf(engine);
  await injectAll('in', packets(5));
  await engine.start();
  expect(await failed).toMatchObject({ code: 'E_BRICK_FAILED', message: expect.stringMatching(/takes the column "flowPorts" while packets are flowing/) });
});

test('counters and gauges are as many as a brick declares, and misspelt ones are named', async () => {
  const many = Array.from({ length: 40 }, (_, index) => `c${index}: '.'`).join(', ');
  const Counting = outside('Counting', {
    definition: `counters: { ${many} }, gauges: { last: 'the last number' },`,
    form: `choose: (packets, options, context) => {
      const { memory, offset, length } = packets;
      const counters = Array.from({ length: 40 }, (_, index) => context.counter('c' + index));
      const last = context.gauge('last');
      return (row) => { const number = numberIn({ memory, offset, length }, row); counters[number % 40].add(2); last.set(number); return 0; };
    },`,
  });
  const engine = await runningEngine(new Counting().connectInput('in').connectOutput('out'));
  await injectAll('in', packets(80));
  loopback.end('in');
  await engine.finished();
  expect(engine.stats().bricks[0].counters).toEqual(Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`c${index}`, 4])));
  expect(engine.stats().bricks[0].gauges).toEqual({ last: 79 });
  await closeEngines();
  const Misspelt = outside('Misspelt', { setup: "context.counter('sene');", choose: 'return 0;' });
  await expect(newEngine().link(new Misspelt().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_BRICK_COUNTER', message: expect.stringMatching(/has not declared the counter "sene"\. Did you mean "seen"\?/) });
});

test('random numbers are the same for the same seed', async () => {
  const Chance = outside('Chance', { choose: 'return context.random(2);' });
  const drawn = async (seed: number): Promise<number[]> => {
    const engine = await runningEngine(new Chance().connectInput('in').connectOutput('a', 'b'), { seed });
    await injectAll('in', packets(200));
    loopback.end('in');
    await engine.finished();
    const read = numbersOf(loopback.read('a'));
    loopback.read('b');
    await closeEngines();
    return read;
  };
  const first = await drawn(7);
  expect(await drawn(7)).toEqual(first);
  expect(await drawn(8)).not.toEqual(first);
  expect(first.length).toBeGreaterThan(50);
  expect(first.length).toBeLessThan(150);
});

describe('a brick that throws', () => {
  test('ends its engine with an error that names it; what the others made of the batch is sent, and all is counted', async () => {
    const Fragile = outside('Fragile', { choose: "if (numberOf(row) === 700) throw new TypeError('no such thing'); return 0;" });
    const other = await runningEngine(new Dummy().connectInput('in2').connectOutput('out2'));
    const engine = newEngine();
    await engine.link(new Duplicator().connectInput('in').connectOutput('x{0', 'x{1', 'copy').link(
      new Fragile().connectInput('x}0').connectOutput('fragile'), new Dummy().connectInput('x}1').connectOutput('beside'),
    ), { batch: 100 });
    await injectAll('in', packets(1000));
    const failed = errorOf(engine);
    await engine.start();
    const error = await failed;
    expect(error).toMatchObject({ name: 'BricksError', code: 'E_BRICK_FAILED', message: 'The brick Fragile failed: no such thing' });
    expect(error.stack).toContain('Fragile.cjs');
    expect(engine.running).toBe(false);

    const statistics = engine.stats();
    for (const name of ['copy', 'beside']) expect(numbersOf(loopback.read(name))).toEqual(numbers(statistics.packets));
    const fragile = statistics.bricks.find(({ label }) => label === 'Fragile')!;
    expect(numbersOf(loopback.read('fragile'))).toEqual(numbers(fragile.packetsOut));
    expect(fragile.packetsIn).toBe(statistics.packets);
    expect(fragile.drops).toEqual({ engineHung: statistics.packets - fragile.packetsOut });
    expect(statistics.packets).toBeGreaterThan(700);
    expect(engine.audit()).toMatchObject({ balanced: true, received: statistics.packets });

    await injectAll('in2', packets(100));
    loopback.end('in2');
    await other.finished();
    expect(numbersOf(loopback.read('out2'))).toEqual(numbers(100));
  });

  test('may be linked and started again', async () => {
    const Early = outside('Early', { choose: "if (numberOf(row) === 5) throw new Error('five'); return 0;" });
    const engine = newEngine();
    const brick = new Early().connectInput('in').connectOutput('out');
    await engine.link(brick, { batch: 1 });
    const failed = errorOf(engine);
    await engine.start();
    await injectAll('in', packets(10));
    await failed;
    await expect(engine.start()).rejects.toMatchObject({ code: 'E_ENGINE_NOT_LINKED', message: expect.stringContaining('has failed') });
    await engine.link(brick, { batch: 1 });
    await engine.start();
    loopback.end('in');
    await engine.finished();
    expect(numbersOf(loopback.read('out'))).toEqual(numbers(10).filter((number) => number !== 5));
  });

  test('while warming up is named by link', async () => {
    const Cold = outside('Cold', { choose: "throw new Error('too cold');" });
    await expect(newEngine({ warmUpMilliseconds: 1000 }).link(new Cold().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_BRICK_FAILED', message: 'The brick Cold failed: too cold' });
  });

  test('while it is made is named by link', async () => {
    const Unborn = outside('Unborn', { setup: "throw new Error('not today');" });
    await expect(newEngine().link(new Unborn().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_BRICK_FAILED', message: "The brick Unborn can't be made: not today" });
  });
});

describe('a brick that never returns', () => {
  const Endless = (): BrickClass<unknown> => outside('Endless', { choose: 'if (numberOf(row) === 50) for (;;); return 0;' });

  test('has its engine ended, which is said with its name; other engines go on', async () => {
    const other = await runningEngine(new Dummy().connectInput('in2').connectOutput('out2'));
    const engine = newEngine({ hangMilliseconds: 300 });
    await engine.link(new Duplicator().connectInput('in').connectOutput('out', 'x{0').link(new (Endless())().connectInput('x}0').connectOutput('never')), { batch: 10 });
    const failed = errorOf(engine);
    await engine.start();
    await injectAll('in', packets(100));
    expect(await failed).toMatchObject({ code: 'E_ENGINE_HUNG', message: expect.stringMatching(/its brick Endless has not returned for 300 ms/) });
    expect(engine.running).toBe(false);
    await engine.finished();
    expect(engine.audit().balanced).toBe(true);
    await injectAll('in2', packets(100));
    loopback.end('in2');
    await other.finished();
    expect(numbersOf(loopback.read('out2'))).toEqual(numbers(100));
    // Its interfaces are free again.
    const next = await runningEngine(new Dummy().connectInput('in').connectOutput('out'));
    await until(() => next.stats().packets > 0);
  });

  test('while warming up does not hold up link for ever', async () => {
    const Frozen = outside('Frozen', { choose: 'for (;;);' });
    await expect(newEngine({ hangMilliseconds: 300, warmUpMilliseconds: 1000 }).link(new Frozen().connectInput('in').connectOutput('out')))
      .rejects.toMatchObject({ code: 'E_ENGINE_HUNG', message: expect.stringContaining('its brick Frozen has not returned') });
  });

  test('a brick that is slow but returns is left alone', async () => {
    const Slow = outside('Slow', { choose: 'const end = performance.now() + 30; while (performance.now() < end); return 0;' });
    const engine = await runningEngine(new Slow().connectInput('in').connectOutput('out'), { hangMilliseconds: 200, batch: 1 });
    await injectAll('in', packets(20));
    loopback.end('in');
    await engine.finished();
    expect(numbersOf(loopback.read('out'))).toEqual(numbers(20));
  });
});

describe('a module that is of no use', () => {
  test.each([
    ['is gone', '', /The module file:\/\/.*gone.*\.cjs can't be loaded/],
    ['exports the brick no more', 'module.exports.other = 1;', /exports no brick "Gone1"\. Export what defineBrick returns\./],
    ['does not compile', 'module.exports = {', /can't be loaded: /],
  ])('%s: link says so', async (_, text, message) => {
    const index = ['', 'module.exports.other = 1;', 'module.exports = {'].indexOf(text);
    const file = join(brickFolder(), `gone${index}.cjs`);
    const index_ = resolve(__dirname, '..', '..', 'dist', 'src', 'index.js');
    writeFileSync(file, `exports.brick = require(${JSON.stringify(index_)}).defineBrick({ name: 'Gone${index}', broadcast: true });`);
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module was written a moment ago
    const { brick: Gone } = require(file) as { brick: BrickClass<unknown> };
    jest.resetModules();
    if (text === '') rmSync(file);
    else writeFileSync(file, text);
    await expect(newEngine().link(new Gone().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_MODULE', message: expect.stringMatching(message) });
  });
});

describe('a definition that is wrong is refused where it is made', () => {
  const define = (text: string): string => `require(${JSON.stringify(resolve(__dirname, '..', '..', 'dist', 'src', 'index.js'))}).defineBrick(${text});`;
  test.each([
    ['without a form', "{ name: 'X' }", /The brick X has no form; it needs exactly one of choose, onPacket, process and broadcast/],
    ['with two forms', "{ name: 'X', broadcast: true, choose: () => () => 0 }", /has the forms choose and broadcast/],
    ['without a name', '{ broadcast: true }', /A brick's name must consist of letters and digits/],
    ['that holds and never releases', "{ name: 'X', holds: true, choose: () => () => 0 }", /declares that it holds packets, but has no release/],
    ['with a shorthand for an option that is not there', "{ name: 'X', shorthand: 'limit', broadcast: true }", /has the shorthand "limit", which is not one of its options/],
  ])('%s', (name, text, message) => {
    const file = join(brickFolder(), `wrong-${name.replace(/\W/g, '')}.cjs`);
    writeFileSync(file, define(text));
    expect(() => {
      require(file); // eslint-disable-line @typescript-eslint/no-require-imports -- the module was written a moment ago
    }).toThrow(expect.objectContaining({ code: 'E_BRICK_DECLARATION', message: expect.stringMatching(message) }));
  });
});
