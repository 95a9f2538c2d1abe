import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BrickClass } from 'packet-bricks';
import { EngineRegistry } from 'packet-bricks';
import { Mailbox, MAILBOX_BYTES, createMailbox } from 'packet-bricks/src/control/mailbox';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf, runningEngine, until } from '../support/loopback-engine';
import { outside, removeBricks } from '../support/outside-brick';
import { LuaFixture } from '../lua/fixture';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bricks-control-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterAll(removeBricks);
afterEach(closeEngines);

const PACKAGE = JSON.stringify(resolve(__dirname, '..', '..', 'dist', 'src', 'index.js'));
let written = 0;

function moduleOf(text: string): string {
  const file = join(folder, `brick${written++}.cjs`);
  writeFileSync(file, `const { BricksError, DROP, defineBrick } = require(${PACKAGE});\n${text}`);
  return file;
}

function brickOf(text: string): BrickClass<unknown> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module was written a moment ago
  return (require(moduleOf(`exports.brick = defineBrick(${text});`)) as { brick: BrickClass<unknown> }).brick;
}

const packets = (count: number, first = 0): ReturnType<typeof flowPacket>[] => Array.from({ length: count }, (_, index) => flowPacket(index % 30, first + index));

/** Drops what its control half says, by a table that both halves see; tells it how many it has dropped. */
const GATE = `{
  name: 'Gate', outputs: 1, counters: { closed: 'packets that came while it was closed' },
  shared: () => ({ open: new SharedArrayBuffer(4) }),
  state: (options, context) => ({ open: new Int32Array(context.shared.open), told: 0 }),
  choose: (packets, options, context) => { const closed = context.counter('closed'); return (row, state) => {
    if (Atomics.load(state.open, 0) === 0) { closed.add(1); return DROP; }
    return 0;
  }; },
  onMessage: (message, state, context) => { state.told++; context.post({ echo: message, told: state.told }); },
  control: (options, { shared, post }) => {
    const open = new Int32Array(shared.open);
    const echoes = [];
    return {
      methods: {
        set: (value) => { Atomics.store(open, 0, value); return value; },
        tell: (message) => post(message),
        echoes: () => echoes,
        slow: async () => { await new Promise((done) => setTimeout(done, 5)); return 'at last'; },
        fail: () => { throw new Error('not like this'); },
        refuse: () => { throw new BricksError('X_GATE', 'The gate is locked.', 'Unlock it.'); },
      },
      onMessage: (message) => { echoes.push(message); },
    };
  },
}`;

describe('a control half', () => {
  test('rules the other by memory that both see, and is called while the engine runs', async () => {
    const Gate = brickOf(GATE);
    const gate = new Gate().connectInput('in').connectOutput('out');
    await expect(gate.call('set', 1)).rejects.toMatchObject({ code: 'E_BRICK_CALL', message: expect.stringMatching(/not linked to an engine/) });
    const engine = newEngine();
    await engine.link(gate);
    await engine.start();
    await injectAll('in', packets(10));
    await until(() => engine.stats().bricks[0].counters['closed'] === 10);
    expect(await gate.call('set', 1)).toBe(1);
    await injectAll('in', packets(10, 10));
    loopback.end('in');
    await engine.finished();
    expect(numbersOf(loopback.read('out'))).toEqual(Array.from({ length: 10 }, (_, index) => 10 + index));
    expect(await gate.call('slow')).toBe('at last');
    await expect(gate.call('fail')).rejects.toMatchObject({ code: 'E_BRICK_CALL', message: 'Gate:fail failed: not like this' });
    await expect(gate.call('refuse')).rejects.toMatchObject({ code: 'X_GATE', message: 'The gate is locked. Unlock it.' });
    await expect(gate.call('sett', 1)).rejects.toMatchObject({ code: 'E_BRICK_CALL', message: 'The brick Gate has no method "sett". It has: set, tell, echoes, slow, fail, refuse.' });
  });

  test('exchanges messages with the other, also while no packets come, in their order', async () => {
    const Gate = brickOf(GATE);
    const gate = new Gate().connectInput('in').connectOutput('out');
    const engine = newEngine();
    await engine.link(gate);
    await engine.start();
    for (let number = 0; number < 50; number++) expect(await gate.call('tell', { number, bytes: new Uint8Array(300) })).toBe(true);
    let echoes: { readonly echo: { readonly number: number }; readonly told: number }[] = [];
    while (echoes.length < 50) echoes = await gate.call('echoes') as typeof echoes;
    expect(echoes.map(({ echo, told }) => [echo.number, told])).toEqual(Array.from({ length: 50 }, (_, number) => [number, number + 1]));
  });

  test('may listen on a Unix socket, is called from Lua, and is stopped with the engine', async () => {
    const socket = join(folder, 'gate.sock');
    const file = moduleOf(`exports.Listener = defineBrick({
      name: 'Listener', outputs: 1, options: { socket: { type: 'string', required: true, description: 'where it listens' } },
      shared: () => new SharedArrayBuffer(4),
      choose: (packets, options, context) => { const open = new Int32Array(context.shared); return () => (Atomics.load(open, 0) === 1 ? 0 : DROP); },
      control: async (options, { shared }) => {
        const open = new Int32Array(shared);
        const server = require('node:net').createServer((client) => client.on('data', (text) => { Atomics.store(open, 0, String(text).trim() === 'open' ? 1 : 0); client.end('done'); }));
        await new Promise((done) => server.listen(options.socket, done));
        return { methods: { isOpen: () => open[0] === 1 }, stop: () => new Promise((done) => server.close(done)) };
      },
    });`);
    const registry = new EngineRegistry({ backend: 'loopback', backendOptions: {} });
    const lua = new LuaFixture({ execute: (command: never) => registry.execute(command) } as never);
    await lua.evaluate(`
      names = Brick.load(${JSON.stringify(file)})
      l = Brick.new(names[1], {socket = ${JSON.stringify(socket)}}):connect_input("in"):connect_output("out")
      pe = PktEngine.new("control"):link(l):start()`);
    expect(await lua.evaluate('print(l:call("isOpen"))')).toBe('false\n');
    const answer = await new Promise<string>((done) => {
      const client = connect(socket, () => client.write('open'));
      client.on('data', (text) => done(String(text)));
    });
    expect(answer).toBe('done');
    expect(await lua.evaluate('print(l:call("isOpen"))')).toBe('true\n');
    await injectAll('in', packets(5));
    loopback.end('in');
    await lua.evaluate('while pe:stats().running do BRICKS.sleep(0.01) end');
    expect(loopback.read('out')).toHaveLength(5);
    await registry.close();
    expect(existsSync(socket)).toBe(false);
    await lua.close();
  });
});

describe('packets go on', () => {
  async function running(control: string, more = ''): Promise<{ notices: string[]; brick: InstanceType<BrickClass<unknown>>; engine: ReturnType<typeof newEngine> }> {
    const Brick = brickOf(`{ name: 'Fragile', outputs: 1, choose: () => () => 0, ${more} control: ${control} }`);
    const engine = newEngine();
    const notices: string[] = [];
    engine.on('notice', (text) => notices.push(text));
    const brick = new Brick().connectInput('in').connectOutput('out');
    await engine.link(brick);
    await engine.start();
    return { notices, brick, engine };
  }

  async function stillPasses(engine: ReturnType<typeof newEngine>): Promise<void> {
    await injectAll('in', packets(100));
    loopback.end('in');
    expect(await engine.finished()).toMatchObject({ ok: true });
    expect(loopback.read('out')).toHaveLength(100);
    expect(engine.audit()).toMatchObject({ balanced: true, sent: 100, dropped: 0 });
  }

  test('when a control half throws later, which is reported', async () => {
    const { notices, brick, engine } = await running("() => ({ methods: { explode: () => { setImmediate(() => { throw new Error('too late'); }); } } })");
    // Whether it is answered before the thread has ended is a matter of luck.
    await brick.call('explode').catch(() => undefined);
    await until(() => notices.length > 0);
    expect(notices).toEqual(['The control half of Fragile failed: too late. The brick goes on with what it last got.']);
    await expect(brick.call('explode')).rejects.toMatchObject({ code: 'E_BRICK_CALL', message: expect.stringMatching(/is not running: too late/) });
    await stillPasses(engine);
  });

  test('when a control half hangs: its methods and its end are not waited for without a limit', async () => {
    const { brick, engine } = await running('() => ({ methods: { hang: () => { for (;;); } } })');
    const call = brick.call('hang');
    const failed = expect(call).rejects.toMatchObject({ code: 'E_BRICK_CALL' });
    await stillPasses(engine);
    await engine.delete();
    await failed;
  });

  test('a control half that stops for too long is ended; how long it may take is its own to say', async () => {
    const file = join(folder, 'stopped');
    const stop = `stop: () => new Promise((done) => setTimeout(() => { require('node:fs').writeFileSync(${JSON.stringify(file)}, ''); done(); }, 400))`;
    for (const [milliseconds, ends] of [[1, false], [5000, true]] as const) {
      const { engine } = await running(`() => ({ stopMilliseconds: ${milliseconds}, ${stop} })`);
      await engine.stop();
      await engine.delete();
      expect(existsSync(file)).toBe(ends);
    }
  });

  test('when a control half floods its mailbox: it is told that there is no room, and nothing piles up', async () => {
    const { brick, engine } = await running(
      '(options, { post }) => ({ methods: { flood: () => { let sent = 0; for (let i = 0; i < 100000; i++) if (post(new Uint8Array(100))) sent++; return sent; } } })',
      'onMessage: () => {},',
    );
    expect(await brick.call('flood')).toBeLessThan(100_000);
    await stillPasses(engine);
  });

  test('but not before a control half has started: one that fails to makes link fail, with its message and line', async () => {
    const Brick = brickOf("{ name: 'Unborn', broadcast: true, control: () => { throw new Error('no socket today'); } }");
    await expect(newEngine().link(new Brick().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_BRICK_CONTROL', message: expect.stringMatching(/The control half of Unborn failed: .*brick\d+\.cjs:2: no socket today/) });
    // What is meant for users comes in its own words, with its own code.
    const Told = brickOf(`{ name: 'Told', broadcast: true, control: () => { throw new (require(${PACKAGE}).BricksError)('X_TOLD', 'There is no socket today.', 'Try it tomorrow.'); } }`);
    await expect(newEngine().link(new Told().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'X_TOLD', message: 'Told: There is no socket today. Try it tomorrow.' });
  });
});

describe('a mailbox', () => {
  test('hands on messages in their order, whatever their length, and refuses what it has no room for', () => {
    const buffer = createMailbox();
    const writer = new Mailbox(buffer);
    const reader = new Mailbox(buffer);
    expect(reader.take()).toBeUndefined();
    let next = 0;
    for (let number = 0; number < 2000; number++) {
      const message = { number, text: 'x'.repeat((number * 37) % 5000) };
      while (!writer.post(message)) expect(reader.take()).toEqual({ message: { number: next, text: 'x'.repeat((next++ * 37) % 5000) } });
    }
    while (reader.waiting) expect(reader.take()).toEqual({ message: { number: next, text: 'x'.repeat((next++ * 37) % 5000) } });
    expect(next).toBe(2000);
    expect(writer.post(new Uint8Array(MAILBOX_BYTES))).toBe(false);
    expect(reader.waiting).toBe(false);
  });
});

test('a brick that asks for more memory than there is, in its tables or in its engine, is refused in words', async () => {
  const tables = outside('HugeTables', { definition: "shared: ({ limit }) => new SharedArrayBuffer(2 ** 46 + limit), control: () => ({}),", choose: 'return 0;' });
  const inEngine = outside('HugeState', { definition: 'state: () => new ArrayBuffer(2 ** 46),', choose: 'return 0;' });
  await expect(runningEngine(new tables().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_MEMORY', message: expect.stringMatching(/^There is not enough memory for the tables of the brick HugeTables\. End other programs/) });
  await expect(runningEngine(new inEngine().connectInput('in').connectOutput('out'))).rejects.toThrow(/HugeState.*the system gives no more memory/);
});
