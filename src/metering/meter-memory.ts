/** The memory of a brick that meters flows, which both of its halves see: times, the ring of records that wait for export, and the flows. A record is a copy of a flow's entry. */
import { BACKWARD_PACKETS, FORWARD_PACKETS, RECORD_WORDS } from './flow-record';
import { FlowEntries } from './flow-table';
import { RecordRing } from './record-ring';

/** As doubles: the time of the packets, and of the first one, in microseconds. */
const TIME = 0;
const BEGAN = 1;
const HEADER_WORDS = 32;

/** The shared memory of a brick that meters flows. */
export class MeterMemory {
  /** All of it, by words. */
  readonly words: Int32Array;
  /** The same, by doubles. */
  readonly doubles: Float64Array;
  /** Records that wait for export. */
  readonly ring: RecordRing;
  /** Flows that last. */
  readonly entries: FlowEntries;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.ring = new RecordRing(buffer, HEADER_WORDS);
    this.entries = new FlowEntries(buffer, this.ring.end);
  }

  /** The time of the packets, in microseconds since 1970. */
  get time(): number {
    return this.doubles[TIME];
  }

  set time(time: number) {
    this.doubles[TIME] = time;
  }

  /** That of the first packet. */
  get began(): number {
    return this.doubles[BEGAN];
  }

  set began(time: number) {
    this.doubles[BEGAN] = time;
  }

  /** Whether packets of a flow were counted since its last record. */
  hasPackets(at: number): boolean {
    return this.words[at + FORWARD_PACKETS] !== 0 || this.words[at + BACKWARD_PACKETS] !== 0;
  }

  /** Where flows with packets stand. What is found may be taken out meanwhile. */
  *flows(): Generator<number, void> {
    for (const at of this.entries.places()) if (this.hasPackets(at)) yield at;
  }

  /** Memory for so many flows, and for so many records that wait, rounded up to a power of two. The system gives it page by page, as it is used. */
  static allocate({ flows, queue }: { readonly flows: number; readonly queue: number }): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(4 * (HEADER_WORDS + RecordRing.size(queue, RECORD_WORDS) + FlowEntries.size(flows, RECORD_WORDS)));
    const behindRing = RecordRing.lay(buffer, HEADER_WORDS, queue, RECORD_WORDS);
    FlowEntries.lay(buffer, behindRing, flows, RECORD_WORDS);
    return buffer;
  }
}
