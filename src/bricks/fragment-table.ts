/**
 * Where the first fragment of a datagram went, for a bounded number of datagrams and a bounded time.
 * Sets of eight entries, so that a thousand datagrams at once find room; the oldest of a set gives way. Nothing is allocated after it is made.
 */
import type { EngineClock } from '../core/brick';
import type { FlowFields } from '../net';

const WAYS = 8;

export class FragmentTable {
  private readonly source: Int32Array;
  private readonly destination: Int32Array;
  private readonly identity: Int32Array;
  private readonly word: Int32Array;
  private readonly time: Float64Array;
  private readonly mask: number;
  /** The engine's time in nanoseconds. */
  private readonly now: Float64Array;

  /** `entries` datagrams (a power of two) are remembered for `lifetime` milliseconds. */
  constructor(entries: number, private readonly lifetime: number, clock: EngineClock) {
    this.now = clock.cell;
    this.source = new Int32Array(entries);
    this.destination = new Int32Array(entries);
    this.identity = new Int32Array(entries);
    this.word = new Int32Array(entries).fill(-1);
    this.time = new Float64Array(entries).fill(-Infinity);
    this.mask = entries / WAYS - 1;
  }

  /** The flow word of the fragment's datagram, or -1. */
  find(flow: FlowFields): number {
    const first = (flow.fragmentHash & this.mask) * WAYS;
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.holds(entry, flow) && this.now[0] - this.time[entry] <= this.lifetime * 1e6) return this.word[entry];
    }
    return -1;
  }

  /** Remembers a datagram. */
  set(flow: FlowFields, word: number): void {
    const first = (flow.fragmentHash & this.mask) * WAYS;
    let oldest = first;
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.holds(entry, flow)) {
        oldest = entry;
        break;
      }
      if (this.time[entry] < this.time[oldest]) oldest = entry;
    }
    this.source[oldest] = flow.fragmentSource;
    this.destination[oldest] = flow.fragmentDestination;
    this.identity[oldest] = flow.fragmentIdentity;
    this.word[oldest] = word;
    this.time[oldest] = this.now[0];
  }

  private holds(entry: number, flow: FlowFields): boolean {
    return this.source[entry] === flow.fragmentSource && this.destination[entry] === flow.fragmentDestination
      && this.identity[entry] === flow.fragmentIdentity;
  }
}
