import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Dummy, Duplicator, LoadBalancer, Merge, brickClass, type BricksError, type BrickDescription, type PacketEngine } from 'packet-bricks';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf, runningEngine, until } from '../support/loopback-engine';
import { bytesOf, ethernet, ipv4Fragments, udp } from '../support/packets';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bricks-outside-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(closeEngines);

interface Outside { readonly declaration?: string; readonly create?: string; readonly process?: string }

/** Writes a brick's module, and makes the class that programs use. `process` is the body of its function. */
function outside(name: string, { declaration = '', create = '', process = '' }: Outside): new (options?: unknown) => BrickDescription {
  const file = join(folder, `${name}.cjs`);
  writeFileSync(file, `
    const declaration = {
      name: '${name}', summary: '.', description: '.', options: [{ name: 'limit', type: 'integer', default: 3, description: '.' }], shorthand: 'limit',
      inputs: { minimum: 1, maximum: 1 }, outputs: { minimum: 1, maximum: Infinity }, fanout: 'one', effect: 'reads',
      counters: [{ name: 'seen', description: '.' }], examples: { lua: '', typescript: '' }, ${declaration}
    };
    const create = (options, context) => {
      const seen = context.counterIndex('seen');
      ${create}
      return { process(batch, input, outputs) {
        const { rows, counts, shift } = outputs;
        const give = (row, output) => { rows[(output << shift) + counts[output]++] = row; };
        const numberOf = (row) => new DataView(batch.memory.bytes.buffer, batch.memory.bytes.byteOffset).getUint32(batch.offset[row] + batch.length[row] - 4);
        for (let i = 0; i < input.count; i++) { const row = input.rows[i]; ${process} }
      } };
    };
    module.exports.brick = { declaration, create };
  `);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module was written a moment ago
  const { brick } = require(file) as { brick: { declaration: typeof Dummy.declaration } };
  return brickClass<unknown>(brick.declaration, { url: pathToFileURL(file).href, name: 'brick' });
}

const packets = (count: number, first = 0): ReturnType<typeof flowPacket>[] => Array.from({ length: count }, (_, index) => flowPacket(index % 30, first + index));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);
const errorOf = (engine: PacketEngine): Promise<BricksError> => new Promise((resolve) => engine.once('error', resolve));

test('a brick from a module works as a built-in one does, with options, counters and drops', async () => {
  const Third = outside('Third', { process: 'context.countAt(seen, 1); if (numberOf(row) % options.limit === 0) give(row, i % context.outputs);' });
  const engine = await runningEngine(new Third(4).connectInput('in').connectOutput('a', 'x{0').link(new Merge().connectInput('x}0').connectOutput('b')));
  await injectAll('in', packets(1000));
  loopback.end('in');
  await engine.finished();
  const read = [...numbersOf(loopback.read('a')), ...numbersOf(loopback.read('b'))];
  expect(read.sort((x, y) => x - y)).toEqual(numbers(1000).filter((number) => number % 4 === 0));
  expect(engine.stats().bricks[0]).toMatchObject({ kind: 'Third', packetsIn: 1000, packetsOut: 250, dropped: 750, drops: { decision: 750 }, counters: { seen: 1000 } });
  expect(engine.audit()).toMatchObject({ balanced: true, sent: 250, dropped: 750 });
});

test('a brick from outside finds many outputs as it finds few', async () => {
  const names = Array.from({ length: 300 }, (_, output) => `o${output}`);
  const Dealer = outside('Dealer', { process: 'give(row, numberOf(row) % context.outputs);' });
  const engine = await runningEngine(new Dealer().connectInput('in').connectOutput(...names));
  await injectAll('in', packets(1500));
  loopback.end('in');
  await engine.finished();
  names.forEach((name, output) => expect(numbersOf(loopback.read(name))).toEqual([0, 300, 600, 900, 1200].map((first) => first + output)));
  expect(engine.audit()).toMatchObject({ balanced: true, sent: 1500 });
});

test('a brick may heed the step between the rows of a list, where its outputs are many', async () => {
  const names = Array.from({ length: 300 }, (_, output) => `o${output}`);
  const Stepping = outside('Stepping', {
    declaration: 'interleavedLists: true',
    create: `return { process(batch, input, { rows, counts, shift, step }) {
      if (step === 0) throw new Error('the lists are not interleaved');
      for (let i = 0; i < input.count; i++) {
        const row = input.rows[i];
        const output = batch.length[row] % 300;
        rows[(output << shift) + (counts[output]++ << step)] = row;
      }
    } };`,
  });
  const engine = await runningEngine(new Stepping().connectInput('in').connectOutput(...names));
  const offered = Array.from({ length: 1500 }, (_, number) => flowPacket(2, number, false, 8 + number % 300));
  await injectAll('in', offered);
  loopback.end('in');
  await engine.finished();
  for (const [output, name] of names.entries()) {
    expect(numbersOf(loopback.read(name))).toEqual(offered.filter(({ bytes }) => bytes.length % 300 === output).map(({ number }) => number));
  }
  expect(engine.audit()).toMatchObject({ balanced: true, sent: 1500 });
});

test('a brick may have its loops made for the very arrays it works on, for whole batches and behind another brick', async () => {
  const Looped = outside('Looped', {
    create: `
      const { callLoop } = require('packet-bricks');
      const make = (inputRows) => context.specialise((inputRows, length, rows, counts, shift, limit) => (count) => {
        for (let i = 0; i < count; i++) {
          const row = inputRows ? inputRows[i] : i;
          const output = length[row] >= limit ? 1 : 0;
          rows[(output << shift) + counts[output]++] = row;
        }
      }, inputRows, context.columns.length, context.lists.rows, context.lists.counts, context.lists.shift, options.limit);
      const ofWhole = make(null);
      const ofList = make(context.inputRows);
      return { process(batch, input) { callLoop(input.whole ? ofWhole : ofList, input.count); } };
    `,
  });
  const sized = (size: number, first: number): ReturnType<typeof flowPacket>[] => (
    Array.from({ length: 300 }, (_, index) => flowPacket(index % 30, first + index, false, size))
  );
  const behind = new Looped(500).connectInput('x}1').connectOutput('middle', 'long');
  const engine = await runningEngine(new Looped(200).connectInput('in').connectOutput('x{0', 'x{1').link(behind, new Merge().connectInput('x}0').connectOutput('short')));
  const mixed = [sized(8, 0), sized(300, 300), sized(800, 600)];
  for (let index = 0; index < 300; index++) await injectAll('in', mixed.map((each) => each[index]));
  loopback.end('in');
  await engine.finished();
  expect(numbersOf(loopback.read('short'))).toEqual(numbers(300));
  expect(numbersOf(loopback.read('middle'))).toEqual(numbers(300).map((number) => 300 + number));
  expect(numbersOf(loopback.read('long'))).toEqual(numbers(300).map((number) => 600 + number));
  expect(engine.audit()).toMatchObject({ balanced: true, sent: 900, dropped: 0 });
});

test('a brick that reads heads finds the first 64 bytes of each packet, with zeros behind a shorter one, also of packets that were held', async () => {
  // Passes on what is so, and drops the rest.
  const Headed = outside('Headed', {
    create: `
      const { heads, length, offset } = context.columns;
      return {
        reads: ['heads', 'length', 'offset'],
        process(batch, input, outputs) {
          for (let i = 0; i < input.count; i++) {
            const row = input.rows[i];
            let good = true;
            for (let byte = 0; byte < 64; byte++) good &&= heads.getUint8(row * 64 + byte) === (byte < length[row] ? batch.memory.bytes[offset[row] + byte] : 0);
            if (good) outputs.rows[outputs.counts[0]++] = row;
          }
        },
      };
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

test('a brick that copies to any number of outputs has its books kept', async () => {
  const Some = outside('Some', { declaration: "fanout: 'any'", process: 'for (let output = 0; output < numberOf(row) % 3; output++) give(row, output);' });
  const engine = await runningEngine(new Some().connectInput('in').connectOutput('a', 'b'));
  await injectAll('in', packets(300));
  loopback.end('in');
  await engine.finished();
  expect(numbersOf(loopback.read('a'))).toEqual(numbers(300).filter((number) => number % 3 > 0));
  expect(numbersOf(loopback.read('b'))).toEqual(numbers(300).filter((number) => number % 3 > 1));
  expect(engine.audit()).toMatchObject({ balanced: true, received: 300, copies: 100, sent: 300, dropped: 100 });
});

test('a packet that came in twice and goes on once counts as one dropped', async () => {
  const Once = outside('Once', { declaration: "fanout: 'any'", process: 'if (i % 2 === 0) give(row, 0);' });
  const engine = await runningEngine(new Duplicator().connectInput('in').connectOutput('x{0', 'x{1').link(
    new Merge().connectInput('x}0', 'x}1').connectOutput('x{2'), new Once().connectInput('x}2').connectOutput('a', 'b'),
  ));
  await injectAll('in', packets(100));
  loopback.end('in');
  await engine.finished();
  expect(numbersOf(loopback.read('a'))).toEqual(numbers(100));
  expect(engine.audit()).toMatchObject({ balanced: true, received: 100, copies: 100, sent: 100, dropped: 100 });
});

test('a brick that gives more than it declares is seen in the books', async () => {
  const Liar = outside('Liar', { process: 'give(row, 0); give(row, 1);' });
  const engine = await runningEngine(new Liar().connectInput('in').connectOutput('a', 'b'));
  await injectAll('in', packets(5));
  loopback.end('in');
  await engine.finished();
  expect(engine.audit().lines.filter((line) => !line.balanced).map((line) => line.subject)).toEqual(['Liar', 'engine']);
});

describe('a brick that throws', () => {
  test('ends its engine with an error that names it; what the others made of the batch is sent, and all is counted', async () => {
    const Fragile = outside('Fragile', { process: "if (numberOf(row) === 700) throw new TypeError('no such thing'); give(row, 0);" });
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
    const Early = outside('Early', { process: "if (numberOf(row) === 5) throw new Error('five'); give(row, 0);" });
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
    const Cold = outside('Cold', { process: "throw new Error('too cold');" });
    await expect(newEngine({ warmUpMilliseconds: 1000 }).link(new Cold().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_BRICK_FAILED', message: 'The brick Cold failed: too cold' });
  });

  test('while it is made is named by link', async () => {
    const Unborn = outside('Unborn', { create: "throw new Error('not today');" });
    await expect(newEngine().link(new Unborn().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_BRICK_FAILED', message: "The brick Unborn can't be made: not today" });
  });
});

describe('a brick that never returns', () => {
  const Endless = (): new () => BrickDescription => outside('Endless', { process: 'if (numberOf(row) === 50) for (;;); give(row, 0);' });

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
    const Frozen = outside('Frozen', { process: 'for (;;);' });
    await expect(newEngine({ hangMilliseconds: 300, warmUpMilliseconds: 1000 }).link(new Frozen().connectInput('in').connectOutput('out')))
      .rejects.toMatchObject({ code: 'E_ENGINE_HUNG', message: expect.stringContaining('its brick Frozen has not returned') });
  });

  test('a brick that is slow but returns is left alone', async () => {
    const Slow = outside('Slow', { process: 'const end = performance.now() + 30; while (performance.now() < end); give(row, 0);' });
    const engine = await runningEngine(new Slow().connectInput('in').connectOutput('out'), { hangMilliseconds: 200, batch: 1 });
    await injectAll('in', packets(20));
    loopback.end('in');
    await engine.finished();
    expect(numbersOf(loopback.read('out'))).toEqual(numbers(20));
  });
});

describe('a module that is of no use', () => {
  test.each([
    ['is not there', 'file:///no/such/module.cjs', 'brick', /The module file:\/\/\/no\/such\/module\.cjs can't be loaded/],
    ['has no such export', () => written('empty', 'module.exports.other = 1;'), 'brick', /exports no "brick"\. It exports: other\./],
    ['exports something else', () => written('else', 'module.exports.brick = { declaration: 5 };'), 'brick', /exports as "brick" is no brick/],
    ['does not compile', () => written('broken', 'module.exports = {'), 'brick', /can't be loaded: /],
  ])('%s: link says so', async (_, url, name, message) => {
    const Broken = brickClass(Dummy.declaration, { url: typeof url === 'string' ? url : url(), name });
    await expect(newEngine().link(new Broken().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_MODULE', message: expect.stringMatching(message) });
  });

  function written(name: string, text: string): string {
    const file = join(folder, `${name}.cjs`);
    writeFileSync(file, text);
    return pathToFileURL(file).href;
  }
});
