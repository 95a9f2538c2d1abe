import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Merge } from 'packet-bricks';
import { attach } from 'packet-bricks/src/pipes';
import { CommandEvent, Waiter } from 'packet-bricks/src/native/system';
import { closeEngines, loopback, newEngine, runningEngine } from '../support/loopback-engine';
import { numberedPacket, describeNative, native } from './rings';
import { temporaryRunDirectory } from './processes';

let removeDirectory: () => void;
let directory: string;
beforeAll(() => {
  removeDirectory = temporaryRunDirectory();
  directory = mkdtempSync(join(tmpdir(), 'bricks-idle-'));
});
afterAll(() => {
  removeDirectory();
  rmSync(directory, { recursive: true, force: true });
});
afterEach(closeEngines);

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What this process, with its engines, takes of a processor. */
async function percentOfProcessor(): Promise<number> {
  await sleep(300);
  const before = process.cpuUsage();
  const begin = performance.now();
  await sleep(700);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 10 / (performance.now() - begin);
}

describeNative('an engine that has nothing to do', () => {
  test('meets its first packets with code that V8 need not give up for them', () => {
    const trace = join(directory, 'trace');
    const words = ['--trace-deopt', '--redirect-code-traces', `--redirect-code-traces-to=${trace}`, join(__dirname, 'programs', 'first-packets.cjs'), trace];
    const run = (): unknown => {
      const { stdout } = spawnSync(process.execPath, words, { env: process.env, encoding: 'utf8', timeout: 60_000 });
      // V8 writes of its end to standard output too.
      const [answer] = stdout.split('\n').filter((line) => line.startsWith('{'));
      return JSON.parse(answer);
    };
    // On a busy machine V8's compiler may get its CPU too late. An engine that gives up code gives it up each time.
    const runs = [run()];
    while (runs.length < 3 && !isDeepStrictEqual(runs[0], { packets: 200, given: [] })) runs.unshift(run());
    expect(runs[0]).toEqual({ packets: 200, given: [] });
  }, 120_000);

  test('rests when one of its pipes has ended, and still takes what comes by the other', async () => {
    const ending = await runningEngine(new Merge().connectInput('ia').connectOutput('ending{0'));
    await runningEngine(new Merge().connectInput('ib').connectOutput('idle{0'));
    await runningEngine(new Merge().connectInput('ending}0', 'idle}0').connectOutput('rested{0'));
    const reader = await attach('rested}0');
    await ending.stop();
    await ending.unlink();
    expect(await percentOfProcessor()).toBeLessThan(25);
    loopback.inject('ib', numberedPacket(1, 60).bytes);
    expect((await reader.next())?.count).toBe(1);
    reader.close();
  });

  test('rests when one of its FIFOs has ended', async () => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const empty = Buffer.alloc(24);
    [0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1].forEach((word, index) => empty.writeUInt32LE(word, index * 4));
    await runningEngine(new Merge().connectInput('ic').connectOutput('quiet{0'));
    const engine = newEngine();
    const writer = spawn('sh', ['-c', 'cat > "$0"', fifo]);
    writer.stdin.end(empty);
    await engine.link(new Merge().connectInput(`file:${fifo}`, 'quiet}0').connectOutput('out'));
    await engine.start();
    expect(await percentOfProcessor()).toBeLessThan(25);
  });
});

describeNative('waiting for sources', () => {
  const control = new Int32Array(new SharedArrayBuffer(4));

  function waited(source: { port: { descriptor: number; nextDue?(): number }; ended: boolean }): number {
    const waiter = new Waiter([source], control, 0);
    const begin = performance.now();
    waiter.wait(30_000);
    return performance.now() - begin;
  }

  test('does not look at those that have ended, nor at those whose packets are not due', () => {
    const [readable, writable] = native?.eventCreate() ?? [-1, -1];
    native?.eventSignal(writable);
    expect(waited({ port: { descriptor: readable }, ended: false })).toBeLessThan(20);
    expect(waited({ port: { descriptor: readable, nextDue: () => Infinity }, ended: false })).toBeLessThan(20);
    expect(waited({ port: { descriptor: readable }, ended: true })).toBeGreaterThan(25);
    expect(waited({ port: { descriptor: readable, nextDue: () => 30 }, ended: false })).toBeGreaterThan(25);
    native?.eventClose(readable, writable);
  });

  test('ends with a command, which is heard once', () => {
    const commands = new CommandEvent();
    const [readable, writable] = native?.eventCreate() ?? [-1, -1];
    const waiter = new Waiter([{ port: { descriptor: readable }, ended: false }], control, 0, commands.descriptor);
    const heard = (): boolean => native?.waitReadable(Int32Array.of(commands.descriptor), 1, 0) === 1;
    commands.signal();
    waiter.wait(3_600_000_000);
    Atomics.add(control, 0, 1);
    expect(heard()).toBe(true);
    waiter.wait(3_600_000_000);
    expect(heard()).toBe(false);
    commands.close();
    native?.eventClose(readable, writable);
  });
});
