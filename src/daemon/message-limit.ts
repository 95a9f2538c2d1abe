/** Keeps a log readable, and its disk from filling: of a message that comes again and again the first few are written, and the rest are counted. */

/** What was left out in a window of time. */
export interface LeftOut {
  readonly count: number;
  readonly seconds: number;
  /** The message, as it came last; undefined: messages of many kinds. */
  readonly text?: string;
}

export interface MessageLimits {
  /** How many of a kind are written in a window. */
  readonly ofAKind: number;
  /** How many are written in a window, of whatever kind. */
  readonly together: number;
  readonly windowMilliseconds: number;
}

const LIMITS: MessageLimits = { ofAKind: 5, together: 1000, windowMilliseconds: 10_000 };

interface Kind {
  seen: number;
  leftOut: number;
  last: string;
}

/** `later` calls a function after so many milliseconds; a window begins with its first message. */
export class MessageLimit {
  private readonly kinds = new Map<string, Kind>();
  private written = 0;
  private others = 0;
  private open = false;

  constructor(private readonly tell: (leftOut: LeftOut) => void, private readonly later: (milliseconds: number, end: () => void) => void, private readonly limits: MessageLimits = LIMITS) {}

  /** Whether a message is to be written. Messages that differ only in their numbers are of a kind. */
  admit(text: string): boolean {
    if (!this.open) {
      this.open = true;
      this.later(this.limits.windowMilliseconds, () => this.close());
    }
    const key = text.replace(/\d+/g, '#');
    let kind = this.kinds.get(key);
    if (kind === undefined) {
      if (this.written >= this.limits.together) {
        this.others++;
        return false;
      }
      kind = { seen: 0, leftOut: 0, last: text };
      this.kinds.set(key, kind);
    }
    kind.last = text;
    if (kind.seen++ < this.limits.ofAKind && this.written < this.limits.together) {
      this.written++;
      return true;
    }
    kind.leftOut++;
    return false;
  }

  /** Tells what was left out so far. */
  close(): void {
    const seconds = this.limits.windowMilliseconds / 1000;
    for (const { leftOut, last } of this.kinds.values()) if (leftOut > 0) this.tell({ count: leftOut, seconds, text: last });
    if (this.others > 0) this.tell({ count: this.others, seconds });
    this.kinds.clear();
    this.written = this.others = 0;
    this.open = false;
  }
}
