/**
 * Token buckets, a bounded number of them. Of each, only the time is kept at which it will be full again (the generic cell rate algorithm): a
 * packet passes if that is not further away than the burst, and moves it on by what the packet costs. A bucket that is full has nothing to
 * remember, so it may give way to another. Nothing is allocated after it is made: 16 bytes a bucket.
 */
const WAYS = 8;

export class Buckets {
  /** A bucket that was not full had to give way. */
  evicted = false;
  private readonly full: Float64Array;
  private readonly keys: Int32Array;
  private readonly sets: number;

  /** Room for so many buckets, rounded up to a power of two. `burst` is in microseconds. */
  constructor(buckets: number, private readonly burst: number) {
    this.sets = 1 << Math.max(0, Math.ceil(Math.log2(buckets / WAYS)));
    this.full = new Float64Array(this.sets * WAYS);
    this.keys = new Int32Array(this.sets * WAYS * 2);
  }

  /** Turns to a bucket by its two hashes, at a time in microseconds; returns its place. */
  find(first: number, second: number, now: number): number {
    const { full, keys } = this;
    const base = (first & (this.sets - 1)) * WAYS;
    let fullest = base;
    this.evicted = false;
    for (let at = base; at < base + WAYS; at++) {
      if (keys[2 * at] === first && keys[2 * at + 1] === second) return at;
      if (full[at] < full[fullest]) fullest = at;
    }
    this.evicted = full[fullest] > now;
    full[fullest] = 0;
    keys[2 * fullest] = first;
    keys[2 * fullest + 1] = second;
    return fullest;
  }

  /** Whether a bucket has room for a packet now. */
  has(at: number, now: number): boolean {
    return this.full[at] - now <= this.burst;
  }

  /** Takes what a packet costs, in microseconds at the rate. */
  take(at: number, now: number, cost: number): void {
    this.full[at] = Math.max(this.full[at], now) + cost;
  }
}
