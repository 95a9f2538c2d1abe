/** The daemon on TCP: who gets in, and who does not. */
import { execFile } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect, type ConnectOptions } from 'packet-bricks';
import { endInHexadecimal, findUser } from 'packet-bricks/src/daemon/tcp-owner';
import type { TcpOptions } from 'packet-bricks/src/daemon/tcp-listener';
import { makeCertificate } from '../support/certificates';
import { until } from '../support/loopback-engine';
import { PROGRAM } from '../support/program';
import { DaemonPlace } from './programs';
import { RawClient, TestDaemon, request } from './support';

const TOKEN = 'a-token-of-32-characters-at-least';
const READ_TOKEN = 'another-token-that-is-for-reading';
const asRoot = process.getuid?.() === 0 ? test : test.skip;

let files: TestDaemon;
const path = (name: string): string => join(files.folder, name);
const started: TestDaemon[] = [];
const logged: string[] = [];

/** A daemon with these options of TCP, on a port that is free. */
async function start(tcp: Partial<TcpOptions> = {}, limits = {}): Promise<{ daemon: TestDaemon; address: string }> {
  const daemon = await TestDaemon.start({ tcp: { host: '127.0.0.1', port: 0, ...tcp }, limits, log: (text) => logged.push(text) });
  started.push(daemon);
  return { daemon, address: `127.0.0.1:${daemon.server.port}` };
}

/** What a client with these options may do. */
async function access(options: ConnectOptions): Promise<string> {
  const client = await connect(options);
  try {
    const made = await client.call('engine.create', { name: 'x' }).then(() => 'rules', (error: { code: string }) => error.code);
    if (made === 'rules') await client.call('engine.delete', { name: 'x' });
    return `${(await client.call('daemon.information')).access} ${made}`;
  } finally {
    await client.close();
  }
}

const certificate = (name: string, authority: string | undefined, ...more: string[]): void => makeCertificate(files.folder, name, authority, ...more);

beforeAll(async () => {
  files = await TestDaemon.start();
  for (const [name, token] of [['token', TOKEN], ['read-token', READ_TOKEN]]) writeFileSync(path(name), `${token}\n`, { mode: 0o600 });
  writeFileSync(path('wrong-token'), 'a-token-of-32-characters-at-leasT', { mode: 0o600 });
  certificate('authority', undefined);
  certificate('stranger', undefined);
  certificate('server', 'authority', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE');
  certificate('client', 'authority', '-addext', 'basicConstraints=critical,CA:FALSE');
  certificate('foreign', 'stranger', '-addext', 'basicConstraints=critical,CA:FALSE');
});
afterEach(async () => {
  for (const daemon of started.splice(0)) await daemon.stop();
});
afterAll(() => files.stop());

describe('on loopback', () => {
  test('the user of the daemon gets in, and the port is told', async () => {
    const { daemon, address } = await start();
    expect(daemon.server.addresses).toEqual([`unix:${daemon.socket}`, address]);
    expect(await access({ address })).toBe('control rules');
    expect(await access({ address: `:${daemon.server.port}` })).toBe('control rules');
  });

  asRoot('another user does not, since the system says whose the connection is', async () => {
    const { address } = await start();
    const script = `require(${JSON.stringify(require.resolve('packet-bricks'))}).connect({ address: '${address}' }).then(() => console.log('in'), (error) => console.log(error.code))`;
    const { stdout } = await promisify(execFile)('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', script], { cwd: '/' });
    expect(stdout).toBe('E_PERMISSION\n');
    expect(logged.at(-1)).toMatch(/^a client at 127\.0\.0\.1 was refused: This user may not use the daemon\./);
  });

  test('a connection that its owner has closed belongs to nobody, not to root', () => {
    const own = endInHexadecimal({ address: '127.0.0.1', port: 7000 }, false);
    const other = endInHexadecimal({ address: '127.0.0.1', port: 40000 }, false);
    const line = (state: string, user: number, inode: number): string => `  sl  local_address rem_address\n   0: ${other} ${own} ${state} 00000000:00000000 00:00000000 00000000  ${user}        0 ${inode} 1 0\n`;
    expect([own, findUser(line('01', 1000, 5), own, other), findUser(line('01', 0, 0), own, other), findUser(line('05', 0, 0), own, other), findUser(line('01', 7, 5), other, own)]).toEqual(['0100007F:1B58', 1000, undefined, undefined, undefined]);
  });

  test('a browser that is made to send a request gets nothing done', async () => {
    const { daemon, address } = await start();
    const response = await fetch(`http://${address}/`, { method: 'POST', body: `${JSON.stringify(request(1, 'engine.create', { name: 'evil' }))}\n` }).catch(() => undefined);
    expect(response).toBeUndefined();
    expect(daemon.registry.all).toEqual([]);
  });
});

describe('a token', () => {
  test('gives control or only reading, and a wrong one nothing', async () => {
    const { address } = await start({ tokenFile: path('token'), readTokenFile: path('read-token') });
    expect([await access({ address, tokenFile: path('token') }), await access({ address, tokenFile: path('read-token') })]).toEqual(['control rules', 'read E_PERMISSION']);
    await expect(connect({ address, tokenFile: path('wrong-token') })).rejects.toMatchObject({ code: 'E_PERMISSION', message: 'The token is wrong.' });
    await expect(connect({ address })).rejects.toMatchObject({ code: 'E_PERMISSION', message: expect.stringContaining('This connection needs a token') as string });
    expect(logged.some((text) => text.includes('its token is wrong'))).toBe(true);
    expect(logged.join()).not.toContain(TOKEN.slice(0, 12));
  });

  test('gives no more than TCP may', async () => {
    const { address } = await start({ tokenFile: path('token'), access: 'read' });
    expect(await access({ address, tokenFile: path('token') })).toBe('read E_PERMISSION');
  });

  test('comes first, once, and in time; what is sent right after it waits for it', async () => {
    const { daemon, address } = await start({ tokenFile: path('token') }, { strangerMilliseconds: 200 });
    const port = Number(address.split(':')[1]);
    const send = async (...requests: unknown[]): Promise<unknown[]> => {
      const client = await RawClient.connect({ host: '127.0.0.1', port });
      client.send(...requests);
      client.socket.end();
      await client.ended;
      return client.answers.map(({ result, error }) => (error as { data?: { code: string } } | undefined)?.data?.code ?? result);
    };
    const authenticate = (token: string): unknown => request(1, 'authenticate', { token });
    expect(await send(authenticate(TOKEN), request(2, 'engine.exists', { name: 'x' }))).toEqual([{ access: 'control' }, false]);
    expect(await send(authenticate('x'), request(2, 'engine.create', { name: 'x' }))).toEqual(['E_PERMISSION']);
    expect(await send(authenticate('x'), authenticate(TOKEN), request(2, 'engine.create', { name: 'x' }))).toEqual(['E_PERMISSION']);
    expect(await send(request(2, 'engine.create', { name: 'x' }), authenticate(TOKEN))).toEqual(['E_PERMISSION']);
    expect(await send([authenticate(TOKEN), request(2, 'engine.create', { name: 'x' })])).toEqual(['E_PERMISSION']);
    expect(await send({ jsonrpc: '2.0', method: 'daemon.information' })).toEqual(['E_PERMISSION']);
    expect(daemon.registry.all).toEqual([]);
    const silent = await RawClient.connect({ host: '127.0.0.1', port });
    await silent.ended;
    expect(silent.text).toContain('No token was shown in time.');
    const long = await RawClient.connect({ host: '127.0.0.1', port });
    long.socket.write('x'.repeat(10_000));
    await long.ended;
    expect(long.text).toContain('A message is longer than 8192 bytes.');
  });

  test('strangers cannot keep others out', async () => {
    const { daemon, address } = await start({ tokenFile: path('token') }, { clients: 4, strangers: 2 });
    const port = Number(address.split(':')[1]);
    const strangers = await Promise.all([1, 2, 3].map(() => RawClient.connect({ host: '127.0.0.1', port })));
    await strangers[2].ended.catch(() => undefined);
    expect(daemon.server.clients).toBe(2);
    await (await daemon.connect()).call('engine.list');
    strangers.forEach(({ socket }) => socket.destroy());
    await until(() => daemon.server.clients === 1);
  });

  test('stands in a file that its owner alone may read', async () => {
    writeFileSync(path('open'), TOKEN, { mode: 0o600 });
    chmodSync(path('open'), 0o644);
    writeFileSync(path('short'), 'x', { mode: 0o600 });
    for (const file of ['open', 'short', 'nothing']) {
      await expect(start({ tokenFile: path(file) })).rejects.toMatchObject({ code: 'E_CONTROL_TOKEN' });
      await expect(connect({ address: ':1', tokenFile: path(file) })).rejects.toMatchObject({ code: 'E_CONTROL_TOKEN' });
    }
  });
});

describe('TLS', () => {
  const tls = (): Partial<TcpOptions> => ({ certificate: path('server.pem'), key: path('server.key') });
  const trusting = (name?: string): ConnectOptions['tls'] => ({ authorities: path('authority.pem'), ...(name === undefined ? {} : { certificate: path(`${name}.pem`), key: path(`${name}.key`) }) });

  test('a client certificate of the authority gets in, another or none does not', async () => {
    const { address } = await start({ ...tls(), clientAuthorities: path('authority.pem') });
    expect(await access({ address, tls: trusting('client') })).toBe('control rules');
    expect(await access({ address: address.replace('127.0.0.1', 'localhost'), tls: trusting('client') })).toBe('control rules');
    await expect(connect({ address, tls: trusting('foreign') })).rejects.toMatchObject({ code: expect.stringMatching(/^E_CONTROL_/) as string });
    await expect(connect({ address, tls: trusting() })).rejects.toMatchObject({ code: expect.stringMatching(/^E_CONTROL_/) as string });
  });

  test('a daemon whose certificate is not trusted is not talked to', async () => {
    const { address } = await start({ ...tls(), tokenFile: path('token') });
    await expect(connect({ address, tls: {}, tokenFile: path('token') })).rejects.toMatchObject({ code: 'E_CONTROL_TLS' });
    await expect(connect({ address, tls: { authorities: path('stranger.pem') }, tokenFile: path('token') })).rejects.toMatchObject({ code: 'E_CONTROL_TLS' });
    expect(await access({ address, tls: trusting(), tokenFile: path('token') })).toBe('control rules');
  });

  test('bricks ctl takes the same files', async () => {
    const { address } = await start({ ...tls(), tokenFile: path('token') });
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, 'ctl', '-a', address, '--tls-ca', path('authority.pem'), '--token-file', path('token'), 'backend.default']);
    expect(stdout).toBe('loopback\n');
  });

  test('so do bricks-shell, bricks -s, bricks graph and bricks reload', async () => {
    const { daemon, address } = await start({ ...tls(), tokenFile: path('token') });
    await (await daemon.connect()).call('engine.create', { name: 'e0' });
    writeFileSync(path('find.lua'), 'print(PktEngine.retrieve("e0") ~= nil)');
    const run = (...words: string[]): Promise<string> => promisify(execFile)(process.execPath, [PROGRAM, ...words]).then(({ stdout }) => stdout);
    const options = ['-a', address, '--tls-ca', path('authority.pem'), '--token-file', path('token')];
    const outputs = await Promise.all([run('shell', ...options, '-f', path('find.lua')), run(...options, '-s', '-f', path('find.lua')), run('graph', ...options, '--json'), run('reload', ...options, '--json')]);
    expect([outputs[0], outputs[1], JSON.parse(outputs[2]), JSON.parse(outputs[3])]).toMatchObject(['true\n', 'true\n', [{ name: 'e0' }], { added: ['e1'] }]);
    await expect(run('graph', '--tls-ca', path('authority.pem'), 'eth3 -> eth4')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('not both') as string });
  });

  test('a client without TLS, or one that stops in the handshake, harms nobody', async () => {
    const { daemon, address } = await start({ ...tls(), tokenFile: path('token') });
    const port = Number(address.split(':')[1]);
    const plain = await RawClient.connect({ host: '127.0.0.1', port });
    plain.send(request(1, 'authenticate', { token: TOKEN }));
    await plain.ended;
    const half = await RawClient.connect({ host: '127.0.0.1', port });
    half.socket.write(Buffer.from([0x16, 0x03, 0x01]));
    expect(await access({ address, tls: trusting(), tokenFile: path('token') })).toBe('control rules');
    // It does not keep the server from closing either.
    await daemon.stop();
    started.splice(started.indexOf(daemon), 1);
    await half.ended;
  });

  test('files that hold no certificate are refused at the start', async () => {
    await expect(start({ certificate: path('token'), key: path('server.key'), tokenFile: path('token') })).rejects.toMatchObject({ code: 'E_CONTROL_TLS' });
    await expect(start({ certificate: path('server.pem'), tokenFile: path('token') })).rejects.toMatchObject({ code: 'E_CONTROL_TLS' });
    await expect(start({ certificate: path('nothing.pem'), key: path('server.key'), tokenFile: path('token') })).rejects.toMatchObject({ code: 'E_CONTROL_TLS' });
  });
});

describe('where other machines can reach it', () => {
  test.each([['nothing', {}], ['a token without TLS', { tokenFile: 'token' }], ['TLS without a token or client certificates', { certificate: 'server.pem', key: 'server.key' }]])('it does not listen with %s', async (_, given) => {
    const tcp = Object.fromEntries(Object.entries(given).map(([name, file]) => [name, path(file)]));
    await expect(start({ host: '0.0.0.0', ...tcp })).rejects.toMatchObject({ code: 'E_CONTROL_ADDRESS', message: expect.stringContaining('without protection') as string });
    await expect(start({ host: '::', ...tcp })).rejects.toMatchObject({ code: 'E_CONTROL_ADDRESS' });
  });

  test('it listens with TLS and client certificates', async () => {
    const { daemon, address } = await start({ host: '0.0.0.0', certificate: path('server.pem'), key: path('server.key'), clientAuthorities: path('authority.pem') });
    expect(daemon.server.addresses[1]).toMatch(/^0\.0\.0\.0:\d+$/);
    expect(await access({ address, tls: { authorities: path('authority.pem'), certificate: path('client.pem'), key: path('client.key') } })).toBe('control rules');
  });
});

test('bricks-server listens where it is told, says its port in a file, and takes tokens', async () => {
  const place = new DaemonPlace();
  writeFileSync(place.path('token'), TOKEN, { mode: 0o600 });
  try {
    const refused = await Promise.all([place.daemon(['--listen', '0.0.0.0:1']), place.daemon(['--token-file', 'token']), place.daemon(['--listen', '/tmp/x'])]);
    expect(refused.map(({ code, stderr }) => [code, stderr])).toEqual([
      [1, expect.stringContaining('without protection') as string], [2, expect.stringContaining('--listen says where') as string], [2, expect.stringContaining('There is a Unix socket anyway') as string],
    ]);
    const { code, stderr } = await place.daemon(['--listen', ':0', '--token-file', 'token']);
    const port = /listens on 127\.0\.0\.1:(\d+)/.exec(stderr)?.[1] ?? '';
    expect([code, readFileSync(place.file('bricks.port'), 'utf8')]).toEqual([0, `${port}\n`]);
    expect(await access({ address: `:${port}`, tokenFile: place.path('token') })).toBe('control rules');
    await expect(connect({ address: `:${port}` })).rejects.toMatchObject({ code: 'E_PERMISSION' });
    await place.kill();
    expect(place.files).toEqual([]);
  } finally {
    place.dispose();
  }
});
