/**
 * When to look at which flow: slots of a tenth of a second each, round and round, with a list of entries in each. A packet moves nothing: when its time comes, an entry that
 * has heard of packets since is filed anew. Deadlines beyond one round are looked at in between.
 */
import { EARLIER, LATER, SLOT, WHEEL_SLOTS, type FlowMemory } from './flow-memory.js';

const { max, min } = Math;
/** Microseconds of a slot. */
export const TICK = 100_000;
const MASK = WHEEL_SLOTS - 1;

export class TimingWheel {
  /** The tick up to which all was looked at. Ticks turn round at 2^32. */
  private tick = 0;
  /** Between `tick` and this one all slots are empty. */
  private earliest = 0;

  constructor(private readonly memory: FlowMemory) {}

  /** Files an entry under a tick: the next one if it is over, or the last one of this round. */
  file(at: number, tick: number): void {
    const ahead = max(1, min(MASK, (tick - this.tick) | 0));
    if (ahead < ((this.earliest - this.tick) | 0)) this.earliest = (this.tick + ahead) | 0;
    const { words, slots } = this.memory;
    const slot = slots + (((this.tick + ahead) & MASK) << 1);
    const last = words[slot + 1];
    words[at + SLOT] = slot;
    words[at + LATER] = 0;
    words[at + EARLIER] = last;
    if (last === 0) words[slot] = at;
    else words[last + LATER] = at;
    words[slot + 1] = at;
  }

  remove(at: number): void {
    const { words } = this.memory;
    const slot = words[at + SLOT];
    const earlier = words[at + EARLIER];
    const later = words[at + LATER];
    if (earlier === 0) words[slot] = later;
    else words[earlier + LATER] = later;
    if (later === 0) words[slot + 1] = earlier;
    else words[later + EARLIER] = earlier;
  }

  /** An entry whose time has come at a tick, or 0. */
  due(now: number): number {
    const behind = (now - this.tick) | 0;
    // A clock that was set back: entries are looked at within one round of it.
    if (behind < -MASK) this.tick = this.earliest = now;
    // One that jumped: each slot is looked at once.
    else if (behind > WHEEL_SLOTS) this.tick = (now - WHEEL_SLOTS) | 0;
    const { words, slots } = this.memory;
    while (((now - this.tick) | 0) > 0) {
      const at = words[slots + (((this.tick + 1) & MASK) << 1)];
      if (at !== 0) return at;
      this.tick = (this.tick + 1) | 0;
    }
    if (((this.earliest - this.tick) | 0) < 0) this.earliest = this.tick;
    return 0;
  }

  /** The entry that is filed soonest, or 0. */
  get soonest(): number {
    const { words, slots } = this.memory;
    for (let steps = 0; steps <= WHEEL_SLOTS; steps++) {
      const at = words[slots + ((this.earliest & MASK) << 1)];
      if (at !== 0) return at;
      this.earliest = (this.earliest + 1) | 0;
    }
    return 0;
  }
}
