/** What clients do that they should not, and that it harms nobody else. */
import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'packet-bricks';
import { until } from '../support/loopback-engine';
import { TestDaemon, request } from './support';

let daemon: TestDaemon;
beforeAll(async () => { daemon = await TestDaemon.start(); });
afterEach(() => daemon.disconnect());
afterAll(() => daemon.stop());

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? test : test.skip;

interface Failed { readonly id: unknown; readonly error: { readonly code: number; readonly message: string; readonly data: { readonly code: string } } }
const failures = (answers: unknown[]): unknown[] => (answers as Failed[]).map(({ id, error }) => [id, error.code, error.data.code]);

/** Others still get their answers. */
async function serves(one = daemon): Promise<void> {
  const client = await one.connect();
  expect(await client.call('engine.list')).toEqual([]);
  await client.close();
}

describe('a client that sends', () => {
  test.each([
    ['garbage', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'A message is not JSON.'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x0a]), 'A message is not UTF-8 text.'],
    ['random bytes', Buffer.concat([randomBytes(5000), Buffer.from('\n')]), 'A message is not'],
    ['deep nesting', `${'['.repeat(500_000)}\n`, 'A message is nested more than 32 deep.'],
    ['a message without an end', '"'.padEnd((1 << 20) + 1, 'x'), 'A message is longer than 1048576 bytes.'],
    ['a message that is too long', `${'"'.padEnd(3 << 20, 'x')}"\n`, 'A message is longer than 1048576 bytes.'],
  ])('%s is told, and closed', async (_, text, message) => {
    const client = await daemon.connectRaw();
    client.socket.write(text);
    await client.ended;
    expect(failures(client.answers)).toEqual([[null, -32700, 'E_CONTROL_MESSAGE']]);
    expect((client.answers[0] as unknown as Failed).error.message).toContain(message);
    await serves();
  });

  test('JSON that is no request gets an answer, and goes on', async () => {
    const client = await daemon.connectRaw();
    client.send(7, {}, { jsonrpc: '2.0', id: 1 }, { jsonrpc: '1.0', id: 2, method: 'engine.list' }, { jsonrpc: '2.0', id: {}, method: 'engine.list' }, { jsonrpc: '2.0', id: 3, method: 'engine.list', params: [1] }, [], request('x'.repeat(257), 'engine.list'), Array(101).fill(1));
    client.send(request(4, '__proto__'), request(5, 'toString'), request(6, 'engine.list', JSON.parse('{"__proto__": 1}')), request(7, 'engine.list'));
    const answers = await client.receives(13);
    expect(failures(answers.slice(0, 12))).toEqual([
      ...[null, null, 1, 2, null, 3, null, null, null].map((id) => [id, -32600, 'E_CONTROL_MESSAGE']),
      [4, -32601, 'E_COMMAND'], [5, -32601, 'E_COMMAND'], [6, -32602, 'E_OPTION'],
    ]);
    expect(answers[12]).toEqual({ jsonrpc: '2.0', id: 7, result: [] });
    client.socket.destroy();
  });

  test('a message in pieces of one byte is understood', async () => {
    const client = await daemon.connectRaw();
    const text = Buffer.from(`\r\n  \n${JSON.stringify(request('\u00e4\u{1f600}', 'engine.list'))}\r\n`);
    for (const byte of text) {
      client.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.receives(1)).toEqual([{ jsonrpc: '2.0', id: '\u00e4\u{1f600}', result: [] }]);
    client.socket.destroy();
  });
});

describe('a client that disappears', () => {
  test.each(['in the middle of a message', 'after a request', 'after thousands of requests', 'with subscriptions'])('%s leaves nothing behind', async (when) => {
    const before = daemon.registry.listenerCount('notice');
    const client = await daemon.connectRaw();
    await until(() => daemon.server.clients === 1);
    const text = `${JSON.stringify(request(1, 'engine.stats'))}\n`;
    if (when === 'in the middle of a message') client.socket.write(text.slice(0, 20));
    else if (when === 'after a request') client.socket.write(text);
    else if (when === 'after thousands of requests') client.socket.write(text.repeat(20_000));
    else {
      client.send(request(1, 'subscribe', { topic: 'notices' }), request(2, 'subscribe', { topic: 'statistics', parameters: { seconds: 0.1 } }));
      await client.receives(3);
    }
    client.socket.destroy();
    await until(() => daemon.server.clients === 0);
    expect(daemon.registry.listenerCount('notice')).toBe(before);
  });

  test('ends what it was waiting for, if that listens to its signal', async () => {
    const other = await TestDaemon.start();
    const file = join(other.folder, 'brick.cjs');
    writeFileSync(file, `exports.Sleeper = require(${JSON.stringify(require.resolve('packet-bricks'))}).defineBrick({ name: 'Sleeper', onPacket: () => () => 0, control: () => ({ methods: { sleep: () => new Promise(() => {}) } }) });\n`);
    const client = await other.connect();
    await client.call('brick.load', { file });
    await client.call('engine.create', { name: 'e0', warmUpMilliseconds: 0 });
    const [brick] = await client.call('engine.link', { name: 'e0', bricks: [{ kind: 'Sleeper', inputs: ['in'], outputs: ['out'] }] });
    const raw = await other.connectRaw();
    raw.send(request(1, 'brick.call', { name: 'e0', brick, method: 'sleep' }), request(2, 'daemon.information'));
    // Immediate commands don't wait for it.
    expect((await raw.receives(1))[0]['id']).toBe(2);
    raw.socket.destroy();
    await until(() => other.server.clients === 1);
    await other.stop();
  });
});

describe('a client that does not read', () => {
  test('is closed when it has too much unread, and nobody else notices', async () => {
    const other = await TestDaemon.start({ limits: { unreadBytesMost: 100_000 } });
    const deaf = await other.connectRaw();
    deaf.send(request(1, 'subscribe', { topic: 'notices' }));
    await deaf.receives(1);
    deaf.socket.pause();
    const reader = await other.connect();
    let heard = 0;
    await reader.listen('notices', {}, () => heard++);
    let told = 0;
    while (other.server.clients === 2) {
      for (let round = 0; round < 100; round++, told++) other.registry.emit('notice', 'e0', 'x'.repeat(1000));
      await reader.call('engine.list');
    }
    expect(told).toBeLessThan(5000);
    await reader.call('engine.list');
    expect(heard).toBe(told);
    await other.stop();
  });

  test('is not read from, so that it cannot make the daemon store answers; and closed after a while', async () => {
    const other = await TestDaemon.start({ limits: { unreadBytes: 50_000, stallMilliseconds: 300 } });
    const deaf = await other.connectRaw();
    deaf.socket.pause();
    const text = `${JSON.stringify(request(1, 'brick.describe', { kind: 'LoadBalancer' }))}\n`;
    deaf.socket.write(text.repeat(10_000));
    await until(() => other.server.clients === 1);
    const reader = await other.connect();
    await reader.call('engine.list');
    // The system holds some; the rest was never made.
    await until(() => other.server.clients === 1);
    expect(other.server.unreadBytes).toBeLessThan(100_000);
    await reader.call('engine.list');
    await other.stop();
  });

  test('does not get statistics that are old by then', async () => {
    const client = await daemon.connectRaw();
    client.send(request(1, 'subscribe', { topic: 'statistics', parameters: { seconds: 0.1 } }));
    expect((await client.receives(2))[1]).toMatchObject({ method: 'statistics', params: { subscription: 1, value: [] } });
    client.socket.destroy();
  });
});

describe('limits', () => {
  test('on clients', async () => {
    const other = await TestDaemon.start({ limits: { clients: 2 } });
    const first = await other.connect();
    await other.connect();
    await expect(other.connect()).rejects.toMatchObject({ code: 'E_CONTROL_LIMIT', message: expect.stringContaining('The daemon has 2 clients') as string });
    await first.close();
    await until(() => other.server.clients === 1);
    await other.connect();
    await other.stop();
  });

  test('on subscriptions', async () => {
    const client = await daemon.connect();
    for (let count = 0; count < 32; count++) await client.listen('notices', {}, () => undefined);
    await expect(client.listen('notices', {}, () => undefined)).rejects.toMatchObject({ code: 'E_CONTROL_LIMIT' });
    await client.close();
  });
});

describe('access', () => {
  test('can be given up: then a client may only read', async () => {
    const client = await connect({ address: daemon.socket, readOnly: true });
    expect(await client.call('daemon.information')).toMatchObject({ access: 'read' });
    expect(await client.call('engine.list')).toEqual([]);
    await expect(client.call('engine.create', { name: 'e0' })).rejects.toMatchObject({ code: 'E_PERMISSION', message: expect.stringContaining('This client may only read; it may not use engine.create.') as string });
    // What is in packets is for whoever may rule the daemon.
    await expect(client.listen('tap', { link: 'x' }, () => undefined)).rejects.toMatchObject({ code: 'E_PERMISSION' });
    await client.close();
  });

  /** Runs a client as another user. */
  const asNobody = async (socket: string, group: number): Promise<string> => {
    const script = `const { connect } = require(${JSON.stringify(require.resolve('packet-bricks'))});
connect({ address: ${JSON.stringify(socket)} }).then(async (daemon) => {
  const { access } = await daemon.call('daemon.information');
  console.log(access, await daemon.call('engine.create', { name: 'other' }).then(() => 'rules', (error) => error.code));
  await daemon.call('engine.delete', { name: 'other' }).catch(() => undefined);
  await daemon.close();
}, (error) => console.log(error.code));`;
    const { stdout } = await promisify(execFile)('setpriv', ['--reuid=65534', `--regid=${group}`, '--clear-groups', process.execPath, '-e', script], { cwd: '/' });
    return stdout.trim();
  };

  asRoot('of another user: none, whatever the mode of the socket; of a member of the group: as the daemon says', async () => {
    const grouped = await TestDaemon.start({ group: '54321' });
    const reading = await TestDaemon.start({ group: '54321', groupAccess: 'read' });
    for (const { folder } of [grouped, reading]) chmodSync(folder, 0o755);
    expect((statSync(grouped.socket).mode & 0o777).toString(8)).toBe('660');
    expect(statSync(grouped.socket).gid).toBe(54321);
    const answers = [await asNobody(grouped.socket, 54321), await asNobody(reading.socket, 54321), await asNobody(grouped.socket, 54322)];
    chmodSync(grouped.socket, 0o666);
    answers.push(await asNobody(grouped.socket, 54322));
    expect(answers).toEqual(['control rules', 'read E_PERMISSION', 'E_PERMISSION', 'E_PERMISSION']);
    await grouped.stop();
    await reading.stop();
  });

  asRoot('of a member of a group with a large number, as directory services give them', async () => {
    const group = 1_200_000_513;
    const grouped = await TestDaemon.start({ group });
    chmodSync(grouped.folder, 0o755);
    expect(await asNobody(grouped.socket, group)).toBe('control rules');
    await grouped.stop();
  });

  test('of a group that is not there', async () => {
    await expect(TestDaemon.start({ group: 'no-such-group' })).rejects.toMatchObject({ code: 'E_OPTION' });
  });
});
