/**
 * Plays one file by its time stamps: which packets are due, and when the next one is. Made anew for each file.
 *
 * A packet is due as long after the file's first one as its time stamp says. Where the stamps jump, the count starts anew:
 * behind a gap that is longer than the longest wait, and where they go back by more than a second (a clock that was set).
 * What is out of order by less is due at once. Stamps wrap at 2^32 seconds, so differences are taken modulo 2^32.
 */
import type { CaptureReader } from './capture-reader';

/** Milliseconds, never going back; tests put in their own. */
export type Clock = () => number;

export interface PaceOptions {
  /** How many times faster than the original. */
  readonly speed: number;
  readonly longestWaitSeconds: number;
}

/** Seconds from one time stamp to another, below zero if that is earlier. */
function between(from: number, to: number): number {
  return (to - from) | 0;
}

export class Pace {
  /** From here packets are counted: this time stamp is due at that time of the clock. */
  private anchorSeconds = 0;
  private anchorNanoseconds = 0;
  private anchorTime = 0;
  /** The latest time stamp that was delivered. */
  private latestSeconds = 0;
  private begun = false;
  private waits = false;
  private saidGap = false;
  private saidBack = false;

  constructor(private readonly reader: CaptureReader, private readonly options: PaceOptions, private readonly clock: Clock, private readonly notice: (text: string) => void) {}

  /** Before a read: tells the reader what is due now. */
  allow(): void {
    this.waits = false;
    // The reader stops at the first packet, and so tells its time.
    if (!this.begun) return this.reader.noneDue();
    const floor = this.latestSeconds - 1;
    const passed = (this.clock() - this.anchorTime) * this.options.speed;
    const whole = Math.floor(passed / 1000);
    // A microsecond early, which rounding may take: what is due is not to be asked for again.
    const nanoseconds = this.anchorNanoseconds + Math.floor((passed - whole * 1000) * 1e6) + 1000;
    const carry = Math.floor(nanoseconds / 1e9);
    const seconds = between(floor, this.anchorSeconds) + whole + carry;
    if (seconds < 0) this.reader.noneDue();
    else if (seconds > 0xffff_ffff) this.reader.dueWithin(floor, 0xffff_ffff, 0xffff_ffff);
    else this.reader.dueWithin(floor, seconds, nanoseconds - carry * 1e9);
  }

  /** Packets were delivered, the last one with this time stamp. */
  delivered(seconds: number): void {
    if (between(this.latestSeconds, seconds) > 0) this.latestSeconds = seconds;
  }

  /** The reader delivered nothing. True: the packet that it stopped at is due now all the same. */
  takeNext(): boolean {
    if (!this.reader.stoppedByTime) return false;
    if (!this.begun) {
      this.begun = true;
      this.startFrom(this.clock());
      return true;
    }
    const back = between(this.latestSeconds, this.reader.nextSeconds);
    if (back < -1) {
      if (!this.saidBack) this.notice(`The time stamps of ${this.reader.name} go back by ${-back} s at packet ${this.reader.packets + 1}: that packet is sent at once, and those after it keep their gaps.`);
      this.saidBack = true;
      this.startFrom(this.clock());
      return true;
    }
    const wait = this.nextTime() - this.clock();
    const longest = this.options.longestWaitSeconds * 1000;
    if (wait > longest) {
      if (!this.saidGap) this.notice(`Packet ${this.reader.packets + 1} of ${this.reader.name} is due in ${Math.round(wait / 1000)} s by its time stamp; it is sent in ${this.options.longestWaitSeconds} s (longestWaitSeconds), as is every packet after such a gap.`);
      this.saidGap = true;
      this.startFrom(this.clock() + longest);
      if (longest === 0) return true;
    }
    this.waits = true;
    return false;
  }

  /** Milliseconds until the next packet is due; Infinity if there is none now. */
  nextDue(): number {
    return this.waits ? Math.max(0, this.nextTime() - this.clock()) : Infinity;
  }

  private startFrom(time: number): void {
    this.latestSeconds = this.anchorSeconds = this.reader.nextSeconds;
    this.anchorNanoseconds = this.reader.nextNanoseconds;
    this.anchorTime = time;
  }

  private nextTime(): number {
    const { anchorSeconds, anchorNanoseconds, reader } = this;
    return this.anchorTime + (between(anchorSeconds, reader.nextSeconds) * 1000 + (reader.nextNanoseconds - anchorNanoseconds) / 1e6) / this.options.speed;
  }
}
