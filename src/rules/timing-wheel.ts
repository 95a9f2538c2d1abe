/**
 * Which rules are due: a wheel of four rings with 256 slots each, a tenth of a second, 25.6 s, 1.8 h and 19 days a slot. Nothing is searched: adding and removing
 * take the same time however many rules wait.
 */

const SLOT_BITS = 8;
const SLOTS = 1 << SLOT_BITS;
const RINGS = 4;

export class TimingWheel {
  /** Of each number: the one before and behind it in its slot; slots are numbers too, from `limit` + 1 on. */
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private count = 0;

  /** `now` in ticks. */
  constructor(private readonly limit: number, private now: number, private readonly dueAt: (number: number) => number) {
    // Of pages that nobody writes to nothing is kept: a SharedArrayBuffer is not filled when it is made.
    const room = limit + 1 + RINGS * SLOTS;
    this.next = new Int32Array(new SharedArrayBuffer(room * 4));
    this.previous = new Int32Array(new SharedArrayBuffer(room * 4));
  }

  add(number: number): void {
    const slot = this.slotFor(Math.max(this.dueAt(number), this.now + 1));
    const first = this.next[slot];
    this.next[slot] = number;
    this.previous[number] = slot;
    this.next[number] = first;
    if (first !== 0) this.previous[first] = number;
    this.count++;
  }

  /** Nothing happens to one that is not in it. */
  remove(number: number): void {
    const before = this.previous[number];
    if (before === 0) return;
    const behind = this.next[number];
    this.next[before] = behind;
    if (behind !== 0) this.previous[behind] = before;
    this.previous[number] = 0;
    this.next[number] = 0;
    this.count--;
  }

  /** Takes out those that are due by then, and hands them over. */
  advance(to: number, due: (number: number) => void): void {
    while (this.now < to) {
      if (this.count === 0) {
        this.now = to;
        return;
      }
      this.now++;
      for (let ring = RINGS - 1; ring >= 0; ring--) {
        if (ring > 0 && this.now % SLOTS ** ring !== 0) continue;
        this.empty(this.slot(ring, Math.floor(this.now / SLOTS ** ring)), due);
      }
    }
  }

  private empty(slot: number, due: (number: number) => void): void {
    for (let number = this.next[slot]; number !== 0; number = this.next[slot]) {
      this.remove(number);
      if (this.dueAt(number) <= this.now) due(number);
      else this.add(number);
    }
  }

  private slot(ring: number, position: number): number {
    return this.limit + 1 + ring * SLOTS + (position % SLOTS);
  }

  private slotFor(tick: number): number {
    const distance = tick - this.now;
    for (let ring = 0; ring < RINGS - 1; ring++) {
      // The slot that has just been emptied comes round again only after a whole turn.
      if (distance < SLOTS ** (ring + 1)) return this.slot(ring, Math.floor(tick / SLOTS ** ring));
    }
    return this.slot(RINGS - 1, Math.floor(Math.min(tick, this.now + SLOTS ** RINGS - SLOTS ** (RINGS - 1)) / SLOTS ** (RINGS - 1)));
  }
}
