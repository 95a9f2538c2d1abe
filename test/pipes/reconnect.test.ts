/** Readers that take their pipe up again when its writer is gone and another one comes. */
import fc from 'fast-check';
import { attach, type PipeReader } from 'packet-bricks/src/pipes';
import { Program, temporaryRunDirectory, until, Writers } from './processes';
import { describeNative } from './rings';

let removeDirectory: () => void;
beforeAll(() => (removeDirectory = temporaryRunDirectory()));
afterAll(() => removeDirectory());

/** A reader that runs along, and takes note of all numbers that it reads, and of what happens to its pipe. */
class Follower {
  readonly numbers: number[] = [];
  readonly events: string[] = [];
  private readonly ending = new AbortController();
  private running: Promise<void> | undefined;
  reader: PipeReader | undefined;

  constructor(private readonly link: string) {}

  async start(): Promise<this> {
    this.reader = await attach(this.link, {
      wait: true, reconnect: true, signal: this.ending.signal,
      onWriterGone: ({ text }, how) => this.events.push(`${text} ${how}`), onReconnected: () => this.events.push('again'),
    });
    this.running = this.follow(this.reader);
    return this;
  }

  private async follow(reader: PipeReader): Promise<void> {
    for await (const batch of reader) this.numbers.push(...batch.nanoseconds.subarray(0, batch.count));
  }

  has(count: number): Promise<void> {
    return until(() => this.numbers.length >= count, `${count} packets; there are ${this.numbers.length}`);
  }

  tells(...events: string[]): Promise<void> {
    return until(() => this.events.join() === events.join(), `${events.join()}; it said ${this.events.join()}`);
  }

  async end(): Promise<void> {
    this.ending.abort();
    await this.running;
  }
}

const upTo = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, index) => first + index);

describeNative('a reader that reconnects', () => {
  test('goes on with the next writer, from its first packet on', async () => {
    const starting = new Follower('again}0').start();
    let writers = new Writers(['again{0']);
    const follower = await starting;
    const { batch } = follower.reader as PipeReader;
    await writers.read();
    writers.send(0, 10);
    for (let round = 1; round <= 3; round++) {
      writers.close();
      await until(() => follower.events.length === 2 * round - 1, 'the end of the writer');
      writers = new Writers(['again{0']);
      writers.send(0, 10);
      await follower.has(10 * (round + 1));
      expect(writers.drops()).toEqual({});
    }
    await follower.end();
    expect(follower.numbers).toEqual([...upTo(0, 10), ...upTo(0, 10), ...upTo(0, 10), ...upTo(0, 10)]);
    expect(follower.events.join()).toBe('again}0 closed,again,again}0 closed,again,again}0 closed,again');
    expect(follower.reader?.batch).toBe(batch);
    expect(follower.reader?.packets).toBe(40);
    writers.close();
  });

  test('does so after one that was killed', async () => {
    const first = new Program('writer', 'slain{0', '5', 'keep');
    await first.says('written');
    const follower = await new Follower('slain}0').start();
    await follower.has(5);
    await first.kill();
    await follower.tells('slain}0 killed');
    const second = new Program('writer', 'slain{0', '7', 'keep');
    await follower.has(12);
    await follower.end();
    expect(follower.numbers).toEqual([...upTo(0, 5), ...upTo(0, 7)]);
    await second.kill();
  });

  test('loses and doubles nothing where the owner of the pipe is killed and its writer goes on', async () => {
    // It owns the pipe by its other direction.
    const owner = new Program('engine-reader', 'owned{0');
    await owner.says('opened');
    const writers = new Writers(['owned{0'], { keepUnread: 1 << 20 });
    const follower = await new Follower('owned}0').start();
    writers.send(0, 20);
    await follower.has(20);
    await owner.kill();
    await until(() => follower.events.includes('owned}0 killed'), 'the end of the owner');
    for (let round = 0; round < 5; round++) writers.send(0, 20);
    await follower.has(120);
    await follower.end();
    expect(follower.numbers).toEqual(upTo(0, 120));
    expect([writers.sent(), writers.drops()]).toEqual([120, {}]);
    writers.close();
  });

  test('has what the next writer sends before it is there counted by that writer', async () => {
    const reader = await (async () => {
      const writers = new Writers(['gap{0']);
      const attached = await attach('gap}0', { reconnect: true });
      writers.send(0, 64);
      writers.close();
      return attached;
    })();
    // It has not even read what was left, so that it does not wait for a writer yet.
    const writers = new Writers(['gap{0']);
    writers.send(0, 30);
    expect([writers.sent(), writers.drops()]).toEqual([0, { noReader: 30 }]);
    expect((await reader.next())?.count).toBe(64);
    const next = reader.next();
    await writers.read();
    writers.send(0, 12);
    expect((await next)?.count).toBe(12);
    expect([writers.sent(), writers.drops()]).toEqual([12, { noReader: 30 }]);
    reader.close();
    writers.close();
  });

  test('ends when it is closed or told to, also while it waits', async () => {
    for (const end of ['close', 'abort'] as const) {
      const writers = new Writers([`ends-${end}{0`]);
      const ending = new AbortController();
      const told: string[] = [];
      const reader = await attach(`ends-${end}}0`, { reconnect: true, signal: ending.signal, onWriterGone: () => told.push('gone') });
      writers.close();
      const next = reader.next();
      await until(() => told.length === 1, 'the end of the writer');
      if (end === 'close') reader.close();
      else ending.abort();
      expect(await next).toBeUndefined();
      expect(reader.ended).toBe(true);
    }
  });

  test('says so where another reader has taken the pipe meanwhile', async () => {
    const first = new Writers(['taken{0']);
    const reader = await attach('taken}0', { reconnect: true });
    first.close();
    const second = new Writers(['taken{0']);
    const other = await attach('taken}0');
    await expect(reader.next()).rejects.toThrow(/taken\}0 is busy: read by this process\./);
    reader.close();
    other.close();
    second.close();
  });

  test('whatever writers come and go: what they count as sent is what it reads', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 64 }), { minLength: 1, maxLength: 6 }), async (rounds) => {
      const starting = new Follower('any}0').start();
      let sent = 0;
      let follower: Follower | undefined;
      for (const [round, packets] of rounds.entries()) {
        const writers = new Writers(['any{0']);
        if (!follower) follower = await starting;
        if (packets % 2 === 0) await writers.read();
        writers.send(0, packets);
        sent += packets;
        await follower.has(sent);
        // One that ends before an expected reader is there would take its packets along; engines wait for such.
        await until(() => follower?.events.length === 2 * round, 'the reader');
        expect(writers.drops()).toEqual({});
        writers.close();
        await until(() => follower?.events.length === 2 * round + 1, 'the end of the writer');
      }
      await follower?.end();
      expect(follower?.numbers.length).toBe(sent);
    }), { numRuns: 5 });
  });
});
