/** An interface of the generator, as an engine reads it. */
import { LINK_BYTES, LINK_PACKETS, SOURCE_ENDED, addToCounter, packetMemory, type LinkName, type OpenContext, type SourcePort, type SourceRequest } from 'packet-bricks';
import type { GeneratorOptions } from './options.js';
import { Pace } from './pace.js';
import { mixed } from './random.js';
import { Traffic } from './traffic.js';

export interface Clock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Milliseconds since 1970 at `now()` 0. */
  readonly origin: number;
}

const ETHERNET = 1;
/** Headers may be longer than the frames that are asked for: tag, IPv6 and TCP, and a byte of data. */
const LONGEST_HEADERS = 79;
/** Packets lie at multiples of so many bytes: a line of the cache. */
const ALIGNMENT = 64;
/** Between packets of one batch without a rate, at least: so that times tell them apart. */
const UNPACED_MILLISECONDS = 0.0001;

const SYSTEM_CLOCK: Clock = { now: () => performance.now(), origin: performance.timeOrigin };

export class GeneratorSource implements SourcePort {
  readonly link: LinkName;
  readonly descriptor = -1;
  readonly lossless: boolean;
  private request: SourceRequest;
  private readonly traffic: Traffic;
  private readonly memory;
  private readonly room: number;
  private readonly pace: Pace;
  private readonly began: number;
  private left: number;
  private told = false;
  /** The time of the last packet. */
  private last = 0;
  private readonly originSeconds: number;
  /** Milliseconds of the clock's origin within its second. */
  private readonly originRest: number;

  constructor(request: SourceRequest, private readonly options: GeneratorOptions, private readonly notice: OpenContext['notice'], private readonly clock: Clock = SYSTEM_CLOCK) {
    const { rate, bits, count } = options;
    this.link = request.link;
    this.request = request;
    this.traffic = new Traffic(options, streamOf(request.link.text));
    this.room = (Math.max(this.traffic.longest, LONGEST_HEADERS) + ALIGNMENT - 1) & -ALIGNMENT;
    this.memory = packetMemory(new ArrayBuffer(request.batch.capacity * this.room));
    this.began = clock.now();
    this.originSeconds = Math.floor(clock.origin / 1000);
    this.originRest = clock.origin - this.originSeconds * 1000;
    this.pace = new Pace(rate, bits, this.began);
    // Without a rate, packets wait until they are taken.
    this.lossless = !this.pace.isLimited;
    this.left = count === 0 ? Infinity : count;
    this.enter(request);
  }

  rebind(request: SourceRequest): void {
    this.request = request;
    this.enter(request);
  }

  private enter({ batch }: SourceRequest): void {
    batch.memory = this.memory;
    batch.linkType = ETHERNET;
  }

  receive(): number {
    const { pace, traffic, memory, room, request: { batch, counters: { words }, record }, options: { seconds } } = this;
    const { offset, length, wireLength, flowWord } = batch;
    const now = this.clock.now();
    const end = seconds > 0 ? this.began + seconds * 1000 : Infinity;
    if (this.left <= 0 || (pace.isLimited ? pace.next : now) >= end) return SOURCE_ENDED;
    pace.begin(now);
    if (pace.lost > 0) this.tellLate();
    const most = Math.min(batch.capacity, Math.floor(memory.bytes.length / room), this.left);
    let count = 0;
    let bytes = 0;
    while (count < most && (!pace.isLimited || (pace.next <= now && pace.next < end))) {
      const at = count * room;
      const size = traffic.next(memory, at);
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

  nextDue(): number {
    if (this.left <= 0) return 0;
    return this.pace.isLimited ? Math.max(0, this.pace.next - this.clock.now()) : 0;
  }

  release(): void {
    // Each batch is made anew.
  }

  close(): void {
    this.left = 0;
  }
}

/** Interfaces of other names bring other packets. */
function streamOf(name: string): number {
  return [...Buffer.from(name)].reduce((hash, byte) => mixed(hash, byte), 0);
}
