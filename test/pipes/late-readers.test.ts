/** What a reader of a pipe gets first, and that nothing is counted twice or not at all by it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Merge, PacketEngine } from 'packet-bricks';
import { attach, type PipeReader } from 'packet-bricks/src/pipes';
import { Program, temporaryRunDirectory, until, Writers } from './processes';
import { describeNative } from './rings';
import { suspend } from '../support/suspend';
import { writeCapture } from '../support/write-capture';

let removeDirectory: () => void;
beforeAll(() => (removeDirectory = temporaryRunDirectory()));
afterAll(() => removeDirectory());

/** The numbers of the packets that wait for the reader. */
function numbers(reader: PipeReader): number[] {
  const taken: number[] = [];
  while (reader.receive() > 0) taken.push(...reader.batch.nanoseconds.subarray(0, reader.batch.count));
  reader.release();
  return taken;
}

/** Of a thread of this process; nothing where it has ended meanwhile. */
function nameOf(thread: string): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trimEnd();
  } catch {
    return '';
  }
}

const upTo = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, index) => first + index);

describeNative('a reader of a pipe', () => {
  test('that comes late gets what comes from then on; the rest was read by nobody, and is counted so', async () => {
    const writers = new Writers(['late{0']);
    for (let round = 0; round < 10; round++) writers.send(0, 64);
    expect([writers.sent(), writers.drops()]).toEqual([0, { noReader: 640 }]);
    const reader = await attach('late}0');
    expect(numbers(reader)).toEqual([]);
    writers.send(0, 10);
    expect(numbers(reader)).toEqual(upTo(0, 10));
    expect([writers.sent(), writers.drops()]).toEqual([10, { noReader: 640 }]);
    reader.close();
    writers.close();
  });

  test('that waits before the writer comes gets everything from the first packet on', async () => {
    const names = upTo(0, 8).map((pipe) => `early{${pipe}`);
    const waiting = names.map((name) => {
      const told: { waits: boolean } = { waits: false };
      return { told, reader: attach(name.replace('{', '}'), { wait: true, onWaiting: () => { told.waits = true; } }) };
    });
    await until(() => waiting.every(({ told }) => told.waits), 'readers that wait');
    const writers = new Writers(names);
    // At once: none of them can have attached yet.
    names.forEach((_, output) => writers.send(output, 5 + output));
    for (const [output, { reader }] of waiting.entries()) {
      const attached = await reader;
      writers.send(output, 3);
      expect(numbers(attached)).toEqual(upTo(0, 8 + output));
      expect(writers.drops(output)).toEqual({});
      attached.close();
    }
    writers.close();
  });

  test('in another process too; and one that goes while it waits leaves nothing that is taken for a reader', async () => {
    const program = new Program('reader', 'process}0');
    const goes = new Program('reader', 'process}1');
    await Promise.all([program.says('waiting'), goes.says('waiting')]);
    await goes.kill();
    const writers = new Writers(['process{0', 'process{1']);
    writers.send(0, 20);
    writers.send(1, 20);
    await until(() => program.output.includes(' 19\n'), `packets: ${program.output}`);
    expect(program.output.startsWith('0 ')).toBe(true);
    expect([writers.drops(0), writers.drops(1)]).toEqual([{}, { noReader: 20 }]);
    writers.close();
    expect(await program.exited).toBe(0);
  });

  test('in another process gets everything too where its writer\'s engine has ended before it could attach', async () => {
    const directory = process.env['BRICKS_RUN_DIRECTORY'] as string;
    const capture = writeCapture(join(directory, 'ends.pcap'), upTo(0, 20).map((number) => ({ bytes: Uint8Array.of(0, 0, 0, number, ...new Uint8Array(56)) })));
    const reader = new Program('reader', 'ends}0');
    await reader.says('waiting');
    await suspend(reader.child);
    const engine = new PacketEngine('soon ended', { backend: 'loopback' });
    await engine.link(new Merge().connectInput(capture).connectOutput('ends{0'));
    await engine.start();
    await engine.finished();
    const closed = engine.unlink();
    const threads = (): string[] => readdirSync('/proc/self/task').map((thread) => nameOf(thread));
    await until(() => !threads().includes('soon ended'), 'the end of the engine\'s thread');
    reader.child.kill('SIGCONT');
    await closed;
    expect(await reader.exited).toBe(0);
    expect(reader.output).toBe('0 19\nend\n');
    const { packets, drops } = engine.stats();
    expect({ packets, drops }).toEqual({ packets: 20, drops: 0 });
  });

  test('after one that was killed gets what comes from then on, or with `all` everything still there', async () => {
    const writers = new Writers(['killed{0']);
    const leave = async (packets: number): Promise<void> => {
      const reader = new Program('sleeper', 'killed}0');
      await reader.says('attached');
      writers.send(0, packets);
      await reader.kill();
      await until(() => { writers.send(0, 1); return (writers.drops().noReader ?? 0) > 0; }, 'no reader');
    };
    await leave(20);
    const left = writers.sent();
    const first = await attach('killed}0', { all: true });
    expect(numbers(first)).toEqual(upTo(0, left));
    first.close();
    const unread = writers.drops().noReader ?? 0;
    const reader = new Program('sleeper', 'killed}0');
    await reader.says('attached');
    writers.send(0, 30);
    await reader.kill();
    const second = await attach('killed}0', { wait: true });
    expect(numbers(second)).toEqual([]);
    writers.send(0, 5);
    expect(numbers(second)).toHaveLength(5);
    expect(writers.sent()).toBe(left + 5);
    expect(writers.drops().noReader).toBe(unread + 30);
    second.close();
    writers.close();
  });

  test('gets the oldest of what is to stay while nobody reads', async () => {
    const writers = new Writers(['stays{0'], { keepUnread: 800 });
    writers.send(0, 64);
    const reader = await attach('stays}0');
    writers.send(0, 2);
    expect(numbers(reader)).toEqual(upTo(0, 12));
    expect(writers.drops()).toEqual({ noReader: 54 });
    reader.close();
    writers.close();
  });

  test('is told whether the writer has closed the pipe or was killed', async () => {
    for (const [end, kill] of [['closed', false], ['killed', true]] as const) {
      const writer = new Program('writer', `end{${end}`, '5', 'keep');
      await writer.says('written');
      const reader = await attach(`end}${end}`);
      expect(reader.writer).toBe('open');
      if (kill) await writer.kill();
      else writer.child.stdin.write('close');
      const taken: number[] = [];
      for (let batch = await reader.next(); batch; batch = await reader.next()) taken.push(batch.count);
      expect(taken).toEqual([5]);
      expect(reader.writer).toBe(end);
      reader.close();
    }
  });
});

describeNative('a writer whose pipe\'s owner was killed', () => {
  test('joins the next reader, though that came first and made the pipe anew', async () => {
    for (const keepUnread of [0, 1 << 20]) {
      const owner = new Program('engine-reader', 'joined}0');
      await owner.says('opened');
      const writer = new Program('ticking-writer', 'joined{0', String(keepUnread));
      await until(() => owner.output !== '', 'packets');
      // It learns of its owner's end only when the next one has the pipe.
      await suspend(writer.child);
      await owner.kill();
      const next = new Program('engine-reader', 'joined}0');
      await next.says('opened');
      writer.child.kill('SIGCONT');
      await until(() => next.output !== '', 'packets from the writer that was left');
      writer.child.stdin.write('close');
      await writer.exited;
      const { sent, drops } = JSON.parse(writer.output) as { sent: number; drops: Record<string, number> };
      const last = sent + Object.values(drops).reduce((sum, count) => sum + count, 0) - 1;
      await until(() => next.output.includes(` ${last}\n`), `the last packet, ${last}: ${next.output.slice(-100)}`);
      const taken = (text: string): number => text.trim().split('\n').reduce((sum, line) => { const [from, to] = line.split(' ').map(Number); return sum + to - from + 1; }, 0);
      // What the killed one had printed but not released comes again where it is to stay.
      if (keepUnread === 0) expect(taken(owner.output) + taken(next.output)).toBeGreaterThanOrEqual(sent);
      else expect(Object.keys(drops)).toEqual([]);
      await next.kill();
    }
  });

  test('joins it while it has nothing to send, and brings it what is unread', async () => {
    const owner = new Program('engine-reader', 'idle}0');
    await owner.says('opened');
    const writer = new Program('idle-writer', 'idle{0', String(1 << 20));
    await writer.says('opened');
    await suspend(owner.child);
    writer.child.stdin.write('send');
    await writer.says('written');
    await suspend(writer.child);
    await owner.kill();
    const next = new Program('engine-reader', 'idle}0');
    await next.says('opened');
    writer.child.kill('SIGCONT');
    await until(() => next.output.includes(' 19\n'), 'what was unread');
    writer.child.stdin.write('close');
    await writer.exited;
    expect(JSON.parse(writer.output)).toEqual({ sent: 20, drops: {} });
    await next.kill();
  });
});
