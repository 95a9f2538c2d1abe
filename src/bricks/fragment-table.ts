/**
 * Where the first fragment of a datagram went, for a bounded number of datagrams and a bounded time.
 * Sets of eight entries, so that a thousand datagrams at once find room; the oldest of a set gives way. Nothing is allocated after it is made.
 *
 * Two cache lines a look: the hashes of a set, and the entry whose hash it is. An entry has no identity: by one hash and the same
 * addresses it is the same (see `hashOfKey`).
 */
import type { EngineClock } from '../model/brick';

const WAYS = 8;
/** Numbers of a set: the hashes of its entries, and which of them is to give way next. */
const SET_SHIFT = 4;
const NEXT = WAYS;
/** Numbers of an entry: source, destination, flow word, and when it was made, in milliseconds. */
const ENTRY_SHIFT = 2;
const DESTINATION = 1;
const WORD = 2;
const TIME = 3;

export class FragmentTable {
  /** Counts, round and round, what was remembered: as long as it is the same, no datagram has become known. */
  generation = 0;
  private readonly sets: Int32Array;
  private readonly entries: Int32Array;
  private readonly mask: number;
  /** The engine's time in nanoseconds. */
  private readonly now: Float64Array;

  /** `entries` datagrams (a power of two) are remembered for `lifetime` milliseconds. */
  constructor(entries: number, private readonly lifetime: number, clock: EngineClock) {
    this.now = clock.cell;
    this.mask = entries / WAYS - 1;
    this.sets = new Int32Array((this.mask + 1) << SET_SHIFT);
    this.entries = new Int32Array(entries << ENTRY_SHIFT);
    // Also where no time stands: all at once is a hundred times faster.
    const longAgo = this.milliseconds() - lifetime - 1;
    this.entries.fill(longAgo);
  }

  /** The flow word of a datagram by its key (see FlowFields), or -1. */
  find(hash: number, source: number, destination: number): number {
    const { sets, entries } = this;
    const set = hash & this.mask;
    for (let way = 0; way < WAYS; way++) {
      if (sets[(set << SET_SHIFT) + way] !== hash) continue;
      const at = (set * WAYS + way) << ENTRY_SHIFT;
      // Without a sign: the time in 32 bits turns round.
      if (entries[at] === source && entries[at + DESTINATION] === destination && ((this.milliseconds() - entries[at + TIME]) >>> 0) <= this.lifetime) return entries[at + WORD];
    }
    return -1;
  }

  /** Remembers a datagram that was not found. */
  set(hash: number, source: number, destination: number, word: number): void {
    const { sets, entries } = this;
    const set = hash & this.mask;
    const next = (set << SET_SHIFT) + NEXT;
    const way = sets[next];
    sets[next] = (way + 1) & (WAYS - 1);
    sets[(set << SET_SHIFT) + way] = hash;
    const at = (set * WAYS + way) << ENTRY_SHIFT;
    entries[at] = source;
    entries[at + DESTINATION] = destination;
    entries[at + WORD] = word;
    entries[at + TIME] = this.milliseconds();
    this.generation = (this.generation + 1) & 0x3fffffff;
  }

  private milliseconds(): number {
    return (this.now[0] * 1e-6) | 0;
  }
}
