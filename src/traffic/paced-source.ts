/** A source of packets that a backend makes itself, at a rate or as fast as they are taken. */
import { SOURCE_ENDED, type OpenContext, type SourcePort, type SourceRequest } from '../model/backend';
import { LINK_BYTES, LINK_PACKETS, addToCounter } from '../model/counters';
import type { LinkName } from '../model/link-name';
import type { OptionDeclarations } from '../model/options';
import { packetMemory, type PacketMemory } from '../model/packet-batch';
import { Pace } from './pace';

/** Options of a backend that makes its packets: how fast they come, and when they end. */
export const PACE_OPTIONS = {
  rate: { type: 'number', default: 0, minimum: 0, maximum: 1e9, unit: 'packets/s', description: 'how many packets come each second on each interface; 0: as many as are taken' },
  bits: { type: 'number', default: 0, minimum: 0, maximum: 1e12, unit: 'bits/s', description: 'the same in bits of frames; with both, the slower holds' },
  count: { type: 'integer', default: 0, minimum: 0, description: 'packets after which each interface ends; 0: no end' },
  seconds: { type: 'number', default: 0, minimum: 0, unit: 's', description: 'time after which each interface ends; 0: no end' },
} as const satisfies OptionDeclarations;

/** Their values. */
export interface PaceOptions {
  /** How many come each second, in packets/s; 0 for as many as are taken. Range: 0 to 1000000000. Default: 0. */
  readonly rate: number;
  /** The same in bits/s of frames; with both, the slower holds. Range: 0 to 1000000000000. Default: 0. */
  readonly bits: number;
  /** Packets after which the source ends; 0 for no end. Default: 0. */
  readonly count: number;
  /** Time in s after which it ends; 0 for no end. Default: 0. */
  readonly seconds: number;
}

/** Writes the packets of a source, one after the other. */
export interface PacketMaker {
  /** No packet is longer, in bytes. */
  readonly longest: number;
  /** The packets' link type, as pcap numbers them. Default: 1, Ethernet. */
  readonly linkType?: number;
  /** Writes the next packet into memory, at a multiple of 64 bytes, and returns its length; 0 if no more come. A FrameWriter helps. */
  next(memory: PacketMemory, at: number): number;
}

/** The time that a source goes by. */
export interface SourceClock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Milliseconds since 1970 at `now()` 0. */
  readonly origin: number;
}

const ETHERNET = 1;
/** Packets lie at multiples of so many bytes: a line of the cache. */
const ALIGNMENT = 64;
/** Between packets of one batch without a rate, at least: so that times tell them apart. */
const UNPACED_MILLISECONDS = 0.0001;

const SYSTEM_CLOCK: SourceClock = { now: () => performance.now(), origin: performance.timeOrigin };

/**
 * What `openSource` of a backend returns whose packets a `PacketMaker` writes. With a rate, packets come when they are due and bear that time; those that the engine does not take
 * within 200 ms are left out, which a notice says once. Without one they wait until they are taken. It counts packets and bytes, ends as its options say, and goes on in a new graph.
 */
export class PacedSource implements SourcePort {
  /** The link that it receives from. */
  readonly link: LinkName;
  /** There is none: the engine asks `nextDue`. */
  readonly descriptor = -1;
  /** True without a rate. */
  readonly lossless: boolean;
  private request: SourceRequest;
  private readonly memory: PacketMemory;
  private readonly room: number;
  private readonly pace: Pace;
  private readonly end: number;
  private left: number;
  private told = false;
  /** The time of the last packet. */
  private last = 0;
  private readonly originSeconds: number;
  /** Milliseconds of the clock's origin within its second. */
  private readonly originRest: number;

  /** `notice` is that of the `OpenContext`. A test brings its own clock. */
  constructor(request: SourceRequest, private readonly maker: PacketMaker, { rate, bits, count, seconds }: PaceOptions, private readonly notice: OpenContext['notice'], private readonly clock: SourceClock = SYSTEM_CLOCK) {
    this.link = request.link;
    this.request = request;
    this.room = (maker.longest + ALIGNMENT - 1) & -ALIGNMENT;
    this.memory = packetMemory(new ArrayBuffer(request.batch.capacity * this.room));
    const began = clock.now();
    this.end = seconds > 0 ? began + seconds * 1000 : Infinity;
    this.originSeconds = Math.floor(clock.origin / 1000);
    this.originRest = clock.origin - this.originSeconds * 1000;
    this.pace = new Pace(rate, bits, began);
    this.lossless = !this.pace.isLimited;
    this.left = count === 0 ? Infinity : count;
    this.enter(request);
  }

  /** Goes on in the graph that replaces the engine's. */
  rebind(request: SourceRequest): void {
    this.request = request;
    this.enter(request);
  }

  private enter({ batch }: SourceRequest): void {
    batch.memory = this.memory;
    batch.linkType = this.maker.linkType ?? ETHERNET;
  }

  /** Fills the batch with the packets that are due. */
  receive(): number {
    const { pace, maker, memory, room, end, request: { batch, counters: { words }, record } } = this;
    const { offset, length, wireLength, flowWord } = batch;
    const now = this.clock.now();
    if (this.left <= 0 || (pace.isLimited ? pace.next : now) >= end) return SOURCE_ENDED;
    pace.begin(now);
    if (pace.lost > 0) this.tellLate();
    const most = Math.min(batch.capacity, Math.floor(memory.bytes.length / room), this.left);
    let count = 0;
    let bytes = 0;
    while (count < most && (!pace.isLimited || (pace.next <= now && pace.next < end))) {
      const at = count * room;
      const size = maker.next(memory, at);
      if (size === 0) {
        this.left = count;
        break;
      }
      offset[count] = at;
      length[count] = wireLength[count] = size;
      flowWord[count] = 0;
      this.last = pace.isLimited ? pace.next : Math.max(now, this.last + UNPACED_MILLISECONDS);
      this.setTime(count);
      pace.sent(size);
      bytes += size;
      count++;
    }
    this.left -= count;
    batch.count = count;
    addToCounter(words, record + LINK_PACKETS, count);
    addToCounter(words, record + LINK_BYTES, bytes);
    return count;
  }

  private setTime(row: number): void {
    const { batch: { seconds, nanoseconds } } = this.request;
    const time = this.originRest + this.last;
    const whole = Math.floor(time / 1000);
    seconds[row] = this.originSeconds + whole;
    nanoseconds[row] = Math.min(999_999_999, Math.round((time - whole * 1000) * 1e6));
  }

  private tellLate(): void {
    if (this.told) return;
    this.told = true;
    this.notice(`${this.link.text}: the engine does not take as many packets as are to come (rate, bits); those that come too late are left out.`);
  }

  /** Milliseconds until a packet is due. */
  nextDue(): number {
    if (this.left <= 0) return 0;
    return this.pace.isLimited ? Math.max(0, this.pace.next - this.clock.now()) : 0;
  }

  /** Does nothing: each batch is made anew. */
  release(): void {
    // See above.
  }

  /** No more packets come. */
  close(): void {
    this.left = 0;
  }
}
