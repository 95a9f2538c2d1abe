import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { attach } from 'packet-bricks/src/pipes';
import { Program, temporaryRunDirectory, until, Writers } from './processes';
import { describeNative } from './rings';

let removeDirectory: () => void;
beforeAll(() => (removeDirectory = temporaryRunDirectory()));
afterAll(() => removeDirectory());

/** The numbers that a reader printed, which must be without a gap; answers the last one's successor. */
function readUpTo(output: string, first: number): number {
  let next = first;
  for (const line of output.trim().split('\n').filter((text) => text !== '')) {
    const [from, to] = line.split(' ').map(Number);
    expect(from).toBe(next);
    next = to + 1;
  }
  return next;
}

async function takes(reader: Program, last: number, writers?: Writers): Promise<void> {
  await until(() => { writers?.refresh(); return reader.output.includes(` ${last}\n`); }, `packet ${last}; the reader said ${reader.output}${reader.errors}`);
}

describeNative('the process that owns a pipe', () => {
  test('may be a reader that is killed and started anew: the next one gets what its writer sent meanwhile', async () => {
    const first = new Program('engine-reader', 'owner}0');
    await first.says('opened');
    const writers = new Writers(['owner{0'], { keepUnread: 1 << 20 });
    writers.send(0, 10);
    await takes(first, 9);
    await first.kill();
    writers.send(0, 20);
    const second = new Program('engine-reader', 'owner}0');
    await second.says('opened');
    writers.send(0, 30);
    await takes(second, 59, writers);
    const [from] = second.output.split(' ').map(Number);
    expect(from === 0 || from === 10).toBe(true);
    expect(readUpTo(second.output, from)).toBe(60);
    await second.kill();
    // And any other program finds the pipe too.
    const reader = await attach('owner}0', { batchRows: 128, wait: true, signal: AbortSignal.timeout(10_000) });
    writers.send(0, 5);
    // With what the killed one may not have released.
    expect(reader.receive()).toBeGreaterThanOrEqual(5);
    expect(reader.batch.nanoseconds[reader.batch.count - 1]).toBe(64);
    reader.close();
    writers.close();
  });

  test("may be neither its writer's nor its reader's: when it goes, the next reader gets all that the same writer sends", async () => {
    // It owns the pipe for the other direction.
    const owner = new Program('engine-reader', 'third{0');
    await owner.says('opened');
    const writers = new Writers(['third{0'], { keepUnread: 1 << 20 });
    const first = new Program('reader', 'third}0');
    await first.says('attached');
    writers.send(0, 10);
    await takes(first, 9);
    await owner.kill();
    // It can't know who writes.
    expect(await first.exited).toBe(0);
    const second = new Program('reader', 'third}0');
    await second.says('attached');
    for (let batch = 0; batch < 10; batch++) {
      writers.send(0, 10);
      await takes(second, writers.sent() - 1);
    }
    await second.kill();
    writers.close();
  });

  test('may close its end and open it again at once: the same writer goes on', async () => {
    const reader = new Program('engine-reader', 'again}0');
    await reader.says('opened');
    const writers = new Writers(['again{0'], { keepUnread: 1 << 20 });
    let sent = 0;
    for (let round = 0; round < 20; round++) {
      writers.send(0, 10);
      sent += 10;
      await takes(reader, sent - 1);
      const opened = reader.errors.length;
      reader.child.stdin.write('again');
      await until(() => reader.errors.length > opened, `the reader, which said ${reader.errors}`);
    }
    writers.send(0, 10);
    await takes(reader, sent + 9);
    expect(readUpTo(reader.output, 0)).toBe(sent + 10);
    await reader.kill();
    writers.close();
  });

  test('may die unread: its writer counts what nobody reads once the ring is full', async () => {
    const owner = new Program('engine-reader', 'unread}0');
    await owner.says('opened');
    const writers = new Writers(['unread{0'], { keepUnread: 1 << 20 });
    writers.send(0, 1);
    await takes(owner, 0);
    await owner.kill();
    await until(() => {
      writers.send(0, 64);
      return (writers.drops().noReader ?? 0) > 0;
    }, 'packets without a reader');
    expect(writers.drops().ringFull ?? 0).toBe(0);
    writers.close();
  });

  test('does not use up a processor when it has no descriptors left, and lets readers in when it has some again', async () => {
    const child = spawn('sh', ['-c', 'ulimit -n 96; exec "$0" "$@"', process.execPath, join(__dirname, 'programs', 'full-writer.cjs'), 'full{0'], { stdio: ['pipe', 'pipe', 'inherit'], env: process.env });
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    await until(() => output.includes('EMFILE'), 'a program without descriptors');
    const reader = new Program('reader', 'full}0');
    await until(() => output.includes('percent'), `its time: ${output}`);
    await reader.kill();
    expect(Number(/(\d+) percent/.exec(output)?.[1])).toBeLessThan(30);
    child.stdin.write('free');
    await new Promise((resolve) => setTimeout(resolve, 300));
    (await attach('full}0')).close();
    child.kill();
  });
});
