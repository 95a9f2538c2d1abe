/**
 * One shared memory holds all flows and what waits for export, so that the control half reads both where they lie: a header, the heads of the hash chains, the
 * slots of the timing wheel, the entries, and a ring of records, which are copies of entries. Places are indices of 32-bit words; 0, where the header
 * stands, means none.
 */
import type { MeterOptions } from './meter-options.js';

/** Words of an entry, and of a record. */
export const ENTRY_WORDS = 32;
/** The next in its hash chain; also of entries that are free. */
export const NEXT = 0;
export const HASH = 1;
/** Its neighbours in the wheel, and the slot that they stand in. */
export const LATER = 2;
export const EARLIER = 3;
/** Four words each, as the packet has them; IPv4 fills the first. */
export const SOURCE = 4;
export const DESTINATION = 8;
/** Source << 16 | destination; of ICMP its type, and the type of the answer or else the code. */
export const PORTS = 12;
/** VLAN << 16 | IP version << 8 | protocol. */
export const KIND = 13;
/** TCP flags that were seen forward, and << 8 backward; << 16 and << 24 the class of service. */
export const FLAGS = 14;
/** Which ends have closed the connection; in a record, why it was exported. */
export const STATE = 15;
/** ICMP type << 8 | code, forward, and << 16 backward. */
export const ICMP = 16;
export const SLOT = 17;
/** As doubles: microseconds since 1970, and bytes. */
export const FORWARD_START = 9;
export const FORWARD_END = 10;
export const BACKWARD_START = 11;
export const BACKWARD_END = 12;
export const FORWARD_BYTES = 13;
export const BACKWARD_BYTES = 14;
export const FORWARD_PACKETS = 30;
export const BACKWARD_PACKETS = 31;

/** Slots of the timing wheel. */
export const WHEEL_SLOTS = 4096;

/** Words of the header: how many flows and records there is room for. */
const FLOWS = 0;
const QUEUE = 1;
/** Records that were ever written, read, and that could not be sent. All turn round at 2^32. */
export const WRITTEN = 2;
export const READ = 3;
export const FAILED = 4;
/** As doubles: the time of the packets, and of the first one, in microseconds. */
export const TIME = 8;
export const BEGAN = 9;
const HEADER_WORDS = 32;

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}

/** Where what stands behind the hash chains begins: the wheel's slots, the entries, and behind them the ring. */
function placesFor(flows: number): { readonly slots: number; readonly entries: number; readonly ring: number } {
  const slots = HEADER_WORDS + Math.max(ENTRY_WORDS, powerOfTwo(flows));
  const entries = slots + 2 * WHEEL_SLOTS;
  return { slots, entries, ring: entries + flows * ENTRY_WORDS };
}

export class FlowMemory {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  /** Where the hash chains begin, and how many there are, less one. */
  readonly chains = HEADER_WORDS;
  readonly chainMask: number;
  /** Where the wheel's slots stand: the first and the last entry of each. */
  readonly slots: number;
  readonly entries: number;
  readonly entriesEnd: number;
  readonly ring: number;
  readonly queue: number;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
    const flows = this.words[FLOWS];
    const { slots, entries, ring } = placesFor(flows);
    this.chainMask = powerOfTwo(flows) - 1;
    this.slots = slots;
    this.entries = entries;
    this.entriesEnd = this.ring = ring;
    this.queue = this.words[QUEUE];
  }

  /** The time of the packets, in microseconds since 1970. */
  get time(): number {
    return this.doubles[TIME];
  }

  /** That of the first packet. */
  get began(): number {
    return this.doubles[BEGAN];
  }

  /** Where flows with packets stand in the table. What is found may be taken out meanwhile. */
  *flows(): Generator<number, void> {
    const { words, chains, chainMask } = this;
    for (let chain = chains; chain <= chains + chainMask; chain++) {
      for (let at = words[chain]; at !== 0;) {
        const next = words[at + NEXT];
        if (words[at + FORWARD_PACKETS] !== 0 || words[at + BACKWARD_PACKETS] !== 0) yield at;
        at = next;
      }
    }
  }

  /** Memory for so many flows, and for so many records that wait, rounded up to a power of two. The system gives it page by page, as it is used. */
  static allocate({ flows, queue }: Pick<MeterOptions, 'flows' | 'queue'>): SharedArrayBuffer {
    const records = powerOfTwo(queue);
    const buffer = new SharedArrayBuffer(4 * (placesFor(flows).ring + records * ENTRY_WORDS));
    const header = new Int32Array(buffer, 0, 2);
    header[FLOWS] = flows;
    header[QUEUE] = records;
    return buffer;
  }
}
