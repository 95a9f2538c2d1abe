/** The control half's end of a ring: takes records as they come, and at the end what is left, and gives them to what sends them. */
import type { Logger } from '../model/brick';
import { inTime } from '../model/in-time';
import type { RecordRing } from './record-ring';

/** Where records go. */
export interface RecordSink {
  /** Takes the record at a place, which is valid until it returns. */
  add(at: number): void;
  /** Sends what was added; rejects if that failed. The next records wait meanwhile. */
  flush(): Promise<void>;
}

/** What a pump needs besides its ring and its sink. */
export interface PumpOptions {
  /** What the log calls them; default: records. */
  readonly name?: string;
  /** Places of records that go last, when the engine has ended and the ring is empty. */
  readonly rest?: () => Iterable<number>;
}

const POLL_MILLISECONDS = 100;
/** Records that are sent at once. */
const MOST = 512;
/** At the end all that is left goes, as long as the receiver takes it, but no longer than this. */
const STOP_MILLISECONDS = 30_000;
/** One that takes nothing for so long takes nothing any more. */
const LATE_MILLISECONDS = 1500;
/** What a control half that has a pump needs to stop: its `stopMilliseconds`. */
export const PUMP_STOP_MILLISECONDS = STOP_MILLISECONDS + 2 * LATE_MILLISECONDS;
/** What can't be sent is reported as often as this. */
const REPORT_MILLISECONDS = 30_000;

/** Takes records out of a ring and gives them to a sink, many at a time. */
export class RecordPump {
  private stopping = false;
  /** Records that could not be sent, since that was last reported. */
  private unsent = 0;
  /** Records that are being sent. */
  private inHand = 0;
  private reportedAt = -Infinity;
  private running: Promise<void> = Promise.resolve();
  private wake: () => void = () => undefined;
  private readonly waiting: Generator<number, void>;

  constructor(private readonly ring: RecordRing, private readonly sink: RecordSink, private readonly log: Pick<Logger, 'warn'>, private readonly options: PumpOptions = {}) {
    this.waiting = ring.waiting();
  }

  /** Takes records from now on. */
  start(): void {
    this.running = this.run();
  }

  /** Sends what waits and what is left, as far as there is time. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    const until = performance.now() + STOP_MILLISECONDS;
    let more = await inTime(LATE_MILLISECONDS, this.running.then(() => true)) ?? false;
    const last = this.last();
    while (more && performance.now() < until) more = await inTime(LATE_MILLISECONDS, this.send(last)) ?? false;
    this.unsent += this.inHand + [...last].length;
    this.report('nobody took them in time.');
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      if (await this.send(this.waiting)) continue;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, POLL_MILLISECONDS).unref();
      });
    }
  }

  /** Whether there was something to send. */
  private async send(places: Iterator<number, void>): Promise<boolean> {
    let added = 0;
    try {
      for (; added < MOST; added++) {
        const { value } = places.next();
        if (value === undefined || value === 0) break;
        this.inHand = added + 1;
        this.sink.add(value);
      }
      if (added === 0) return false;
      await this.sink.flush();
    } catch (error) {
      this.ring.fail(this.inHand);
      this.unsent += this.inHand;
      this.report((error as Error).message);
    }
    this.inHand = 0;
    return true;
  }

  /** Says how many records could not be sent, unless it was said lately. */
  private report(why: string): void {
    if (this.unsent === 0 || (!this.stopping && performance.now() - this.reportedAt < REPORT_MILLISECONDS)) return;
    this.reportedAt = performance.now();
    this.log.warn(`${this.unsent} ${this.options.name ?? 'records'} could not be sent: ${why}`);
    this.unsent = 0;
  }

  /** What is left when no more packets come. */
  private *last(): Generator<number, void> {
    for (const at of this.waiting) {
      if (at === 0) break;
      yield at;
    }
    yield* this.options.rest?.() ?? [];
  }
}
