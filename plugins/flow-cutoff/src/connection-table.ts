/**
 * How much has been seen of each connection, for a bounded number of them. Sets of eight entries: a set that is full gives up the connection that was
 * silent for longest. Connections are known by 64 bits of hash, so that of a million one in 10^8 is taken for another. Nothing is allocated
 * after it is made: 16 bytes a connection.
 */
const WAYS = 8;
/** Numbers of an entry. */
const ENTRY_SHIFT = 2;
const SECOND_HASH = 1;
const SEEN = 2;
const TIME = 3;

/** What `find` has found. */
export const KNOWN = 0;
export const NEW = 1;
/** A connection that was known had to make room. */
export const EVICTED = 2;

export class ConnectionTable {
  /** Where the connection that was last looked for stands. */
  at = 0;
  private readonly entries: Int32Array;
  private readonly sets: number;

  /** Room for so many connections, rounded up to a power of two; one that is silent for `idle` milliseconds counts as new. */
  constructor(connections: number, private readonly idle: number, now: number) {
    this.sets = 1 << Math.max(0, Math.ceil(Math.log2(connections / WAYS)));
    this.entries = new Int32Array((this.sets * WAYS) << ENTRY_SHIFT);
    const longAgo = (now - idle - 1) | 0;
    for (let at = TIME; at < this.entries.length; at += 1 << ENTRY_SHIFT) this.entries[at] = longAgo;
  }

  /** Turns to a connection by its two hashes, at a time in milliseconds. `begins`: its first packet, whatever was known before. */
  find(first: number, second: number, now: number, begins: boolean): number {
    const { entries } = this;
    const base = (first & (this.sets - 1)) * (WAYS << ENTRY_SHIFT);
    let oldest = base;
    let age = -1;
    for (let way = 0; way < WAYS; way++) {
      const at = base + (way << ENTRY_SHIFT);
      // Without a sign: the time in 32 bits turns round.
      const silent = (now - entries[at + TIME]) >>> 0;
      if (entries[at] === first && entries[at + SECOND_HASH] === second) {
        this.at = at;
        entries[at + TIME] = now;
        if (silent <= this.idle && !begins) return KNOWN;
        entries[at + SEEN] = 0;
        return NEW;
      }
      if (silent > age) {
        age = silent;
        oldest = at;
      }
    }
    this.at = oldest;
    entries[oldest] = first;
    entries[oldest + SECOND_HASH] = second;
    entries[oldest + SEEN] = 0;
    entries[oldest + TIME] = now;
    return age > this.idle ? NEW : EVICTED;
  }

  /** What was seen of the connection that was found. */
  get seen(): number {
    return this.entries[this.at + SEEN];
  }

  /** More was seen of it; at most 2^30. */
  see(amount: number): void {
    this.entries[this.at + SEEN] = Math.min(0x40000000, this.entries[this.at + SEEN] + amount);
  }
}
