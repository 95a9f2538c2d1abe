/**
 * Records of a fixed length in shared memory, from the engine's half of a brick to its control half. The engine never waits: when nobody takes
 * them, there is no room. Places are indices of 32-bit words of the whole memory; 0, where a header stands, means none.
 */
const RECORDS = 0;
const RECORD_WORDS = 1;
/** Records that were ever written, read, and that could not be sent. All turn round at 2^32. */
const WRITTEN = 2;
const READ = 3;
const FAILED = 4;
const HEADER_WORDS = 32;

export function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}

/** A ring of records of a fixed length in shared memory. */
export class RecordRing {
  /** All words of the memory. */
  readonly words: Int32Array;
  private readonly first: number;
  private readonly mask: number;
  private readonly recordWords: number;

  /** The ring that was laid out from word `begin` on. */
  constructor(buffer: SharedArrayBuffer, private readonly begin = 0) {
    this.words = new Int32Array(buffer);
    this.first = begin + HEADER_WORDS;
    this.mask = this.words[begin + RECORDS] - 1;
    this.recordWords = this.words[begin + RECORD_WORDS];
  }

  /** How many words of memory so many records need, rounded up to a power of two. */
  static size(records: number, recordWords: number): number {
    return HEADER_WORDS + powerOfTwo(records) * recordWords;
  }

  /** Lays one out in memory that is all zero. Returns the word behind it. */
  static lay(buffer: SharedArrayBuffer, begin: number, records: number, recordWords: number): number {
    const header = new Int32Array(buffer, 4 * begin, HEADER_WORDS);
    header[RECORDS] = powerOfTwo(records);
    header[RECORD_WORDS] = recordWords;
    return begin + RecordRing.size(records, recordWords);
  }

  /** Memory for so many records, and nothing else. */
  static allocate(records: number, recordWords: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(4 * RecordRing.size(records, recordWords));
    RecordRing.lay(buffer, 0, records, recordWords);
    return buffer;
  }

  /** The word behind the last record. */
  get end(): number {
    return this.first + (this.mask + 1) * this.recordWords;
  }

  /** Engine's half: where the next record is to be written; 0 if there is no room. */
  get room(): number {
    const { words, begin, first, mask, recordWords } = this;
    const written = words[begin + WRITTEN];
    return ((written - Atomics.load(words, begin + READ)) | 0) > mask ? 0 : first + (written & mask) * recordWords;
  }

  /** Engine's half: the record there is whole. */
  publish(): void {
    Atomics.add(this.words, this.begin + WRITTEN, 1);
  }

  /** Control half: places of records that wait, and 0 whenever none does. A record's room is free when the next one is asked for. */
  *waiting(): Generator<number, void> {
    const { words, begin, first, mask, recordWords } = this;
    for (;;) {
      const read = Atomics.load(words, begin + READ);
      if (read === Atomics.load(words, begin + WRITTEN)) yield 0;
      else {
        yield first + (read & mask) * recordWords;
        Atomics.store(words, begin + READ, (read + 1) | 0);
      }
    }
  }

  /** Control half: so many records could not be sent. */
  fail(records: number): void {
    Atomics.add(this.words, this.begin + FAILED, records);
  }

  /** How many records could not be sent so far. */
  get failed(): number {
    return Atomics.load(this.words, this.begin + FAILED);
  }
}
