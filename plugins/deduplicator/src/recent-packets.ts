/**
 * Packets that were seen a moment ago, by 64 bits of hash: a bounded number of them, in sets of eight, of which the oldest gives way. Nothing is
 * allocated after it is made: 12 bytes a packet.
 */
const WAYS = 8;
/** Numbers of an entry: two hashes, and the time in microseconds. */
const NUMBERS = 3;
const SECOND_HASH = 1;
const TIME = 2;

export class RecentPackets {
  /** How long ago the one that gave way was seen is below the window: there was too little room. */
  crowded = false;
  private readonly entries: Int32Array;
  /** Which entries were ever filled: times turn round. */
  private readonly filled: Uint8Array;
  private readonly sets: number;

  /** Room for so many packets, rounded up to a power of two; they are remembered for `window` microseconds. */
  constructor(packets: number, private readonly window: number) {
    this.sets = 1 << Math.max(0, Math.ceil(Math.log2(packets / WAYS)));
    this.entries = new Int32Array(this.sets * WAYS * NUMBERS);
    this.filled = new Uint8Array(this.sets * WAYS);
  }

  /** Whether a packet was seen within the window before a time in microseconds; otherwise it is remembered. */
  seen(first: number, second: number, now: number): boolean {
    const { entries, filled } = this;
    const base = (first & (this.sets - 1)) * WAYS;
    let oldest = base;
    let age = -1;
    for (let way = base; way < base + WAYS; way++) {
      const at = way * NUMBERS;
      // Without a sign: the time in 32 bits turns round. What comes from several sources may be a little out of order.
      const since = filled[way] === 0 ? 0xffffffff : (now - entries[at + TIME]) >>> 0;
      const near = since > 0x7fffffff && filled[way] === 1 ? -(since | 0) : since;
      if (near <= this.window && entries[at] === first && entries[at + SECOND_HASH] === second) return true;
      if (near > age) {
        age = near;
        oldest = way;
      }
    }
    this.crowded = age <= this.window;
    const at = oldest * NUMBERS;
    entries[at] = first;
    entries[at + SECOND_HASH] = second;
    entries[at + TIME] = now;
    filled[oldest] = 1;
    return false;
  }
}
