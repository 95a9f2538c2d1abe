import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attach } from 'packet-bricks/src/pipes';
import { Writers } from './processes';
import { describeNative, native } from './rings';

const hasNamespaces = spawnSync('unshare', ['--net', 'true']).status === 0;

let base: string;
let run: string;
const before = process.env['BRICKS_RUN_DIRECTORY'];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'bricks-directory-'));
  run = join(base, 'run');
  process.env['BRICKS_RUN_DIRECTORY'] = run;
});
afterEach(() => {
  if (before === undefined) delete process.env['BRICKS_RUN_DIRECTORY'];
  else process.env['BRICKS_RUN_DIRECTORY'] = before;
  rmSync(base, { recursive: true, force: true });
});

async function expectRefused(): Promise<void> {
  const refusal = expect.objectContaining({ code: 'E_PIPE_DIRECTORY' }) as Error;
  expect(() => new Writers(['place{0'])).toThrow(refusal);
  await expect(attach('place}0')).rejects.toMatchObject({ code: 'E_PIPE_DIRECTORY' });
}

describeNative('the directory of pipes', () => {
  const inner = (): string => join(run, native?.networkNamespace() ?? '');
  const asRoot = process.getuid?.() === 0 ? test : test.skip;

  test('is made where it is missing, and may be named by a link', async () => {
    mkdirSync(join(base, 'real'), { mode: 0o700 });
    symlinkSync(join(base, 'real'), run);
    const writers = new Writers(['place{0']);
    (await attach('place}0')).close();
    writers.close();
  });

  test('is refused where others may write to the one it lies in', async () => {
    mkdirSync(inner(), { recursive: true, mode: 0o700 });
    chmodSync(run, 0o777);
    await expectRefused();
    chmodSync(run, 0o770);
    await expectRefused();
  });

  asRoot('is refused where the one it lies in is another user\'s', async () => {
    mkdirSync(inner(), { recursive: true, mode: 0o700 });
    chownSync(run, 65534, 65534);
    await expectRefused();
    chmodSync(run, 0o1777);
    await expectRefused();
  });

  test('does not make who opens a pipe wait for ever where a suspended process has it locked: the error names that process', async () => {
    new Writers(['place{0']).close();
    mkdirSync(inner(), { recursive: true, mode: 0o700 });
    const lock = spawn('flock', [inner(), 'sh', '-c', 'echo locked; exec sleep 1000']);
    const ended = new Promise((resolve) => { lock.once('exit', resolve); });
    try {
      await new Promise((resolve) => { lock.stdout.once('data', resolve); });
      const refusal = expect.objectContaining({ code: 'E_PIPE_BUSY', message: expect.stringContaining(`place{0: process ${lock.pid} is opening a pipe of this directory and does not go on.`) as string }) as Error;
      expect(() => new Writers(['place{0'])).toThrow(refusal);
    } finally {
      execFileSync('pkill', ['-P', String(lock.pid)]);
      await ended;
    }
    new Writers(['place{0']).close();
  });

  (hasNamespaces ? asRoot : test.skip)('tells of a pipe of the same name in another network namespace', async () => {
    const writer = spawn('unshare', ['--net', process.execPath, join(__dirname, 'programs', 'writer.cjs'), 'place{0', '1'], { env: process.env });
    try {
      await new Promise((resolve) => writer.stdout.once('data', resolve));
      await expect(attach('place}0')).rejects.toThrow(/in this network namespace; there is one of that name in another/);
      await expect(attach('place}1')).rejects.toThrow(/pipe place}1\. Start the engine/);
      const waiting = new AbortController();
      const told = new Promise((resolve) => {
        attach('place}0', { wait: true, signal: waiting.signal, onWaiting: resolve }).catch(() => undefined);
      });
      expect(await told).toBe(true);
      waiting.abort();
    } finally {
      writer.stdin.end('close');
      await new Promise((resolve) => writer.once('close', resolve));
    }
  });

  test('is refused where it is a link to another place', async () => {
    mkdirSync(join(base, 'elsewhere'), { mode: 0o700 });
    mkdirSync(run, { mode: 0o700 });
    symlinkSync(join(base, 'elsewhere'), inner());
    await expectRefused();
  });

  asRoot('may lie in root\'s own that all may write to but not take from', () => {
    mkdirSync(run);
    chmodSync(run, 0o1777);
    new Writers(['place{0']).close();
  });
});
