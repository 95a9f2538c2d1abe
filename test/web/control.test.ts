/** Control by the page: who gets it, what it can do, what is logged, and how it is used in Chromium. */
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { chromium, type Browser, type Page } from 'playwright-core';
import { EngineRegistry } from 'packet-bricks';
import type { ControlHost } from 'packet-bricks/src/daemon/control-host';
import { pageOperator } from 'packet-bricks/src/daemon/page-operator';
import { nothingCounted } from 'packet-bricks/src/control/statistics';
import { serveWeb, type WebServer } from 'packet-bricks/src/observe/web-server';
import { pictureOf } from 'packet-bricks/src/picture/picture';
import { containerBricks } from 'packet-bricks/src/text';
import { DaemonPlace } from '../daemon/programs';
import { loopback, until } from '../support/loopback-engine';
import { CHROMIUM, FOLDER, ask, faultsOf, type Answer } from './support';

const TOKEN = 'the-token-of-control';
const READ = 'the-token-to-look-on';
const registry = new EngineRegistry({ backend: 'loopback' });
const log: string[] = [];
const servers: WebServer[] = [];
let shutdowns = 0;
let reloads = 0;
const host: ControlHost = {
  registry,
  information: { version: '1.2.3', pid: 1, name: 'test', startedAt: '', backend: 'loopback', script: 'set-up.lua' },
  reload: () => {
    reloads++;
    return Promise.resolve({ added: ['e1'], changed: [], removed: [], kept: ['e0'] });
  },
  shutdown: () => { shutdowns++; },
};

async function serve({ token, control = true, operated = host }: { readonly token?: string; readonly control?: boolean; readonly operated?: ControlHost } = {}): Promise<string> {
  const server = await serveWeb({
    host: '127.0.0.1', port: 0, token, folder: FOLDER,
    control: control ? { token: TOKEN, operator: pageOperator(operated), log: (text, level, { engine }) => void log.push(`${level} ${engine ?? '-'}: ${text}`) } : undefined,
  }, {
    statistics: () => registry.all.map((engine) => (engine.hasCounted ? engine.stats() : nothingCounted(engine.name))),
    pictures: () => registry.all.map((engine) => pictureOf(engine.describeGraph(), containerBricks)), all: registry.all,
  });
  servers.push(server);
  return server.url;
}

/** As a program does it. */
function command(url: string, method: string, params?: object, headers: Record<string, string> = {}): Promise<Answer> {
  return ask(`${url}control`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers }, body: JSON.stringify({ jsonrpc: '2.0', id: 7, method, params }) });
}

const resultOf = ({ body }: Answer): unknown => (JSON.parse(body) as { result?: unknown }).result;
const codeOf = ({ body }: Answer): string => (JSON.parse(body) as { error: { data: { code: string } } }).error.data.code;
const isRunning = (): boolean => registry.running.length === 1;

beforeAll(async () => {
  for (const each of [
    { command: 'engine.create', name: 'e0' }, { command: 'engine.create', name: 'spare' },
    { command: 'engine.link', name: 'e0', bricks: [{ id: 1, kind: 'LoadBalancer', options: {}, inputs: ['eth0'], outputs: ['lb{0', 'lb{1'] }] }, { command: 'engine.start', name: 'e0' },
  ] as const) expect(await registry.execute(each)).toMatchObject({ ok: true });
});
beforeEach(() => log.splice(0));
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await registry.close();
  loopback.reset();
});

describe('control over HTTP', () => {
  test('is not there unless it was asked for', async () => {
    const url = await serve({ control: false });
    expect(await command(url, 'engine.stop', { name: 'e0' })).toMatchObject({ status: 405, headers: { allow: 'GET' }, body: expect.stringContaining('--web-control') });
    expect((await ask(`${url}control`, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(404);
    expect([isRunning(), log]).toEqual([true, []]);
  });

  test('carries out the commands of the control protocol, and logs each with who gave it', async () => {
    const url = await serve();
    expect(JSON.parse((await ask(`${url}control`, { headers: { authorization: `Bearer ${TOKEN}` } })).body)).toEqual({ commands: ['engine.start', 'engine.stop', 'daemon.reload', 'daemon.shutdown'] });
    expect(await command(url, 'engine.stop', { name: 'e0' })).toMatchObject({ status: 200, body: '{"jsonrpc":"2.0","id":7,"result":null}' });
    expect(isRunning()).toBe(false);
    expect(resultOf(await command(url, 'engine.start', { name: 'e0' }))).toBeNull();
    expect(isRunning()).toBe(true);
    expect(resultOf(await command(url, 'daemon.reload'))).toMatchObject({ added: ['e1'], kept: ['e0'] });
    expect(resultOf(await command(url, 'daemon.shutdown'))).toBeNull();
    await until(() => shutdowns === 1);
    expect(reloads).toBe(1);
    const who = expect.stringMatching(/, by the page, for 127\.0\.0\.1, user \S+$/) as string;
    expect(log.map((line) => line.split(',')[0])).toEqual(['info e0: engine.stop', 'info e0: engine.start', 'info -: daemon.reload', 'info -: daemon.shutdown']);
    expect(log).toEqual([who, who, who, who]);
  });

  test('is refused without the token, and logged', async () => {
    const url = await serve({ token: READ });
    const cookie = (await ask(`${url}login`, { method: 'POST', body: `token=${TOKEN}` })).headers['set-cookie']?.[0].split(';')[0] ?? '';
    expect((await ask(`${url}history`, { headers: { cookie } })).status).toBe(200);
    for (const authorization of ['', 'Bearer wrong', `Bearer ${READ}`, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
      for (const method of ['GET', 'POST']) {
        expect(await ask(`${url}control`, { method, headers: { cookie, 'content-type': 'application/json', ...(authorization === '' ? {} : { authorization }) }, body: method === 'GET' ? '' : '{"jsonrpc":"2.0","id":1,"method":"engine.stop","params":{"name":"e0"}}' })).toMatchObject({ status: 401 });
      }
    }
    expect(isRunning()).toBe(true);
    expect(log).toHaveLength(10);
    expect(log[0]).toMatch(/^warn -: the page refused control to 127\.0\.0\.1, user \S+: no token was shown$/);
    expect(log[2]).toMatch(/: the token is wrong$/);
    // The cookie of a page that was opened with the control token is not that token, and is worth no more than reading.
    expect(cookie).not.toContain(TOKEN);
  });

  test('is refused to other sites, even with the token', async () => {
    const url = await serve();
    const { host: own, port } = new URL(url);
    for (const headers of [{ origin: 'http://evil.example' }, { origin: 'null' }, { origin: `http://127.0.0.1:${Number(port) - 1}` }, { origin: `http://${own}`, 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate' }, { 'sec-fetch-site': 'none' }, { host: 'evil.example', origin: 'http://evil.example' }, { host: `evil.example:${port}`, 'sec-fetch-site': 'same-origin' }] as Record<string, string>[]) {
      expect(await command(url, 'engine.stop', { name: 'e0' }, headers)).toMatchObject({ status: 403 });
    }
    expect(isRunning()).toBe(true);
    expect(log.every((line) => line.includes('another site has asked'))).toBe(true);
    for (const headers of [{ origin: `http://${own}` }, { origin: `http://localhost:${port}`, host: `localhost:${port}` }, { origin: 'https://sensor.example', 'sec-fetch-site': 'same-origin' }] as Record<string, string>[]) {
      expect(resultOf(await command(url, 'daemon.reload', {}, headers))).toMatchObject({ kept: ['e0'] });
    }
  });

  test('takes no other commands, and nothing that is not one', async () => {
    const url = await serve();
    for (const method of ['brick.load', 'shell.run', 'engine.delete', 'authenticate', '__proto__', '']) expect(codeOf(await command(url, method, { name: 'e0' }))).toBe('E_COMMAND');
    expect(codeOf(await command(url, 'engine.stop', {}))).toBe('E_OPTION');
    expect(codeOf(await command(url, 'engine.stop', { name: 'e0', force: true }))).toBe('E_OPTION');
    expect(codeOf(await command(url, 'engine.start', { name: 'none' }))).toBe('E_NO_ENGINE');
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const post = (body: string, more = {}): Promise<Answer> => ask(`${url}control`, { method: 'POST', headers: { ...headers, ...more }, body });
    for (const body of ['', 'stop', '[]', '7', '{"method":"engine.stop"}', `[{"jsonrpc":"2.0","id":1,"method":"engine.stop","params":{"name":"e0"}}]`, `${'['.repeat(2000)}`]) expect((await post(body)).status).toBe(400);
    expect((await post('{}', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post('x'.repeat(8000)).catch(() => ({ status: 413 }))).status).toBe(413);
    for (const method of ['PUT', 'DELETE', 'OPTIONS']) {
      expect(await ask(`${url}control`, { method, headers })).toMatchObject({ status: 405, headers: { allow: 'GET, POST' }, body: 'Send commands by POST; GET lists them.\n' });
    }
    expect((await post('[{}, {}]')).body).toContain('Batches are not taken here');
    expect(isRunning()).toBe(true);
  });

  test('a daemon without a script has none to reload; addresses that others reach, and one token for both, are refused', async () => {
    const { version, pid, name, startedAt, backend } = host.information;
    const url = await serve({ operated: { ...host, information: { version, pid, name, startedAt, backend } } });
    expect(codeOf(await command(url, 'daemon.reload'))).toBe('E_COMMAND');
    const control = { token: TOKEN, operator: pageOperator(host), log: () => undefined };
    const none = { statistics: () => [], pictures: () => [], all: [] };
    await expect(serveWeb({ host: '0.0.0.0', port: 0, token: READ, control, folder: FOLDER }, none)).rejects.toThrow(/unencrypted.*ssh -L/);
    await expect(serveWeb({ host: '127.0.0.1', port: 0, token: TOKEN, control, folder: FOLDER }, none)).rejects.toThrow(/are the same/);
  });
});

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => found(port));
    });
  });
}

test('a daemon gives control by its page to whoever has the token of a file, and says so in its log', async () => {
  const place = new DaemonPlace();
  try {
    writeFileSync(place.path('token'), TOKEN, { mode: 0o644 });
    writeFileSync(place.path('set-up.lua'), 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("a"):connect_output("b{0")):start()\n');
    const port = `${await freePort()}`;
    const words = ['--web', port, '--web-control', 'token', '--log-file', 'log', '-f', 'set-up.lua'];
    expect(await place.daemon(words)).toMatchObject({ code: 1, stderr: expect.stringContaining('[E_CONTROL_TOKEN]') as string });
    chmodSync(place.path('token'), 0o600);
    expect(await place.daemon(words)).toMatchObject({ code: 0, stderr: expect.stringContaining('with control for whoever shows the token') as string });
    const url = `http://127.0.0.1:${port}/`;
    expect((await command(url, 'engine.stop', { name: 'e0' }, { authorization: 'Bearer wrong' })).status).toBe(401);
    expect(resultOf(await command(url, 'engine.stop', { name: 'e0' }))).toBeNull();
    expect(resultOf(await command(url, 'daemon.reload'))).toMatchObject({ kept: ['e0'] });
    expect(resultOf(await command(url, 'daemon.shutdown'))).toBeNull();
    await until(() => place.files.length === 0);
    const name = userInfo().username;
    expect(place.log('log').flatMap(({ msg, level, engine }) => (/by the page|refused/.test(msg) ? [[level, engine, msg]] : []))).toEqual([
      ['warn', undefined, `the page refused control to 127.0.0.1, user ${name}: the token is wrong`],
      ['info', 'e0', `engine.stop, by the page, for 127.0.0.1, user ${name}`],
      ['info', undefined, `daemon.reload, by the page, for 127.0.0.1, user ${name}`],
      ['info', undefined, `daemon.shutdown, by the page, for 127.0.0.1, user ${name}`],
    ]);
  } finally {
    place.dispose();
  }
});

const inChromium = CHROMIUM === undefined ? describe.skip : describe;

inChromium(`control in Chromium${CHROMIUM === undefined ? ' (skipped: chromium is not installed)' : ''}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  async function open(url: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const page = await (await browser.newContext({ ...options, bypassCSP: options.colorScheme !== undefined })).newPage();
    await page.goto(url);
    await page.getByText('of 2 engines running').waitFor();
    return page;
  }

  const said = (page: Page, text: string | RegExp): Promise<void> => page.locator('#control-status').filter({ hasText: text }).waitFor();

  test('a page that is read only shows nothing of it, and says of an engine without bricks what to do', async () => {
    const page = await open(await serve({ control: false }));
    await page.getByText('Nothing was dropped.').waitFor();
    expect(await page.locator('#control *').count()).toBe(0);
    expect(await page.getByText(/Take control|Shut down/).count()).toBe(0);
    expect(await page.locator('#graphs').innerText()).toContain('no bricks. Link one and start the engine: pe:link(brick):start().');
    expect(await page.locator('#engines').innerText()).toMatch(/spare\s+no bricks.*Link one/);
    await page.context().close();
  });

  test('with the keyboard alone an engine is stopped, after a question, and started; reload and shutdown ask too; without the token there is nothing', async () => {
    const page = await open(await serve());
    const press = async (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).press('Enter');
    const focused = (): Promise<string | null> => page.evaluate(() => document.activeElement?.textContent ?? null);
    await page.getByLabel('Control token').focus();
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await said(page, 'The token is wrong.');
    expect(await page.getByRole('button', { name: /^(Stop|Start|Shut)/ }).filter({ hasText: 'e0' }).count()).toBe(0);
    await page.keyboard.type(TOKEN);
    await page.keyboard.press('Enter');
    await said(page, 'You have control.');
    expect(await focused()).toBe('Stop e0');
    // Escape, and the answer that has the focus at first, do nothing.
    for (const key of ['Escape', 'Enter']) {
      await press('Stop e0');
      await page.getByRole('dialog', { name: 'Stop engine e0?' }).waitFor();
      expect(await focused()).toBe('Cancel');
      await page.keyboard.press(key);
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      expect([isRunning(), await focused()]).toEqual([true, 'Stop e0']);
    }
    await press('Stop e0');
    await page.getByRole('dialog').getByRole('button', { name: 'Stop e0' }).press('Enter');
    await said(page, 'Engine e0 is stopped.');
    expect(isRunning()).toBe(false);
    await press('Start e0');
    await said(page, 'Engine e0 is running.');
    expect(isRunning()).toBe(true);
    expect(await page.getByRole('button', { name: /spare/ }).count()).toBe(0);
    for (const [name, yes, outcome] of [['Reload the script', 'Reload', 'Reloaded: 1 added, 0 changed, 0 removed, 1 kept.'], ['Shut down the daemon', 'Shut down', 'The daemon is shutting down.']]) {
      const before = [reloads, shutdowns];
      await press(name);
      await page.getByRole('dialog').waitFor();
      expect([reloads, shutdowns]).toEqual(before);
      await page.getByRole('dialog').getByRole('button', { name: yes, exact: true }).click();
      await said(page, outcome);
    }
    await until(() => shutdowns === 2);
    await press('Give up control');
    await said(page, 'Control was given up.');
    expect(await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length])).toEqual(['', 0, 0]);
    await page.context().close();
  });

  test('has no fault that axe knows, with the form, the buttons and the question, in both themes, wide and on a phone', async () => {
    const url = await serve();
    for (const [colorScheme, viewport] of [['light', { width: 1280, height: 900 }], ['dark', { width: 390, height: 844 }]] as const) {
      const page = await open(url, { colorScheme, viewport });
      expect(await faultsOf(page)).toEqual([]);
      await page.getByLabel('Control token').fill(TOKEN);
      await page.getByRole('button', { name: 'Take control' }).click();
      await page.getByRole('button', { name: 'Stop e0' }).click();
      await page.getByRole('dialog').waitFor();
      expect(await faultsOf(page)).toEqual([]);
      await page.context().close();
    }
  });
});
