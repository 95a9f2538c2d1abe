'use strict';
/**
 * npm run screens [FOLDER]: makes pictures of everything that has a screen, to be looked at before a release: `bricks top` in terminals of 80 by 24 and
 * 200 by 50 (tmux), and the page in both themes, wide and as wide as a phone, also with control and a question of it (Debian's chromium). They show a daemon of its own, with made-up traffic, a pipe
 * that is read, and some that are not.
 */
const { spawn, execFileSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { mkdirSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:net');
const { tmpdir } = require('node:os');
const { dirname, join, resolve } = require('node:path');

const root = dirname(__dirname);
const program = (name) => join(root, 'dist', 'bundle', 'cli', `${name}.js`);
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const TERMINALS = [[80, 24], [200, 50]];
const WINDOWS = { wide: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
/** So long rates need to settle. */
const SETTLE_MILLISECONDS = 3000;
const PATIENCE_MILLISECONDS = 30_000;

const SET_UP = `
lb = Brick.new("LoadBalancer"):connect_input("eth0"):connect_output("lb{0", "lb{1", "ids{0", "ids{1")
tcp = Brick.new("Filter", "tcp"):connect_input("lb}0"):connect_output("tcp{0")
copies = Brick.new("Duplicator"):connect_input("lb}1"):connect_output("copy{0", "copy{1")
lb:link(tcp)
lb:link(copies)
PktEngine.new("balance"):link(lb):start()
PktEngine.new("spare")
`;

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function until(holds, what) {
  for (const start = Date.now(); !(await holds());) {
    if (Date.now() - start > PATIENCE_MILLISECONDS) throw new Error(`there is still no ${what}`);
    await pause(50);
  }
}

function freePort() {
  return new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

/** The daemon, and a reader of one of its pipes. */
async function startDaemon(folder, environment) {
  const port = await freePort();
  writeFileSync(join(folder, 'set-up.lua'), SET_UP);
  const token = randomBytes(16).toString('hex');
  writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
  const start = (name, words) => spawn(process.execPath, [program(name), ...words], { cwd: folder, env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  const daemon = start('bricks-server', [
    '--foreground', '--plugin', join(root, 'plugins', 'traffic-generator'), '--allow-plugin', 'bricks-plugin-traffic-generator', '--backend', 'traffic-generator', '-o', 'rate=20000', '--web', String(port), '--web-control', 'token', '-f', 'set-up.lua',
  ]);
  const url = `http://127.0.0.1:${port}/`;
  await until(() => fetch(url).then(({ ok }) => ok, () => false), 'page');
  const reader = start('bricks', ['attach', 'ids}0', '--count', '--no-wait']);
  return { url, token, end: () => Promise.all([reader, daemon].map((child) => new Promise((done) => child.once('close', done) && child.kill('SIGTERM')))) };
}

/** What top shows at first, of drops, and of its keys: as text, and with the codes of its colours. */
async function captureTop(folder, environment) {
  const server = `bricks-screens-${process.pid}`;
  const tmux = (...words) => execFileSync('tmux', ['-L', server, '-f', '/dev/null', ...words], { encoding: 'utf8', env: environment });
  const files = [];
  try {
    for (const [columns, rows] of TERMINALS) {
      const size = `${columns}x${rows}`;
      tmux('new-session', '-d', '-s', size, '-x', `${columns}`, '-y', `${rows}`, `"${process.execPath}" "${program('bricks')}" top`);
      await until(() => /balance +running +[<\d]/.test(tmux('capture-pane', '-p', '-t', size)), 'rate');
      for (const [view, key] of [['all', 'a'], ['drops', 'd'], ['help', 'h']]) {
        tmux('send-keys', '-t', size, key);
        await pause(SETTLE_MILLISECONDS);
        for (const [ending, more] of [['txt', []], ['ansi', ['-e']]]) {
          files.push(join(folder, `top-${size}-${view}.${ending}`));
          writeFileSync(files.at(-1), tmux('capture-pane', '-p', ...more, '-t', size));
        }
      }
    }
  } finally {
    try {
      tmux('kill-server');
    } catch {
      // It has ended with its last session.
    }
  }
  return files;
}

async function capturePage({ url, token }, folder) {
  const { chromium } = require('playwright-core');
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const files = [];
  try {
    for (const colorScheme of ['light', 'dark']) {
      for (const [name, viewport] of Object.entries(WINDOWS)) {
        const page = await browser.newPage({ viewport, colorScheme });
        await page.goto(url);
        await page.waitForSelector('svg .edge', { state: 'attached' });
        await page.waitForFunction(() => /running/.test(document.getElementById('status').textContent));
        await page.click('#tap-button');
        await page.waitForTimeout(SETTLE_MILLISECONDS);
        files.push(join(folder, `page-${colorScheme}-${name}.png`));
        await page.screenshot({ path: files.at(-1), fullPage: true });
        await page.fill('#control-token', token);
        await page.keyboard.press('Enter');
        await page.click('#control li button');
        await page.waitForSelector('dialog[open]');
        files.push(join(folder, `control-${colorScheme}-${name}.png`));
        await page.screenshot({ path: files.at(-1) });
        await page.close();
      }
    }
  } finally {
    await browser.close();
  }
  return files;
}

async function main(given) {
  const folder = resolve(given ?? mkdtempSync(join(tmpdir(), 'bricks-screens-')));
  mkdirSync(folder, { recursive: true });
  const place = mkdtempSync(join(tmpdir(), 'bricks-screens-daemon-'));
  const environment = { ...process.env, BRICKS_RUN_DIR: join(place, 'run') };
  let daemon;
  try {
    daemon = await startDaemon(place, environment);
    const files = [...await captureTop(folder, environment), ...await capturePage(daemon, folder)];
    process.stdout.write(`${files.join('\n')}\n`);
  } finally {
    await daemon?.end();
    rmSync(place, { recursive: true, force: true });
  }
}

main(process.argv[2]).catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
