import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Duplicator, Merge, type BricksError, type PacketEngine } from 'packet-bricks';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf, runningEngine, until } from '../support/loopback-engine';
import { brickFolder, brickOf, removeBricks } from '../support/outside-brick';
import { notedCapture, packetBlocks } from '../support/noted-capture';
import { Workplace } from '../support/program';
import { writeCapture } from '../support/write-capture';

afterEach(closeEngines);
afterAll(removeBricks);

const packets = (count: number, size = 8): ReturnType<typeof flowPacket>[] => Array.from({ length: count }, (_, number) => flowPacket(number % 30, number, false, size));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);
const errorOf = (engine: PacketEngine): Promise<BricksError> => new Promise((done) => engine.once('error', done));
const plain = (read: readonly { readonly bytes: Uint8Array }[]): string[] => read.map(({ bytes }) => Buffer.from(bytes).toString('hex'));

/** An engine with all packets before it at its start: its batches are as large as they may be. */
async function fed(engine: PacketEngine, offered: Parameters<typeof injectAll>[1]): Promise<void> {
  await injectAll('in', offered);
  loopback.end('in');
  await engine.start();
}

describe('a timer', () => {
  test('of a brick without state is called once each time, also after a warm-up', async () => {
    const Ticker = brickOf('Ticker', `outputs: 1, creates: true, choose(packets, options, context) {
      let sent = 0;
      context.every(3, () => { const at = context.create.make(60, 0); context.create.memory.view.setUint32(at + 56, sent++); });
      return () => DROP;
    }`);
    const engine = await runningEngine(new Ticker().connectInput('in').connectOutput('out'), { warmUpMilliseconds: 200 });
    await until(() => engine.stats().bricks[0].created >= 6);
    await engine.stop();
    const sent = numbersOf(loopback.read('out'));
    expect(sent).toEqual(numbers(sent.length));
  });

  test('that throws ends the engine with its name; what was made before leaves, and the books are right', async () => {
    const Bomb = brickOf('Bomb', `outputs: 1, creates: true, choose(packets, options, context) {
      let turn = 0;
      context.every(1, () => {
        const at = context.create.make(60, 0);
        context.create.memory.view.setUint32(at + 56, turn);
        if (++turn === 3) throw new Error('tick');
      });
      return () => 0;
    }`);
    const engine = newEngine();
    await engine.link(new Bomb().connectInput('in').connectOutput('out'));
    const failed = errorOf(engine);
    await engine.start();
    expect(await failed).toMatchObject({ code: 'E_BRICK_FAILED', message: 'The brick Bomb failed: tick' });
    expect(engine.audit()).toMatchObject({ balanced: true, created: 3, sent: 3 });
    expect(numbersOf(loopback.read('out'))).toEqual([0, 1, 2]);
  });

  test('that is asked for while packets come is refused', async () => {
    const Late = brickOf('Late', `outputs: 1, choose: (packets, options, context) => () => { context.every(1, () => undefined); return 0; }`);
    const engine = newEngine();
    await engine.link(new Late().connectInput('in').connectOutput('out'));
    const failed = errorOf(engine);
    await fed(engine, packets(3));
    expect(await failed).toMatchObject({ code: 'E_BRICK_FAILED', message: expect.stringMatching(/Late asks for a timer while packets come/) });
    expect(engine.audit()).toMatchObject({ balanced: true, dropped: 3 });
  });

  test('that never returns has its engine ended, which is said with the brick\'s name', async () => {
    const Stuck = brickOf('Stuck', `outputs: 1, choose(packets, options, context) { context.every(1, () => { for (;;); }); return () => 0; }`);
    const engine = newEngine({ hangMilliseconds: 200 });
    await engine.link(new Stuck().connectInput('in').connectOutput('out'));
    const failed = errorOf(engine);
    await engine.start();
    expect(await failed).toMatchObject({ code: 'E_ENGINE_HUNG', message: expect.stringMatching(/its brick Stuck has not returned/) });
    expect(engine.audit().balanced).toBe(true);
  });

  test('that hangs after a batch costs none of its packets, which were sent', async () => {
    const Late = brickOf('Late', `outputs: 1, state: () => ({ seen: 0, calls: 0 }), choose(packets, options, context) {
      context.every(1, (state) => { while (state.seen === 10 && state.calls > 100); state.calls += state.seen === 10 ? 1 : 0; });
      return (row, state) => { state.seen++; return 0; };
    }`);
    const engine = newEngine({ hangMilliseconds: 200 });
    await engine.link(new Late().connectInput('in').connectOutput('out'));
    const failed = errorOf(engine);
    await engine.start();
    await injectAll('in', packets(10));
    expect(await failed).toMatchObject({ code: 'E_ENGINE_HUNG' });
    expect(engine.stats()).toMatchObject({ packets: 10, drops: 0 });
    expect(engine.audit().balanced).toBe(true);
  });

  test('can neither hold nor edit packets: none is on its way then', async () => {
    const Grave = brickOf('Grave', `outputs: 1, holds: true, edits: true, counters: { refused: '.' }, choose(packets, options, context) {
      const refused = context.counter('refused');
      context.every(1, () => {
        if (context.hold(0) === -1) refused.add(1);
        try { context.edit.truncate(0, 1); } catch { refused.add(1000); }
      });
      return () => 0;
    }, release: () => () => 0`);
    const engine = await runningEngine(new Grave().connectInput('in').connectOutput('out'));
    await injectAll('in', packets(20));
    await until(() => engine.stats().packets === 20 && (engine.stats().bricks[0].counters['refused'] ?? 0) > 4000);
    await engine.stop();
    const { refused } = engine.stats().bricks[0].counters;
    expect((refused ?? 0) % 1000).toBe(Math.floor((refused ?? 0) / 1000) % 1000);
    expect(numbersOf(loopback.read('out'))).toEqual(numbers(20));
    expect(engine.audit()).toMatchObject({ balanced: true, held: 0, copies: 0 });
  });
});

describe('a brick that holds', () => {
  test('and throws in release neither loses nor doubles a packet', async () => {
    const Fragile = brickOf('FragileHolder', `outputs: 1, holds: true, state: () => ({ asked: 0 }), choose: (packets, options, { hold }) => (row) => (hold(row) < 0 ? 0 : HELD),
      release: () => (place, all, state) => { if (++state.asked === 4) throw new Error('four'); return place === 1 && !all ? HELD : 0; }`);
    const engine = newEngine();
    await engine.link(new Fragile().connectInput('in').connectOutput('out'), { batch: 10 });
    const failed = errorOf(engine);
    await fed(engine, packets(10));
    expect(await failed).toMatchObject({ code: 'E_BRICK_FAILED', message: 'The brick FragileHolder failed: four' });
    const audit = engine.audit();
    expect(audit.balanced).toBe(true);
    expect(audit.sent + audit.held + audit.dropped).toBe(10);
    const read = numbersOf(loopback.read('out'));
    expect(new Set(read).size).toBe(read.length);
    expect(read).toEqual(numbers(10));
  });

  test('and sends the packet all the same has copied it', async () => {
    const Both = brickOf('Both', `outputs: 1, holds: true, choose: (packets, options, { hold }) => (row) => { hold(row); return 0; }, release: () => () => 0`);
    const engine = newEngine();
    await engine.link(new Both().connectInput('in').connectOutput('out'), { batch: 10 });
    await fed(engine, packets(20));
    await engine.finished();
    expect(numbersOf(loopback.read('out'))).toEqual([...numbers(10), ...numbers(10), ...numbers(20).slice(10), ...numbers(20).slice(10)]);
    expect(engine.audit()).toMatchObject({ balanced: true, received: 20, copies: 20, sent: 40 });
  });

  test('lets packets go in order, also where they meet again behind it', async () => {
    const Two = brickOf('Two', `outputs: 2, holds: true, choose: (packets, options, { hold }) => (row) => (hold(row) < 0 ? DROP : HELD), release: () => (place) => place & 1`);
    const engine = newEngine();
    await engine.link(new Two().connectInput('in').connectOutput('x{0', 'x{1').link(new Merge().connectInput('x}0', 'x}1').connectOutput('out')), { batch: 64 });
    await fed(engine, packets(200));
    await engine.finished();
    expect(numbersOf(loopback.read('out'))).toEqual(numbers(200));
  });

  test('is told by -1 of more packets than 256, and of long ones', async () => {
    const Hoarder = brickOf('Hoarder', `outputs: 1, holds: true, choose: (packets, options, { hold }) => (row) => (hold(row) < 0 ? DROP : HELD), release: () => (place, all) => (all ? 0 : HELD)`);
    const engine = newEngine();
    await engine.link(new Hoarder().connectInput('in').connectOutput('out'), { batch: 4096 });
    await fed(engine, [flowPacket(0, 5000, false, 3000), ...packets(700)]);
    await engine.finished();
    expect(numbersOf(loopback.read('out'))).toEqual(numbers(256));
    expect(engine.audit()).toMatchObject({ balanced: true, dropped: 445, sent: 256, held: 0 });
  });

  test('must be of the choose form', () => {
    expect(() => brickOf('Pointless', `holds: true, process: () => () => undefined, release: () => () => 0`)).toThrow(expect.objectContaining({ code: 'E_BRICK_DECLARATION', message: expect.stringMatching(/holds packets, which only the form choose can/) }));
  });
});

describe('a brick that edits', () => {
  test.each([['-1'], ['1.5'], ['undefined'], ['4096'], ['NaN']])('the row %s is told that it has no such packet', async (row) => {
    const Wrong = brickOf(`WrongRow${row.replace(/\W/g, '_')}`, `outputs: 1, edits: true, headroom: 8, choose: (packets, options, { edit }) => () => (edit.insert(${row}, 0, 4) ? 0 : DROP)`);
    const engine = newEngine();
    await engine.link(new Wrong().connectInput('in').connectOutput('out'));
    const failed = errorOf(engine);
    await fed(engine, packets(3));
    expect(await failed).toMatchObject({ code: 'E_BRICK_FAILED', message: expect.stringMatching(/edits row/) });
    expect(engine.audit()).toMatchObject({ balanced: true, dropped: 3 });
  });

  test.each([[1, 12], [4, 3], [5, 2], [12, 1]])('may let each packet grow by its headroom in steps of %d bytes, and no packet beside it changes', async (step, times) => {
    const Grown = brickOf(`Grown${step}`, `outputs: 1, edits: true, headroom: 12, choose: ({ length }, options, { edit }) => (row) => {
      for (let turn = 0; turn < ${times}; turn++) if (!edit.insert(row, turn % 3 * 7, ${step})) return DROP;
      return edit.insert(row, 3, 13) ? DROP : 0;
    }`);
    const engine = newEngine();
    await engine.link(new Grown().connectInput('in').connectOutput('out'), { batch: 64 });
    const offered = packets(100, 31);
    await fed(engine, offered);
    await engine.finished();
    const wanted = offered.map(({ bytes }) => {
      let grown = Buffer.from(bytes);
      for (let turn = 0; turn < times; turn++) grown = Buffer.concat([grown.subarray(0, turn % 3 * 7), Buffer.alloc(step), grown.subarray(turn % 3 * 7)]);
      return grown.toString('hex');
    });
    expect(plain(loopback.read('out'))).toEqual(wanted);
  });

  test('sees in the packet form what it has changed, and nothing behind the packet', async () => {
    const Peeler = brickOf('Peeler', `outputs: 1, edits: true, onPacket: (options, { edit, packets }) => {
      const { memory, offset } = packets;
      return (packet) => {
        const before = packet.length;
        if (packet.etherType !== 0x0800 && packet.etherType !== 0x86dd) return DROP;
        edit.truncate(packet.row, before - 2);
        if (packet.length !== before - 2 || packet.uint8(before - 2) !== -1) return DROP;
        memory.view.setUint16(offset[packet.row] + 12, 0x88b5);
        edit.remove(packet.row, 0, 6);
        return packet.length === before - 8 && packet.uint16(6) === 0x88b5 ? 0 : DROP;
      };
    }`);
    const engine = newEngine();
    await engine.link(new Peeler().connectInput('in').connectOutput('out'));
    const offered = packets(50, 40);
    await fed(engine, offered);
    await engine.finished();
    const wanted = offered.map(({ bytes }) => Buffer.concat([bytes.subarray(6, 12), Buffer.from([0x88, 0xb5]), bytes.subarray(14, bytes.length - 2)]).toString('hex'));
    expect(plain(loopback.read('out'))).toEqual(wanted);
  });

  test('keeps of a capture file\'s packets their interfaces, and gives none the comment of another', async () => {
    const Long = brickOf('Long', `outputs: 1, edits: true, headroom: 4, choose: (packets, options, { edit }) => (row) => (edit.insert(row, 12, 4) ? 0 : DROP)`);
    const Odd = brickOf('Odd', `outputs: 1, choose: ({ memory, offset }) => (row) => (memory.bytes[offset[row]] & 1 ? 0 : DROP)`);
    const from = join(brickFolder(), 'notes.pcapng');
    const to = join(brickFolder(), 'copied.pcapng');
    writeFileSync(from, notedCapture());
    const engine = newEngine();
    await engine.link(new Odd().connectInput(from).connectOutput('x{0').link(new Long().connectInput('x}0').connectOutput(to)));
    await engine.start();
    await engine.finished();
    await engine.delete();
    const written = packetBlocks(readFileSync(to));
    expect(written.map(({ first }) => first)).toEqual([1, 3, 5, 7, 9]);
    expect(written.map(({ interface: number }) => number)).toEqual([1, 1, 1, 1, 1]);
    expect(written.map(({ comment }) => comment)).toEqual(['', '', '', '', '']);
  });

  test('gets packets that another makes, whatever link type the source has', async () => {
    const Twin = brickOf('Twin', `outputs: 1, creates: true, choose: ({ memory, offset, length }, options, { create }) => (row) => {
      const at = create.make(length[row], 0);
      create.memory.bytes.set(memory.bytes.slice(offset[row], offset[row] + length[row]), at);
      return 0;
    }`);
    const Marker = brickOf('Marker', `outputs: 1, edits: true, headroom: 4, choose: (packets, options, { edit }) => (row) => (edit.insert(row, 0, 1) ? 0 : DROP)`);
    const engine = newEngine();
    await engine.link(new Twin().connectInput('in').connectOutput('x{0').link(new Marker().connectInput('x}0').connectOutput('out')), { batch: 16 });
    await fed(engine, packets(40).map(({ bytes }) => ({ bytes, linkType: 101 })));
    await engine.finished();
    const read = loopback.read('out');
    expect(numbersOf(read.filter(({ linkType }) => linkType === 101))).toEqual(numbers(40));
    expect(numbersOf(read.filter(({ linkType }) => linkType === 1))).toEqual(numbers(40));
    expect(engine.audit()).toMatchObject({ balanced: true, dropped: 0, created: 40 });
  });

  test('behind held packets, two duplicators and a merge changes each copy once, in batches of one', async () => {
    const Pile = brickOf('Pile', `outputs: 1, holds: true, choose: (packets, options, { hold }) => (row) => (hold(row) < 0 ? DROP : HELD), release: () => (place, all) => (all ? 0 : HELD)`);
    const Stamp = brickOf('Stamp', `outputs: 1, edits: true, choose: ({ memory, offset }) => (row) => { memory.bytes[offset[row]]++; return 0; }`);
    const engine = newEngine();
    const end = new Stamp().connectInput('z}0').connectOutput('out');
    const graph = new Pile().connectInput('in').connectOutput('w{0').link(
      new Duplicator().connectInput('w}0').connectOutput('x{0', 'x{1', 'x{2'),
      new Duplicator().connectInput('x}0').connectOutput('y{0', 'y{1'),
      new Merge().connectInput('x}1', 'x}2', 'y}0', 'y}1').connectOutput('z{0'),
      end,
    );
    await engine.link(graph, { batch: 1 });
    const offered = packets(256);
    await fed(engine, offered);
    await engine.finished();
    const once = offered.map(({ bytes }) => Buffer.concat([Buffer.from([bytes[0] + 1]), bytes.subarray(1)]).toString('hex'));
    expect(plain(loopback.read('out'))).toEqual(once.flatMap((each) => [each, each, each, each]));
    expect(engine.audit()).toMatchObject({ balanced: true, sent: 1024, dropped: 0 });
  });
});

describe('a brick that makes packets', () => {
  test('gets -1 for more than there can be, and an error for what is no packet', async () => {
    const Giant = brickOf('Giant', `outputs: 1, creates: true, counters: { refused: '.' }, choose(packets, options, context) {
      const { create } = context;
      const refused = context.counter('refused');
      return () => {
        for (const length of [2 ** 31, 2 ** 32, 2 ** 32 + 60, 2 ** 53, 1e9]) if (create.make(length, 0) === -1) refused.add(1);
        for (const [length, output, linkType] of [[0, 0, 1], [-1, 0, 1], [1.5, 0, 1], [60, 1, 1], [60, -1, 1], [60, 0, -1], [60, 0, 1.5], [60, 0, 70000]]) {
          try { create.make(length, output, linkType); } catch { refused.add(100); }
        }
        const at = create.make(65536, 0);
        create.memory.view.setUint32(at + 65532, 4711);
        return DROP;
      };
    }`);
    const engine = newEngine();
    await engine.link(new Giant().connectInput('in').connectOutput('out'));
    await fed(engine, packets(1));
    await engine.finished();
    expect(engine.stats().bricks[0]).toMatchObject({ counters: { refused: 805 }, created: 6, drops: { decision: 1, noBuffer: 5 } });
    expect(loopback.read('out').map(({ bytes }) => bytes.length)).toEqual([65536]);
    expect(engine.audit().balanced).toBe(true);
  });

  test('may make many in a batch of one', async () => {
    const Many = brickOf('Many', `outputs: 1, creates: true, choose: (packets, options, { create }) => () => {
      for (let turn = 0; turn < 200; turn++) create.memory.view.setUint32(create.make(60, 0) + 56, turn);
      return DROP;
    }`);
    const engine = newEngine();
    await engine.link(new Many().connectInput('in').connectOutput('out'), { batch: 1 });
    await fed(engine, packets(2));
    await engine.finished();
    expect(numbersOf(loopback.read('out'))).toEqual([...numbers(200), ...numbers(200)]);
  });
});

describe('a failure', () => {
  test('of two bricks at once costs no packet of a third', async () => {
    const Bad = brickOf('Bad', `outputs: 1, edits: true, choose: ({ memory, offset, length }) => (row) => { throw new Error('no'); }`);
    const Good = brickOf('Good', `outputs: 1, edits: true, choose: () => () => 0`);
    const engine = newEngine();
    const graph = new Duplicator().connectInput('in').connectOutput('x{0', 'x{1', 'x{2').link(
      new Bad().connectInput('x}0').connectOutput('a'), new Bad().connectInput('x}1').connectOutput('b'), new Good().connectInput('x}2').connectOutput('c'),
    );
    await engine.link(graph, { batch: 16 });
    const failed = errorOf(engine);
    await fed(engine, packets(16));
    expect(await failed).toMatchObject({ code: 'E_BRICK_FAILED', message: 'The brick Bad failed: no' });
    expect(numbersOf(loopback.read('c'))).toEqual(numbers(16));
    expect(engine.audit()).toMatchObject({ balanced: true, received: 16, copies: 32, sent: 16, dropped: 32 });
  });

  test('while a brick closes is named, and the others close all the same', async () => {
    const sign = join(brickFolder(), 'closed');
    const Grudge = brickOf('Grudge', `outputs: 1, state: () => ({}), choose: () => () => 0, close: () => { throw new Error('not closing'); }`);
    const Tidy = brickOf('Tidy', `outputs: 1, state: () => ({}), choose: () => () => 0, close: () => require('node:fs').writeFileSync(${JSON.stringify(sign)}, 'closed')`);
    const engine = newEngine();
    await engine.link(new Grudge().connectInput('in').connectOutput('x{0').link(new Tidy().connectInput('x}0').connectOutput('out')));
    await fed(engine, packets(30));
    await engine.finished();
    await expect(engine.delete()).rejects.toMatchObject({ code: 'E_BRICK_FAILED', message: 'The brick Grudge failed while it closed: not closing' });
    expect(readFileSync(sign, 'utf8')).toBe('closed');
    expect(numbersOf(loopback.read('out'))).toEqual(numbers(30));
    expect(engine.audit()).toMatchObject({ balanced: true, sent: 30 });
  });

  test('of making its state is named by link', async () => {
    const Stateless = brickOf('Stateless', `outputs: 1, state: () => { throw new Error('no state'); }, choose: () => () => 0`);
    await expect(newEngine().link(new Stateless().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_BRICK_FAILED', message: "The brick Stateless can't be made: no state" });
  });
});

const index = JSON.stringify(resolve(__dirname, '..', '..', 'dist', 'src', 'index.js'));
const defineAndRun = `
  exports.Mine = defineBrick({ name: 'Mine', outputs: 1, choose: () => () => 0 });
  (async () => {
    const engine = new PacketEngine('mine', { backend: 'loopback', warmUpMilliseconds: 0 });
    await engine.link(new exports.Mine().connectInput('in').connectOutput('out'));
    await engine.start();
    console.log('running');
    await engine.stop();
    await engine.delete();
  })()`;

test.each([
  ['as it is loaded', `const { PacketEngine, defineBrick } = require(${index}); ${defineAndRun};`],
  ['and catches the error', `const { PacketEngine, defineBrick } = require(${index}); ${defineAndRun}.catch((error) => { console.error(error.message); process.exit(1); });`],
])('a script that defines a brick and starts its engine %s is told to give the brick its own module', (what, text) => {
  const file = join(brickFolder(), `script-${what.replace(/\W/g, '-')}.cjs`);
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 20_000 });
  expect(stdout).not.toContain('running');
  expect(stderr).toMatch(/Put the brick into its own module/);
  expect(status).toBe(1);
});

describe('a brick stands twice in a graph, each with options of its own and with what its module imports', () => {
  const place = new Workplace();
  afterAll(() => place.dispose());
  const body = (extra: string): string => `defineBrick({ name: 'Sized', options: { extra: { type: 'integer', default: 0, description: '.' } }, outputs: 2,
    choose: ({ length }, { extra }) => (row) => (length[row]${extra} >= limitOf('12345') + extra ? 0 : 1) })`;

  test.each([
    ['TypeScript', 'sized.ts', `import { defineBrick } from 'packet-bricks'; import { limitOf } from './helper.ts'; export const Sized = ${body('!')};`, 'helper.ts', 'export const limitOf = (text: string): number => text.length * 20;'],
    ['an ES module', 'sized.mjs', `import { defineBrick } from 'packet-bricks'; import { limitOf } from './helper.mjs'; await null; export const Sized = ${body('')};`, 'helper.mjs', 'export const limitOf = (text) => text.length * 20;'],
    ['CommonJS', 'sized.cjs', `const { defineBrick } = require('packet-bricks'); const { limitOf } = require('./helper.cjs'); exports.Sized = ${body('')};`, 'helper.cjs', 'exports.limitOf = (text) => text.length * 20;'],
  ])('%s', async (_, name, text, helperName, helper) => {
    writeFileSync(place.path(name), text);
    writeFileSync(place.path(helperName), helper);
    const capture = writeCapture(place.path('sizes.pcap'), [60, 99, 100, 150, 199, 200, 300].map((length) => ({ bytes: Buffer.alloc(length, 1) })));
    writeFileSync(place.path('run.mjs'), `
      import { PacketEngine } from 'packet-bricks';
      import * as exported from './${name}';
      const { Sized } = exported;
      const engine = new PacketEngine('e0', { backend: 'loopback' });
      await engine.link(new Sized().connectInput(${JSON.stringify(capture)}).connectOutput('a{0', 'short.pcap').link(new Sized({ extra: 100 }).connectInput('a}0').connectOutput('long.pcap', 'middle.pcap')));
      await engine.start();
      await engine.finished();
      console.log(JSON.stringify(engine.stats().links.filter(({ role }) => role === 'sink').map(({ name, packets }) => [name, packets])));
      await engine.delete();
    `);
    const { code, stdout, stderr } = await place.run(['-f', 'run.mjs']);
    expect({ code, stdout: stdout.trim(), stderr: stderr.includes('E_') ? stderr : '' }).toEqual({ code: 0, stdout: '[["short.pcap",2],["long.pcap",2],["middle.pcap",3]]', stderr: '' });
  });
});
