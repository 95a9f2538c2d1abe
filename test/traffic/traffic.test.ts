import {
  COLUMN_NAMES, DiscardingSinks, LINK_BYTES, LINK_PACKETS, PACE_OPTIONS, PacedSource, Popularity, Random, SOURCE_ENDED, createPacketBatch, mixedWord, parseLinkName, type Backend, type PaceOptions, type PacketMaker,
  type SinkRequest, type SourceRequest,
} from 'packet-bricks';
import { TestSource } from 'packet-bricks/testing';

const counters = (): SourceRequest['counters'] & { words: Uint32Array } => {
  const words = new Uint32Array(64);
  return { buffer: words.buffer, words };
};

/** A count, in its two words. */
const counted = ({ words }: { words: Uint32Array }, slot: number): number => words[2 * slot] + words[2 * slot + 1] * 2 ** 32;

/** A source of packets that hold nothing but their numbers, and the time that it goes by. */
class Numbers implements PacketMaker {
  now = 500;
  made = 0;
  readonly notices: string[] = [];
  readonly batch = createPacketBatch(8);
  readonly counters = counters();
  readonly request: SourceRequest = {
    link: parseLinkName('eth0'), options: {}, queue: -1, batch: this.batch, flowColumns: false, alsoSink: false, counters: this.counters, record: 0, unread: new Set(COLUMN_NAMES),
  };
  readonly source: PacedSource;

  constructor(pace: Partial<PaceOptions> = {}, readonly longest = 100, readonly linkType?: number, private readonly last = Infinity) {
    this.source = new PacedSource(this.request, this, { rate: 0, bits: 0, count: 0, seconds: 0, ...pace }, (text) => void this.notices.push(text), { now: () => this.now, origin: 1_700_000_000_999 });
  }

  next({ view }: { view: DataView }, at: number): number {
    if (this.made === this.last) return 0;
    view.setUint32(at, this.made++);
    return this.longest;
  }
}

describe('a source that a backend makes itself', () => {
  test('each packet has a place of its own, its lengths and its time', () => {
    const { source, batch } = new Numbers({ rate: 1000 }, 100, 101);
    const numbers = new Numbers({ rate: 1000 }, 65, 101);
    numbers.now += 4;
    expect([source.descriptor, source.lossless, numbers.source.receive(), batch.linkType]).toEqual([-1, false, 5, 101]);
    const { offset, length, wireLength, seconds, nanoseconds, memory } = numbers.batch;
    const rows = [0, 1, 2, 3, 4];
    expect(rows.map((row) => [offset[row], length[row], wireLength[row], memory.view.getUint32(offset[row])])).toEqual(rows.map((row) => [128 * row, 65, 65, row]));
    expect(rows.map((row) => [seconds[row], nanoseconds[row]])).toEqual(rows.map((row) => [1_700_000_001, 499_000_000 + row * 1_000_000]));
    expect([counted(numbers.counters, LINK_PACKETS), counted(numbers.counters, LINK_BYTES), numbers.source.nextDue()]).toEqual([5, 325, 1]);
  });

  test('it ends by count, by time, and when its maker has no more', () => {
    const ends = (numbers: Numbers): number[] => [numbers.source.receive(), numbers.source.receive(), numbers.source.receive()];
    expect(ends(new Numbers({ count: 10 }))).toEqual([8, 2, SOURCE_ENDED]);
    expect(ends(new Numbers({}, 100, 1, 11))).toEqual([8, 3, SOURCE_ENDED]);
    expect(ends(new Numbers({}, 100, 1, 8))).toEqual([8, 0, SOURCE_ENDED]);
    const timed = new Numbers({ seconds: 1 });
    expect([timed.source.lossless, timed.source.receive()]).toEqual([true, 8]);
    timed.now += 1000;
    expect(timed.source.receive()).toBe(SOURCE_ENDED);
    const closed = new Numbers();
    closed.source.close();
    expect([closed.source.receive(), closed.source.nextDue()]).toEqual([SOURCE_ENDED, 0]);
  });

  test('what is too late is left out, and said once; the rate holds from then on', () => {
    const numbers = new Numbers({ rate: 10 });
    for (const expected of [3, 2]) {
      numbers.now += expected === 3 ? 5000 : 200;
      expect(numbers.source.receive()).toBe(expected);
    }
    numbers.now += 5000;
    numbers.source.receive();
    expect(numbers.notices).toHaveLength(1);
  });

  test('it goes on in the batch and the counters of another graph', () => {
    const numbers = new Numbers({ count: 20 });
    numbers.source.receive();
    const batch = createPacketBatch(64);
    const other = counters();
    numbers.source.rebind({ ...numbers.request, batch, counters: other });
    // Its memory is what it was.
    expect([numbers.source.receive(), batch.count, batch.memory.view.getUint32(0), counted(other, LINK_PACKETS), counted(numbers.counters, LINK_PACKETS)]).toEqual([8, 8, 8, 8, 8]);
  });

  test('its options say what holds where the user says nothing', () => {
    expect(Object.values(PACE_OPTIONS).map(({ default: standard }) => standard)).toEqual([0, 0, 0, 0]);
  });
});

test('what is sent to discarding sinks is counted, and gone', () => {
  const batch = createPacketBatch(8);
  batch.length.set([60, 70, 80]);
  const block = counters();
  const lists = { rows: Uint16Array.of(0, 2, 0, 0, 1, 0, 0, 0), counts: Uint32Array.of(2, 1), shift: 2, step: 0 } as unknown as SinkRequest['lists'];
  const requests = [0, 1].map((output): SinkRequest => ({ link: parseLinkName(`eth${output}`), options: {}, lists, output, counters: block, record: output * 16 }));
  const sinks = new DiscardingSinks(requests);
  expect([sinks.transmit(batch), sinks.transmit(batch)]).toEqual([0, 0]);
  expect([0, 16].map((record) => [counted(block, record + LINK_PACKETS), counted(block, record + LINK_BYTES)])).toEqual([[2, 140], [1, 70]]);
  expect([...lists.counts]).toEqual([0, 0]);
});

describe('a source in a test', () => {
  const maker: PacketMaker = { longest: 60, next: ({ bytes }, at) => bytes.fill(7, at, at + 60) && 60 };
  const paced = (pace: Partial<PaceOptions>): TestSource => new TestSource((request, { notice }, clock) => new PacedSource(request, maker, { rate: 0, bits: 0, count: 0, seconds: 0, ...pace }, notice, clock), { link: 'eth7', rows: 16 });

  test('goes by the time that the test moves, and tells what it has counted and said', () => {
    const source = paced({ rate: 1000 });
    expect([source.receive()?.length, source.receive()]).toEqual([1, []]);
    const packets = source.advance(10).receive() ?? [];
    expect(packets.map(({ nanoseconds }) => nanoseconds)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((one) => one * 1_000_000));
    expect(packets[0]).toMatchObject({ bytes: Buffer.alloc(60, 7), wireLength: 60, linkType: 1 });
    expect(source.advance(1000).receive()).toHaveLength(16);
    expect([source.counted, source.notices]).toEqual([{ packets: 27, bytes: 27 * 60 }, [expect.stringContaining('eth7: the engine does not take')]]);
    expect([paced({ count: 40 }).take().length, paced({}).take(17).length]).toEqual([40, 32]);
  });

  test('of a backend takes options as users give them', () => {
    const backend = { name: 'sevens', options: PACE_OPTIONS, ports: (options: PaceOptions) => ({ openSource: (request: SourceRequest) => new PacedSource(request, maker, options, () => undefined) }) } as unknown as Backend;
    expect(TestSource.of(backend, { count: '20' }).take()).toHaveLength(20);
    expect(() => TestSource.of(backend, { count: -1 })).toThrow('The backend sevens: the option "count" is -1; it must be');
  });
});

describe('random numbers', () => {
  test('the same seed and stream give the same ones, evenly spread', () => {
    const words = (seed: number, stream: number): number[] => {
      const random = new Random(seed, stream);
      return Array.from({ length: 4000 }, () => random.word());
    };
    expect(words(1, 2)).toEqual(words(1, 2));
    for (const other of [words(2, 2), words(1, 3)]) expect(other.filter((word) => words(1, 2).includes(word)).length).toBeLessThan(3);
    for (let bit = 0; bit < 32; bit++) expect(Math.abs(words(7, 0).filter((word) => ((word >>> bit) & 1) === 1).length / 4000 - 0.5)).toBeLessThan(0.05);
    const random = new Random(3);
    const drawn = Array.from({ length: 6000 }, () => random.below(6));
    for (let side = 0; side < 6; side++) expect(Math.abs(drawn.filter((one) => one === side).length / 6000 - 1 / 6)).toBeLessThan(0.03);
    expect([random.chance(0), random.chance(1), random.below(1)]).toEqual([false, true, 0]);
  });

  test('two numbers make a third that looks like any other', () => {
    expect(mixedWord(1, 2)).toBe(mixedWord(1, 2));
    expect(new Set(Array.from({ length: 1000 }, (_, number) => mixedWord(7, number))).size).toBe(1000);
    expect(mixedWord(1, 2)).not.toBe(mixedWord(2, 1));
  });

  test('the first are the most popular, by the exponent', () => {
    const random = new Random(5, 6);
    const tallies = new Uint32Array(100);
    const popularity = new Popularity(100, 2);
    for (let draw = 0; draw < 20_000; draw++) tallies[popularity.next(random)]++;
    const total = Array.from({ length: 100 }, (_, index) => (index + 1) ** -2).reduce((sum, one) => sum + one);
    [0, 1, 4].forEach((index) => expect(Math.abs(tallies[index] / 20_000 - (index + 1) ** -2 / total)).toBeLessThan(0.015));
    expect(new Popularity(1, 1).next(random)).toBe(0);
  });
});
