/** Looks whether a thread gets on: one whose batch does not end is to be ended. */
import { CONTROL_BRICK, CONTROL_HEARTBEAT } from './engine-protocol';

const WATCH_MILLISECONDS = 1000;

export class Watchdog {
  private timer: NodeJS.Timeout | undefined;

  /** `limit` milliseconds without a heartbeat are too many; 0 for never. */
  constructor(private readonly limit: number) {}

  /** Calls `hung` with the index of the brick at work, -1 for none, if nothing moves. While nothing `isBusy` only a brick at work counts. */
  watch(control: Int32Array, isBusy: () => boolean, hung: (brick: number) => void): void {
    const { limit } = this;
    this.stop();
    if (limit === 0) return;
    const every = Math.min(WATCH_MILLISECONDS, Math.ceil(limit / 4));
    let heartbeat = Atomics.load(control, CONTROL_HEARTBEAT);
    let last = performance.now();
    let silent = 0;
    this.timer = setInterval(() => {
      const now = performance.now();
      // A process that was stopped for a while has not hung: no look counts for more than twice its time.
      silent += Math.min(now - last, 2 * every);
      last = now;
      const current = Atomics.load(control, CONTROL_HEARTBEAT);
      const brick = Atomics.load(control, CONTROL_BRICK) - 1;
      if (current !== heartbeat || (!isBusy() && brick < 0)) {
        heartbeat = current;
        silent = 0;
      } else if (silent > limit) {
        hung(brick);
      }
    }, every);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
