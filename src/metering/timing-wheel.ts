/**
 * When to look at which entry: slots of a tenth of a second each, round and round, with a ring of entries in each. A packet moves nothing: when its time comes, an
 * entry that has heard of packets since is filed anew. Deadlines beyond one round are looked at in between.
 */
const { floor, max, min } = Math;
/** Microseconds of a slot. */
const TICK = 100_000;
const SLOTS = 4096;
const MASK = SLOTS - 1;
/** The wheel goes round in so many microseconds. */
export const ROUND = SLOTS * TICK;
/** An entry's neighbours in its slot: words of it, next to each other. Each slot has them too, and stands between its last and its first entry. */
export const LATER = 2;
export const EARLIER = 3;
/** How much memory the slots take. */
export const WHEEL_WORDS = 2 * SLOTS;

/** The first tick after a time in microseconds. Ticks turn round at 2^32. */
export function tickAfter(microseconds: number): number {
  return (floor(microseconds / TICK) + 1) | 0;
}

export class TimingWheel {
  /** The tick up to which all was looked at. */
  private tick = 0;
  /** Between `tick` and this one all slots are empty. */
  private earliest = 0;

  constructor(private readonly words: Int32Array, private readonly slots: number) {
    for (let tick = 0; tick < SLOTS; tick++) {
      const slot = this.slotOf(tick);
      words[slot + LATER] = words[slot + EARLIER] = slot;
    }
  }

  private slotOf(tick: number): number {
    return this.slots - LATER + ((tick & MASK) << 1);
  }

  /** Files an entry under a tick: the next one if it is over, or the last one of this round. */
  file(at: number, tick: number): void {
    const ahead = max(1, min(MASK, (tick - this.tick) | 0));
    if (ahead < ((this.earliest - this.tick) | 0)) this.earliest = (this.tick + ahead) | 0;
    const { words } = this;
    const slot = this.slotOf(this.tick + ahead);
    const last = words[slot + EARLIER];
    words[at + LATER] = slot;
    words[at + EARLIER] = last;
    words[last + LATER] = words[slot + EARLIER] = at;
  }

  remove(at: number): void {
    const { words } = this;
    words[words[at + EARLIER] + LATER] = words[at + LATER];
    words[words[at + LATER] + EARLIER] = words[at + EARLIER];
  }

  /** An entry whose time has come at a tick, or 0. */
  due(now: number): number {
    const behind = (now - this.tick) | 0;
    // A clock that was set back: entries are looked at within one round of it.
    if (behind < -MASK) this.tick = this.earliest = now;
    // One that jumped: each slot is looked at once.
    else if (behind > SLOTS) this.tick = (now - SLOTS) | 0;
    while (((now - this.tick) | 0) > 0) {
      const at = this.firstOf(this.tick + 1);
      if (at !== 0) return at;
      this.tick = (this.tick + 1) | 0;
    }
    if (((this.earliest - this.tick) | 0) < 0) this.earliest = this.tick;
    return 0;
  }

  /** The entry that is filed soonest, or 0. */
  get soonest(): number {
    for (let steps = 0; steps <= SLOTS; steps++) {
      const at = this.firstOf(this.earliest);
      if (at !== 0) return at;
      this.earliest = (this.earliest + 1) | 0;
    }
    return 0;
  }

  private firstOf(tick: number): number {
    const slot = this.slotOf(tick);
    const at = this.words[slot + LATER];
    return at === slot ? 0 : at;
  }
}
