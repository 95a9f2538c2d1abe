/** The page: who may see it, and what Chromium shows. */
import { chromium, type Browser, type Page } from 'playwright-core';
import { LoadBalancer, Filter, type PacketEngine } from 'packet-bricks';
import { serveWeb, type WebServer } from 'packet-bricks/src/observe/web-server';
import { pictureOf } from 'packet-bricks/src/picture/picture';
import { containerBricks } from 'packet-bricks/src/text';
import { closeEngines, flowPacket, injectAll, runningEngine } from '../support/loopback-engine';
import { CHROMIUM, FOLDER, ask, faultsOf } from './support';

const TOKEN = 'a-token-of-some-length';
let engine: PacketEngine;
const servers: WebServer[] = [];

async function serve(token?: string, host = '127.0.0.1'): Promise<WebServer> {
  const server = await serveWeb({ host, port: 0, token, folder: FOLDER }, {
    statistics: () => [engine.stats()], pictures: () => [pictureOf(engine.describeGraph(), containerBricks)], all: [engine],
  });
  servers.push(server);
  return server;
}

beforeAll(async () => {
  const balancer = new LoadBalancer().connectInput('eth0').connectOutput('lb{0', '<b>web{1');
  engine = await runningEngine(balancer.link(new Filter('tcp').connectInput('lb}0').connectOutput('eth1')), { whenFull: 'drop' });
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await closeEngines();
});

describe('the server of the page', () => {
  test('serves one page, read only, with a policy by which nothing comes from elsewhere', async () => {
    const { url } = await serve();
    const page = await ask(url);
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' } });
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; .*frame-ancestors 'none'$/);
    expect(page.body).not.toMatch(/https?:|<script>|\sstyle=|\son\w+=/);
    for (const path of ['page.js', 'page.css']) expect((await ask(`${url}${path}`)).status).toBe(200);
    expect(await ask(`${url}history?engine=none&name=x`)).toMatchObject({ status: 200, body: '{"times":[],"packets":[],"bits":[],"drops":[]}' });
    for (const path of ['nothing', '../package.json', '%2e%2e/bundle.cjs', 'login.html']) expect((await ask(`${url}${path}`)).status).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE']) expect(await ask(url, { method })).toMatchObject({ status: 405, headers: { allow: 'GET' } });
    expect(await ask(`${url}login`, { method: 'PUT' })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });

  test('answers no other site: neither one whose name was made to lead here, nor one in the same browser', async () => {
    const { url } = await serve();
    const { port } = new URL(url);
    for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example']) expect((await ask(url, { headers: { host } })).status).toBe(403);
    for (const host of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) expect((await ask(url, { headers: { host } })).status).toBe(200);
    for (const site of ['cross-site', 'same-site']) {
      expect((await ask(`${url}events`, { headers: { 'sec-fetch-site': site, 'sec-fetch-mode': 'cors' } })).status).toBe(403);
      expect((await ask(url, { headers: { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate' } })).status).toBe(200);
    }
  });

  test('asks for the token, once for each browser, and is not reached by others without one', async () => {
    await expect(serve(undefined, '0.0.0.0')).rejects.toThrow(expect.objectContaining({ code: 'E_WEB' }));
    const { url } = await serve(TOKEN);
    const before = await ask(url);
    expect(before).toMatchObject({ status: 401 });
    expect(before.body).toContain('name="token"');
    for (const path of ['events', 'tap', 'history', 'page.js']) expect((await ask(`${url}${path}`)).status).toBe(401);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await ask(`${url}login`, { method: 'POST', headers: form, body: 'token=wrong' })).toMatchObject({ status: 401 });
    expect((await ask(`${url}login`, { method: 'POST', headers: form, body: `token=${'x'.repeat(100_000)}` }).catch(() => ({ status: 401 }))).status).toBe(401);
    const { status, headers } = await ask(`${url}login`, { method: 'POST', headers: form, body: `token=${TOKEN}` });
    const [cookie] = headers['set-cookie'] ?? [''];
    expect([status, cookie]).toEqual([303, expect.stringMatching(/; HttpOnly; SameSite=Strict; Path=\/$/)]);
    expect((await ask(url, { headers: { cookie: cookie.split(';')[0] } })).body).toContain('Graph');
    expect((await ask(url, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
    expect((await ask(url, { headers: { authorization: 'Bearer no' } })).status).toBe(401);
  });

  test('says where it cannot be served', async () => {
    const { port } = new URL((await serve()).url);
    await expect(serveWeb({ host: '127.0.0.1', port: Number(port), folder: FOLDER }, { statistics: () => [], pictures: () => [], all: [] })).rejects.toThrow(/Cannot serve the page.*--web/);
  });
});

const inChromium = CHROMIUM === undefined ? describe.skip : describe;

inChromium(`the page in Chromium${CHROMIUM === undefined ? ' (skipped: chromium is not installed)' : ''}`, () => {
  let browser: Browser;
  let url: string;
  let timer: NodeJS.Timeout;
  let number = 0;
  beforeAll(async () => {
    ({ url } = await serve());
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] });
    timer = setInterval(() => void injectAll('eth0', Array.from({ length: 20 }, () => flowPacket(number % 30, number++))), 100);
  });
  afterAll(async () => {
    clearInterval(timer);
    await browser.close();
  });

  async function open(options: Parameters<Browser['newPage']>[0] = {}): Promise<{ readonly page: Page; readonly problems: string[] }> {
    const page = await browser.newPage(options);
    const problems: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (one) => {
      if (!one.url().startsWith(url) && !one.url().startsWith('data:')) problems.push(`request to ${one.url()}`);
    });
    await page.goto(url);
    await page.getByText('1 of 1 engines running').waitFor();
    return { page, problems };
  }

  test('shows live rates, drops in red with what to do, links and readers; names of links are text', async () => {
    const { page, problems } = await open();
    await page.waitForFunction(() => [...document.querySelectorAll('svg .label')].some(({ textContent }) => /^[1-9][\d.]*( k)?\/s$/.test(textContent ?? '')));
    await page.waitForFunction(() => document.querySelectorAll('svg .dropping').length > 0 && /had no reader\. Start one/.test(document.getElementById('drops')?.textContent ?? ''));
    const text = await page.locator('#links').innerText();
    for (const name of ['eth0', 'lb}0', '<b>web{1', 'eth1']) expect(text).toContain(name);
    expect(await page.locator('main b').count()).toBe(0);
    expect(await page.locator('#readers').innerText()).toMatch(/<b>web\{1\s+nobody/);
    expect(problems).toEqual([]);
    await page.close();
  });

  test('is used with the keyboard: a link is chosen, its chart is drawn, a tap begins and ends', async () => {
    const { page, problems } = await open();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the engines');
    await page.locator('svg [role="button"]').nth(1).focus();
    const title = await page.evaluate(() => document.activeElement?.getAttribute('aria-label')?.split(': ')[0]);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `Last ten minutes: ${title}` }).waitFor();
    await page.locator('#chart canvas').waitFor();
    await page.getByText(/packets\/s.*in \d+ min\./).waitFor();
    await page.locator('#tap-link').focus();
    await page.keyboard.type('eth1');
    await page.locator('#tap-filter').focus();
    await page.keyboard.type('tcp');
    await page.keyboard.press('Enter');
    await page.getByText(/eth1 \(Filter\[0\]\): IP6? .* TCP \[/).first().waitFor();
    await page.getByRole('button', { name: 'Stop' }).press('Enter');
    await page.getByText('Stopped.').waitFor();
    await page.locator('#tap-filter').fill('no such filter');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText(/The filter expression "no such filter".* is not valid/).waitFor();
    expect(problems).toEqual([]);
    await page.close();
  });

  test('has no fault that axe knows, in both themes, wide and on a phone, where nothing is wider than the screen', async () => {
    for (const [colorScheme, viewport] of [['light', { width: 1280, height: 900 }], ['dark', { width: 390, height: 844 }]] as const) {
      // Axe comes in by the test: the page's own policy would keep it out.
      const context = await browser.newContext({ colorScheme, viewport, bypassCSP: true });
      const page = await context.newPage();
      await page.goto(url);
      await page.getByText('1 of 1 engines running').waitFor();
      expect(await faultsOf(page)).toEqual([]);
      await context.close();
    }
  });

  test('keeps the theme that was chosen', async () => {
    const { page } = await open({ colorScheme: 'light' });
    const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await back();
    for (const theme of ['system', 'light']) await page.getByRole('button', { name: `Theme: ${theme}` }).click();
    const dark = await back();
    expect(dark).not.toBe(light);
    await page.reload();
    expect(await back()).toBe(dark);
    await page.close();
  });
});
