/** The control half's end of the ring: takes flow records as they come, and at the end those of all flows that are left, and gives them to what sends them. */
import type { Logger } from 'packet-bricks';
import { ENTRY_WORDS, FAILED, FlowMemory, READ, STATE, WRITTEN } from './flow-memory.js';
import { FlowRecord } from './flow-record.js';
import { FORCED } from './meter.js';

/** Where records go. */
export interface RecordSink {
  /** Takes a record, which is valid until it returns. */
  add(record: FlowRecord): void;
  /** Sends what was added; rejects if that failed. The next records wait meanwhile. */
  flush(): Promise<void>;
}

const POLL_MILLISECONDS = 100;
/** Records that are sent at once. */
const MOST = 512;
/** At the end all that is left goes, as long as the receiver takes it, but no longer than this. */
const STOP_MILLISECONDS = 30_000;
/** One that takes nothing for so long takes nothing any more. */
const LATE_MILLISECONDS = 1500;
/** What a control half that has a pump needs to stop. */
export const PUMP_STOP_MILLISECONDS = STOP_MILLISECONDS + 2 * LATE_MILLISECONDS;
/** What can't be sent is reported as often as this. */
const REPORT_MILLISECONDS = 30_000;

/** False if a promise takes too long. */
async function inTime(promise: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), LATE_MILLISECONDS);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

export class RecordPump {
  private readonly memory: FlowMemory;
  private readonly record: FlowRecord;
  private stopping = false;
  /** Records that could not be sent, since that was last reported. */
  private unsent = 0;
  /** Records that are being sent. */
  private inHand = 0;
  private reportedAt = -Infinity;
  private running: Promise<void> = Promise.resolve();
  private wake: () => void = () => undefined;
  private readonly waiting: Generator<number, void>;

  constructor(shared: SharedArrayBuffer, private readonly sink: RecordSink, private readonly log: Logger) {
    this.memory = new FlowMemory(shared);
    this.record = new FlowRecord(this.memory);
    this.waiting = this.places();
  }

  start(): void {
    this.running = this.run();
  }

  /** Sends what waits and what the table still holds, as far as there is time. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    const until = performance.now() + STOP_MILLISECONDS;
    let more = await inTime(this.running.then(() => true));
    const rest = this.rest();
    while (more && performance.now() < until) more = await inTime(this.send(rest));
    this.unsent += this.inHand + [...rest].length;
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
  private async send(places: Iterator<number>): Promise<boolean> {
    const { record, memory: { words } } = this;
    let added = 0;
    try {
      for (; added < MOST; added++) {
        const { value } = places.next() as { value: number | undefined };
        if (value === undefined || value === 0) break;
        record.at = value;
        this.inHand = added + 1;
        this.sink.add(record);
      }
      if (added === 0) return false;
      await this.sink.flush();
    } catch (error) {
      Atomics.add(words, FAILED, this.inHand);
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
    this.log.warn(`${this.unsent} flow records could not be sent: ${why}`);
    this.unsent = 0;
  }

  /** Places of records that wait in the ring, and 0 where none does. A record's room is free when the next one is asked for. */
  private *places(): Generator<number, void> {
    const { words, ring, queue } = this.memory;
    for (;;) {
      const read = Atomics.load(words, READ);
      if (read === Atomics.load(words, WRITTEN)) yield 0;
      else {
        yield ring + (read & (queue - 1)) * ENTRY_WORDS;
        Atomics.store(words, READ, (read + 1) | 0);
      }
    }
  }

  /** What is left when no more packets come: the ring, then the table. */
  private *rest(): Generator<number, void> {
    for (const at of this.waiting) {
      if (at === 0) break;
      yield at;
    }
    for (const at of this.memory.flows()) {
      this.memory.words[at + STATE] = FORCED;
      yield at;
    }
  }
}
