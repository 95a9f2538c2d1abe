/**
 * Counters and gauges that a brick declares. It counts in typed arrays that its node and its warm-up share, which V8 compiles into the
 * brick's code; once a batch they are added to the engine's counters.
 */
import type { Counter, Gauge } from '../model/brick';
import { BRICK_CREATED, BRICK_DROPS, BRICK_OWN, addToCounter, setCounter } from '../model/counters';
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import { uint32Array } from '../model/typed-arrays';

/** Counts of one batch. */
export class OwnCounts {
  readonly counts: Uint32Array;
  readonly gauges: Float64Array;
  /** Packets that the brick wanted to make, and for which no room was left. */
  withoutBuffer = 0;

  constructor(counters: number, gauges: number) {
    this.counts = uint32Array(Math.max(1, counters));
    this.gauges = new Float64Array(new ArrayBuffer(8 * Math.max(1, gauges)));
  }

  clear(): void {
    this.counts.fill(0);
    this.gauges.fill(0);
    this.withoutBuffer = 0;
  }
}

export class OwnCounter implements Counter {
  constructor(private readonly counts: Uint32Array, private readonly index: number) {}

  add(amount: number): void {
    this.counts[this.index] += amount;
  }
}

export class OwnGauge implements Gauge {
  constructor(private readonly gauges: Float64Array, private readonly index: number) {}

  set(value: number): void {
    this.gauges[this.index] = value;
  }
}

/** Where they are added up: in the brick's record, counters first. */
export class OwnCounters {
  constructor(private readonly own: OwnCounts, private readonly words: Uint32Array, private readonly record: number, private readonly counters: number, private readonly gauges: number) {}

  /** A packet that could not be made counts as made and dropped. */
  private flushWithoutBuffer(): void {
    const { own, words, record } = this;
    addToCounter(words, record + BRICK_CREATED, own.withoutBuffer);
    addToCounter(words, record + BRICK_DROPS + DROP_REASON_INDEX.noBuffer, own.withoutBuffer);
    own.withoutBuffer = 0;
  }

  flush(): void {
    const { own, words, record, counters, gauges } = this;
    const first = record + BRICK_OWN;
    const { counts } = own;
    for (let index = 0; index < counters; index++) {
      if (counts[index] === 0) continue;
      addToCounter(words, first + index, counts[index]);
      counts[index] = 0;
    }
    if (own.withoutBuffer > 0) this.flushWithoutBuffer();
    for (let index = 0; index < gauges; index++) setCounter(words, first + counters + index, own.gauges[index]);
  }
}
