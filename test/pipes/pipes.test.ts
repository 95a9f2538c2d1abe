import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SOURCE_ENDED } from 'packet-bricks/src/model/backend';
import { attach } from 'packet-bricks/src/pipes';
import { EngineReader, Program, temporaryRunDirectory, until, Writers } from './processes';
import { describeNative, native } from './rings';

let removeDirectory: () => void;
beforeAll(() => (removeDirectory = temporaryRunDirectory()));
afterAll(() => removeDirectory());

const socketDirectory = (): string => join(process.env['BRICKS_RUN_DIRECTORY'] ?? '', native?.networkNamespace() ?? '');

describeNative('a pipe between processes', () => {
  test('carries all packets in order to a reader that came first, and ends with the engine', async () => {
    const reader = new Program('reader', 'first}0');
    await reader.says('waiting');
    const writers = new Writers(['first{0']);
    await reader.says('attached');
    while (writers.sent() < 100_000) {
      writers.send();
      if (writers.drops().ringFull) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    writers.close();
    expect(await reader.exited).toBe(0);
    const batches = reader.output.trim().split('\n');
    expect(batches.pop()).toBe('end');
    let next = 0;
    for (const batch of batches) {
      const [first, last] = batch.split(' ').map(Number);
      expect(first).toBe(next);
      next = last + 1;
    }
    expect(next).toBe(writers.sent());
  });

  test('carries packets the other way too, from the end with } to the end with {', async () => {
    const writers = new Writers(['reverse}0']);
    const reader = await attach('reverse{0');
    writers.send(0, 3);
    expect(reader.receive()).toBe(3);
    reader.close();
    writers.close();
  });

  test('refuses a second reader, and says who reads', async () => {
    const writers = new Writers(['second{0']);
    const reader = new Program('reader', 'second}0');
    await reader.says('attached');
    await expect(attach('second}0')).rejects.toMatchObject({ code: 'E_PIPE_BUSY', message: expect.stringContaining(`read by process ${reader.child.pid}`) as unknown });
    await reader.kill();
    const next = await attach('second}0');
    next.close();
    writers.close();
  });

  test('refuses a second writer, and says who writes', async () => {
    const writers = new Writers(['writers{0']);
    const other = new Program('writer', 'writers{0', '1');
    await other.exited;
    expect(other.output).toContain(`E_PIPE_BUSY writers{0 is busy: written by process ${process.pid}`);
    expect(() => new Writers(['writers{0'])).toThrow(/written by this process/);
    writers.close();
  });

  test('says that nobody has opened it, unless it is to wait; waiting can be given up', async () => {
    await expect(attach('absent}0')).rejects.toMatchObject({ code: 'E_PIPE_ABSENT' });
    const abort = new AbortController();
    const waiting = attach('absent}0', { wait: true, signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    await expect(waiting).rejects.toThrow(/abort/);
  });

  test('keeps what was written for its reader when the writer is killed, and can be opened anew', async () => {
    const writer = new Program('writer', 'death{0', '1000', 'keep');
    await writer.says('written');
    const reader = await attach('death}0', { batchRows: 64 });
    expect(reader.receive()).toBe(64);
    await writer.kill();
    let count = 64;
    for (let batch = await reader.next(); batch; batch = await reader.next()) count += batch.count;
    expect(count).toBe(1000);
    reader.close();
    const writers = new Writers(['death{0'], { keepUnread: 4096 });
    writers.send(0, 1);
    expect(writers.sent()).toBe(1);
    writers.close();
  });

  test('wakes a reader that sleeps when its writer is killed', async () => {
    const writer = new Program('writer', 'sleep{0', '0');
    await writer.says('written');
    const reader = await attach('sleep}0');
    const next = reader.next();
    await writer.kill();
    expect(await next).toBeUndefined();
    reader.close();
  });

  test('gives up a sleeping reader when it is aborted, and is free then', async () => {
    const writers = new Writers(['abort{0']);
    const abort = new AbortController();
    const reader = await attach('abort}0', { signal: abort.signal });
    const next = reader.next();
    abort.abort();
    expect(await next).toBeUndefined();
    (await attach('abort}0')).close();
    writers.close();
  });

  test('loses nothing of what its readers had not released, however often they are killed', async () => {
    const outputs = [0, 1, 2, 3];
    const writers = new Writers(outputs.map((output) => `killed{${output}`), { ringSize: 65536, keepUnread: 65536 });
    let writing = true;
    const write = (async (): Promise<void> => {
      while (writing) {
        for (const output of outputs) writers.send(output, 20);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    const seen = await Promise.all(outputs.map(async (output) => {
      const reports: string[] = [];
      for (let kill = 0; kill < 50; kill++) {
        const reader = new Program('reader', `killed}${output}`);
        await until(() => reader.output.includes('\n'), `packets: ${reader.errors}`);
        await new Promise((resolve) => setTimeout(resolve, (kill * 7) % 23));
        await reader.kill();
        reports.push(reader.output);
      }
      return reports;
    }));
    writing = false;
    await write;
    for (const output of outputs) {
      let next = 0;
      for (const report of seen[output]) {
        report.split('\n').slice(0, -1).forEach((batch, index) => {
          const [first, last] = batch.split(' ').map(Number);
          // Only what was not released comes again, and only to a new reader; nothing is left out.
          if (index === 0) expect(first).toBeLessThanOrEqual(next);
          else expect(first).toBe(next);
          next = last + 1;
        });
      }
      const reader = await attach(`killed}${output}`);
      let last = next;
      while (reader.receive() > 0) last = reader.batch.nanoseconds[reader.batch.count - 1] + 1;
      expect(last).toBe(writers.sent(output));
      reader.close();
    }
    writers.close();
  }, 240_000);

  test('works by the thousand', async () => {
    const links = Array.from({ length: 1000 }, (_, output) => `many{${output}`);
    const writers = new Writers(links, { keepUnread: 4096 });
    for (let output = 0; output < 1000; output++) writers.send(output, 1 + (output % 5));
    for (let output = 0; output < 1000; output += 111) {
      const reader = await attach(`many}${output}`);
      expect(reader.receive()).toBe(1 + (output % 5));
      reader.close();
    }
    writers.close();
    expect(readdirSync(socketDirectory()).filter((name) => name.startsWith('many'))).toEqual([]);
  });

  test('is for its owner alone: nobody else can reach the sockets', () => {
    const writers = new Writers(['private{0']);
    expect(statSync(socketDirectory()).mode & 0o777).toBe(0o700);
    expect(statSync(join(socketDirectory(), 'private{0.sock')).mode & 0o777).toBe(0o600);
    writers.close();
    expect(existsSync(join(socketDirectory(), 'private{0.sock'))).toBe(false);
  });
});

describe('a pipe between two engines of one process', () => {
  test('carries packets, tells its end, and is free again', () => {
    for (let round = 0; round < 3; round++) {
      const reader = new EngineReader('inside}0');
      const writers = new Writers(['inside{0']);
      expect(reader.port.receive()).toBe(0);
      writers.send(0, 5);
      expect(reader.port.receive()).toBe(5);
      reader.port.release();
      writers.send(0, 2);
      writers.close();
      expect(reader.port.receive()).toBe(2);
      expect(reader.port.receive()).toBe(SOURCE_ENDED);
      reader.close();
    }
  });

  test('wakes the engine that waits for it', () => {
    if (!native) return;
    const reader = new EngineReader('wake}0');
    const writers = new Writers(['wake{0']);
    const descriptors = Int32Array.of(reader.port.descriptor);
    expect(reader.port.receive()).toBe(0);
    expect(native.waitReadable(descriptors, 1, 1000)).toBe(0);
    writers.send(0, 1);
    expect(native.waitReadable(descriptors, 1, 1_000_000)).toBe(1);
    expect(reader.port.receive()).toBe(1);
    expect(native.waitReadable(descriptors, 1, 0)).toBe(0);
    writers.close();
    reader.close();
  });

  test('counts all packets that nobody reads, but for those that are to stay', () => {
    for (const [keepUnread, kept] of [[0, 0], [2000, 25], [4096, 51], [1 << 20, 51]]) {
      const writers = new Writers(['unread{0'], { ringSize: 4096, keepUnread });
      for (let round = 0; round < 3; round++) writers.send(0, 64);
      expect([writers.sent(), writers.drops()]).toEqual([kept, { noReader: 192 - kept }]);
      const reader = new EngineReader('unread}0');
      expect(reader.port.receive()).toBe(kept);
      writers.send(0, 1);
      writers.close();
      reader.close();
    }
  });

  test('gives a new reader nothing of what the one before it left, and counts that', () => {
    const writers = new Writers(['left{0']);
    const first = new EngineReader('left}0');
    writers.send(0, 20);
    expect(first.port.receive()).toBe(20);
    first.close();
    writers.send(0, 5);
    const second = new EngineReader('left}0');
    writers.send(0, 7);
    expect(second.port.receive()).toBe(7);
    expect([writers.sent(), writers.drops()]).toEqual([7, { noReader: 25 }]);
    writers.close();
    second.close();
  });
});

if (process.platform === 'linux' && native) {
  test('a pipe\'s memory is reserved at once and can not be shrunk', () => {
    const writers = new Writers(['sealed{0'], { ringSize: 1 << 20 });
    const maps = readFileSync('/proc/self/maps', 'utf8');
    expect(maps).toContain('memfd:bricks sealed{0.sock');
    writers.close();
  });
}
