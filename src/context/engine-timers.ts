/** What the bricks of an engine do between batches, and while it waits: timers, and messages of their control halves. */

export interface Timer {
  /** Index of the brick in its graph. */
  readonly node: number;
  readonly nanoseconds: number;
  readonly call: (state: unknown) => void;
}

/** Messages that wait for a brick. */
export interface MailSlot {
  readonly waiting: boolean;
  take(): { readonly message: unknown } | undefined;
}

export interface Inbox {
  readonly node: number;
  readonly mail: MailSlot;
  readonly deliver: (message: unknown, state: unknown) => void;
}

/** Messages of one brick that are delivered before the next batch: a flood holds up no packets. */
export const MESSAGES_A_ROUND = 16;

export class EngineTimers {
  private readonly next: Float64Array;
  private soonest = Infinity;

  constructor(private readonly timers: readonly Timer[]) {
    this.next = new Float64Array(timers.length);
    if (timers.length > 0) this.soonest = 0;
  }

  /** Whether one is due at a time, in nanoseconds. */
  due(now: number): boolean {
    return now >= this.soonest;
  }

  /** Whole microseconds until one is due. */
  microsecondsLeft(now: number): number {
    return this.soonest === Infinity ? 0x7fffffff : Math.max(0, Math.ceil((this.soonest - now) / 1000));
  }

  /** Calls `run` with each timer that is due. They begin with the first look, and one that comes late does not come twice. */
  run(now: number, run: (timer: Timer) => void): void {
    const { timers, next } = this;
    for (let index = 0; index < timers.length; index++) {
      if (now < next[index]) continue;
      const { nanoseconds } = timers[index];
      const begins = next[index] === 0;
      next[index] = begins ? now + nanoseconds : Math.max(next[index] + nanoseconds, now + nanoseconds / 2);
      this.soonest = Math.min(...next);
      if (!begins) run(timers[index]);
    }
  }
}

export const NO_TIMERS = new EngineTimers([]);
