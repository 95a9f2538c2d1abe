import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { LoadBalancer, connect, type EngineStatistics, type Notice } from 'packet-bricks';
import { flowPacket, injectAll, loopback, until } from '../support/loopback-engine';
import { TestDaemon, request } from './support';

let daemon: TestDaemon;
beforeAll(async () => { daemon = await TestDaemon.start(); });
afterAll(() => daemon.stop());
afterEach(async () => {
  for (const engine of daemon.registry.all) {
    await engine.stop();
    await daemon.registry.execute({ command: 'engine.delete', name: engine.name });
  }
});

const lb = { kind: 'LoadBalancer', options: { tuple: 2 }, inputs: ['in'], outputs: ['a', 'b'] };

describe('a client', () => {
  test('learns which daemon it has', async () => {
    const client = await daemon.connect();
    expect(await client.call('daemon.information')).toEqual({ ...daemon.host.information, protocol: 1, access: 'control' });
    expect(client.address).toBe(`unix:${daemon.socket}`);
  });

  test('makes an engine, links it, runs it, reads its statistics and its audit, and deletes it', async () => {
    const client = await daemon.connect();
    await client.call('engine.create', { name: 'e0', warmUpMilliseconds: 0, seed: 7 });
    expect(await client.call('engine.list')).toEqual([{ name: 'e0', running: false, linked: false }]);
    expect([await client.call('engine.exists', { name: 'e0' }), await client.call('engine.exists', { name: 'e1' })]).toEqual([true, false]);
    const [brick] = await client.call('engine.link', { name: 'e0', bricks: [lb], batch: 64 });
    await client.call('engine.start', { name: 'e0' });
    await injectAll('in', Array.from({ length: 100 }, (_, number) => flowPacket(number, number)));
    await until(() => daemon.registry.all[0].stats().packets === 100);
    const [statistics] = await client.call('engine.stats', { name: 'e0' });
    expect(statistics).toMatchObject({ name: 'e0', running: true, packets: 100, bricks: [{ id: brick, kind: 'LoadBalancer' }] });
    expect(await client.call('engine.stats')).toHaveLength(1);
    await client.call('engine.stop', { name: 'e0' });
    expect(await client.call('engine.audit')).toMatchObject([{ engine: 'e0', balanced: true, received: 100, sent: 100 }]);
    expect(loopback.read('a').length + loopback.read('b').length).toBe(100);
    await client.call('engine.unlink', { name: 'e0' });
    await client.call('engine.delete', { name: 'e0' });
    expect(await client.call('engine.list')).toEqual([]);
  });

  test('may hand over the bricks that it has described', async () => {
    const client = await daemon.connect();
    await client.call('engine.create', { name: 'e0', warmUpMilliseconds: 0 });
    await client.call('engine.link', { name: 'e0', bricks: new LoadBalancer({ tuple: 4 }).connectInput('in').connectOutput('a', 'b').collect() });
    expect((await client.call('engine.stats'))[0].links.map(({ name }) => name)).toEqual(['in', 'a', 'b']);
  });

  test('gets the error of a command, with its code', async () => {
    const client = await daemon.connect();
    await expect(client.call('engine.start', { name: 'nobody' })).rejects.toMatchObject({ name: 'BricksError', code: 'E_NO_ENGINE', message: expect.stringContaining('There is no engine nobody.') as string });
    await expect(client.call('engine.create', { name: 'e0', cpu: 'x' as never })).rejects.toMatchObject({ code: 'E_OPTION', message: 'engine.create: the option "cpu" is "x"; it must be an integer from -1 to 1023.' });
    await expect(client.call('engine.create', { nam: 'e0' } as never)).rejects.toMatchObject({ code: 'E_OPTION', message: 'engine.create needs the parameter "name", a string (the name of the engine).' });
    await expect(client.call('engine.delete', { name: 'e0', nmae: 1 } as never)).rejects.toMatchObject({ code: 'E_OPTION', message: 'engine.delete has no option "nmae". Did you mean "name"?' });
    await expect(client.call('engine.link', { name: 'e0', bricks: [{ ...lb, outputs: 'a' }] as never })).rejects.toMatchObject({ code: 'E_OPTION', message: expect.stringContaining('brick 1 needs its "outputs", a list of link names.') as string });
    await expect(client.call('engine.link', { name: 'e0', bricks: {} as never })).rejects.toMatchObject({ code: 'E_OPTION', message: 'engine.link: the parameter "bricks" is {}; it must be a list.' });
    await expect(client.call('brick.load', { file: 'here.js' })).rejects.toMatchObject({ code: 'E_OPTION', message: 'brick.load: the parameter "file" is "here.js"; it must be an absolute path.' });
    await expect(client.call('engine.starr' as never)).rejects.toMatchObject({ code: 'E_COMMAND', message: 'There is no command "engine.starr". Did you mean engine.start?' });
  });

  test('reads the declarations of bricks, engines and backends', async () => {
    const client = await daemon.connect();
    const balancer = await client.call('brick.describe', { kind: 'LoadBalancer' });
    expect(balancer).toMatchObject({ name: 'LoadBalancer', inputs: { minimum: 1, maximum: 1 }, outputs: { minimum: 1 } });
    expect(balancer.outputs.maximum).toBeUndefined();
    expect((await client.call('brick.list')).map(({ name }) => name)).toContain('Merge');
    expect(await client.call('brick.check', { kind: 'LoadBalancer', options: { tuple: '2' } })).toMatchObject({ kind: 'LoadBalancer', options: { tuple: 2 } });
    const { engine, backends } = await client.call('option.describe');
    expect([engine.some(({ name }) => name === 'seed'), backends.some(({ name }) => name === 'pcap')]).toEqual([true, true]);
    expect(await client.call('backend.default')).toBe('loopback');
  });

  test('loads a brick and calls its control half', async () => {
    const client = await daemon.connect();
    const file = join(daemon.folder, 'brick.cjs');
    writeFileSync(file, `const { defineBrick } = require(${JSON.stringify(require.resolve('packet-bricks'))});
exports.Doubler = defineBrick({ name: 'Doubler', onPacket: () => () => 0, control: () => ({ methods: { double: (x) => 2 * x } }) });\n`);
    expect(await client.call('brick.load', { file })).toEqual(['Doubler']);
    await client.call('engine.create', { name: 'e0', warmUpMilliseconds: 0 });
    const [brick] = await client.call('engine.link', { name: 'e0', bricks: [{ kind: 'Doubler', inputs: ['in'], outputs: ['out'] }] });
    expect(await client.call('brick.call', { name: 'e0', brick, method: 'double', values: [21] })).toBe(42);
    await expect(client.call('brick.call', { name: 'e0', brick, method: 'triple' })).rejects.toMatchObject({ code: 'E_BRICK_CALL' });
    await expect(client.call('brick.call', { name: 'e0', brick: 99, method: 'triple' })).rejects.toMatchObject({ code: 'E_ARGUMENT', message: expect.stringMatching(/^The engine e0 has no brick 99\. It has: \d+ \(\w+\)/) as string });
  });

  test('reloads the daemon and ends it', async () => {
    const client = await daemon.connect();
    expect(await client.call('daemon.reload')).toEqual({ added: ['e1'], changed: [], removed: [], kept: ['e0'] });
    expect(await client.call('daemon.shutdown')).toBeNull();
    await until(() => daemon.shutdowns === 1);
  });

  test('finds no daemon where there is none', async () => {
    await expect(connect({ name: 'nobody', runDirectory: daemon.folder })).rejects.toMatchObject({ code: 'E_CONTROL_CONNECT', message: expect.stringContaining(`No daemon listens on unix:${daemon.folder}/nobody.sock.`) as string });
    await expect(connect({ address: 'nonsense' })).rejects.toMatchObject({ code: 'E_CONTROL_ADDRESS' });
    await expect(connect({ name: '../x' })).rejects.toMatchObject({ code: 'E_CONTROL_ADDRESS' });
  });

  test('that talks to something else is told', async () => {
    const path = join(daemon.folder, 'other.sock');
    const other = createServer((socket) => socket.resume().end('220 mail.example ESMTP\r\n'));
    await new Promise<void>((resolve) => other.listen(path, resolve));
    await expect(connect({ address: path })).rejects.toMatchObject({ code: 'E_CONTROL_MESSAGE' });
    await new Promise((resolve) => other.close(resolve));
  });
});

describe('topics', () => {
  test('statistics come at once and then every so many seconds', async () => {
    const client = await daemon.connect();
    await client.call('engine.create', { name: 'e0', warmUpMilliseconds: 0 });
    const got: (readonly EngineStatistics[])[] = [];
    for await (const statistics of client.subscribe('statistics', { seconds: 0.1 })) {
      got.push(statistics);
      if (got.length === 3) break;
    }
    expect(got.map(([{ name }]) => name)).toEqual(['e0', 'e0', 'e0']);
    await expect(client.subscribe('statistics', { seconds: 0 }).next()).rejects.toMatchObject({ code: 'E_OPTION' });
    await expect(client.subscribe('statistic' as never).next()).rejects.toMatchObject({ code: 'E_ARGUMENT', message: 'There is no topic "statistic". Did you mean statistics?' });
  });

  test('notices tell what engines report, until nobody listens any more', async () => {
    const client = await daemon.connect();
    const got: Notice[] = [];
    const before = daemon.registry.listenerCount('notice');
    const stop = await client.listen('notices', {}, (notice) => got.push(notice));
    daemon.registry.emit('notice', 'e0', 'something is odd');
    daemon.registry.emit('ended', 'e0');
    await until(() => got.length === 2);
    expect(got).toEqual([{ engine: 'e0', kind: 'notice', text: 'something is odd' }, { engine: 'e0', kind: 'ended', text: 'all sources have ended' }]);
    await stop();
    expect(daemon.registry.listenerCount('notice')).toBe(before);
  });

  test('end with the connection, on both sides', async () => {
    const client = await daemon.connect();
    const before = daemon.registry.listenerCount('notice');
    const notices = client.subscribe('notices');
    const next = notices.next();
    await until(() => daemon.registry.listenerCount('notice') === before + 1);
    await client.close();
    expect(await next).toEqual({ done: true, value: undefined });
    await until(() => daemon.registry.listenerCount('notice') === before);
    await expect(client.call('engine.list')).rejects.toMatchObject({ code: 'E_CONTROL_CLOSED' });
  });

  test('a loop hears of a daemon that goes away', async () => {
    const other = await TestDaemon.start();
    const client = await other.connect();
    const loop = (async () => { for await (const notice of client.subscribe('notices')) void notice; })();
    await until(() => other.registry.listenerCount('notice') === 2);
    const loopEnded = expect(loop).rejects.toMatchObject({ code: 'E_CONTROL_CLOSED' });
    await other.server.close();
    await loopEnded;
    await other.stop();
  });
});

describe('on the wire', () => {
  test('requests are carried out and answered in their order, notifications not answered at all', async () => {
    const client = await daemon.connectRaw();
    client.send(
      request(1, 'engine.create', { name: 'e0', warmUpMilliseconds: 0 }), request('two', 'engine.link', { name: 'e0', bricks: [lb] }),
      { jsonrpc: '2.0', method: 'engine.start', params: { name: 'e0' } }, request(3, 'engine.list'), request(null as never, 'engine.stop', { name: 'e0' }),
    );
    expect((await client.receives(4)).map(({ id, result }) => [id, result])).toEqual([[1, null], ['two', [expect.any(Number)]], [3, [{ name: 'e0', running: true, linked: true }]], [null, null]]);
  });

  test('a batch is answered by a list', async () => {
    const client = await daemon.connectRaw();
    client.send([request(1, 'engine.exists', { name: 'e0' }), 7, { jsonrpc: '2.0', method: 'engine.list' }, request(2, 'nothing')]);
    const [answers] = await client.receives(1) as unknown as { id: number | null; result?: unknown; error?: { code: number } }[][];
    expect(answers.map(({ id, result, error }) => [id, result ?? error?.code])).toEqual([[1, false], [null, -32600], [2, -32601]]);
  });

  test('whoever closes its side after asking still gets the answer, and then the end', async () => {
    const client = await daemon.connectRaw();
    client.send(request(1, 'engine.list'));
    client.socket.end();
    await client.ended;
    expect(client.answers).toEqual([{ jsonrpc: '2.0', id: 1, result: [] }]);
  });
});

describe('the socket', () => {
  test('belongs to its owner alone', () => {
    expect((statSync(daemon.socket).mode & 0o777).toString(8)).toBe('600');
  });

  test('of a daemon that was killed is taken over, and that of one that runs is not', async () => {
    await expect(TestDaemon.start({ socket: daemon.socket })).rejects.toMatchObject({ code: 'E_DAEMON_RUNNING' });
    const path = join(daemon.folder, 'left.sock');
    const killed = 'require("node:net").createServer().listen(process.argv[1], () => { require("node:fs").writeSync(1, "listens"); process.kill(process.pid, "SIGKILL"); })';
    const { error, status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', killed, path], { encoding: 'utf8' });
    // All of it: where the socket is missing, the rest says whether the child failed to start, failed to listen, or was killed by somebody else before.
    expect({ error, status, signal, stdout, stderr, socket: statSync(path, { throwIfNoEntry: false })?.isSocket() }).toEqual({ error: undefined, status: null, signal: 'SIGKILL', stdout: 'listens', stderr: '', socket: true });
    const next = await TestDaemon.start({ socket: path });
    await (await connect({ address: path })).close();
    await next.stop();
  });

  test('is gone when the server is closed', async () => {
    const other = await TestDaemon.start();
    await other.server.close();
    expect(statSync(other.socket, { throwIfNoEntry: false })).toBeUndefined();
    await other.stop();
  });

  test('has a path that systems do not cut off', async () => {
    await expect(TestDaemon.start({ socket: `/tmp/${'x'.repeat(120)}` })).rejects.toMatchObject({ code: 'E_CONTROL_ADDRESS' });
  });
});
