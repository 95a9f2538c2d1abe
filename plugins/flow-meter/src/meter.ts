/** Counts packets by flow, and says when a flow has ended. One for an engine's half; nothing is allocated for a packet. */
import type { BrickContext, Counter, Gauge, PacketView } from 'packet-bricks';
import {
  BACKWARD_BYTES, BACKWARD_END, BACKWARD_PACKETS, BACKWARD_START, BEGAN, ENTRY_WORDS, FAILED, FLAGS, FORWARD_BYTES, FORWARD_END, FORWARD_PACKETS, FORWARD_START, ICMP, READ, STATE, TIME, WHEEL_SLOTS, WRITTEN,
  type FlowMemory,
} from './flow-memory.js';
import { FlowTable } from './flow-table.js';
import type { MeterOptions } from './meter-options.js';
import { PacketKey } from './packet-key.js';
import { TICK, TimingWheel } from './timing-wheel.js';

const { floor, max, min } = Math;
const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

/** Why a record was exported, as IPFIX numbers it. */
export const IDLE = 1;
export const ACTIVE = 2;
export const ENDED = 3;
export const FORCED = 4;
export const RESOURCES = 5;

/** Bits of an entry's state: both directions' FIN, and a connection that is closed. */
const FIN_FORWARD = 1;
const FIN_BACKWARD = 2;
const FINS = FIN_FORWARD | FIN_BACKWARD;
const CLOSED = 4;

/** Times are kept in an array, where they are no objects on the heap: in microseconds, but for the engine's clock. */
const NOW = 0;
const BASE = 1;
const PACKET = 2;
const CLOCK = 3;
const START = 4;
const LAST = 5;
const DEADLINE = 6;
/** The wheel goes round in so long; what was seen later than that from now on was a clock that has been set back. */
const ROUND = WHEEL_SLOTS * TICK;

/** Entries that are looked at between batches when no packets come. */
const PATIENCE = 16_384;
/** Flows that are looked at for one to give up. */
const TRIES = 8;

type Limits = Pick<MeterOptions, 'active' | 'idle' | 'closed' | 'bidirectional'>;
type Surroundings = Pick<BrickContext, 'counter' | 'gauge' | 'clock' | 'packets' | 'random'>;

export class Meter {
  private readonly table: FlowTable;
  private readonly wheel: TimingWheel;
  private readonly key: PacketKey;
  private readonly time = new Float64Array(7);
  private readonly active: number;
  private readonly idle: number;
  private readonly closed: number;
  private readonly bidirectional: boolean;
  private readonly counters: Readonly<Record<'flows' | 'records' | 'lost' | 'evicted' | 'failed' | 'others', Counter>>;
  private readonly known: Gauge;
  private readonly clock: Float64Array;
  private readonly batches: Surroundings['packets']['batch'];
  private batch = -1;
  /** Records that have begun and were not handed over. */
  private open = 0;
  private failed = 0;

  constructor(private readonly memory: FlowMemory, { active, idle, closed, bidirectional }: Limits, context: Surroundings) {
    this.table = new FlowTable(memory, bidirectional);
    this.wheel = new TimingWheel(memory);
    this.key = new PacketKey(context.packets, bidirectional, context.random(0x7fffffff));
    // No packet yet.
    this.time[BASE] = -1;
    this.active = active * 1e6;
    this.idle = idle * 1e6;
    this.closed = closed * 1e6;
    this.bidirectional = bidirectional;
    const counter = (name: string): Counter => context.counter(name);
    this.counters = { flows: counter('flows'), records: counter('records'), lost: counter('lost'), evicted: counter('evicted'), failed: counter('failed'), others: counter('others') };
    this.known = context.gauge('active');
    this.clock = context.clock.cell;
    this.batches = context.packets.batch;
  }

  /** Counts a packet. */
  count(packet: PacketView): void {
    const { key, time, table } = this;
    if (!key.read(packet)) {
      this.counters.others.add(1);
      return;
    }
    time[NOW] = time[PACKET] = packet.seconds * 1e6 + packet.nanoseconds * 1e-3;
    if (this.batches.number !== this.batch) this.beginBatch();
    let at = table.find(key);
    if (at === 0) at = this.begin();
    else {
      this.look(at);
      const isNew = (key.tcpFlags & (SYN | ACK)) === SYN && (this.memory.words[at + STATE] & CLOSED) !== 0;
      if (isNew || time[DEADLINE] <= time[NOW]) this.beginAgain(at, isNew);
    }
    this.add(at);
  }

  /** Time passes, with packets or without. */
  pass(): void {
    const { time, clock, memory, counters } = this;
    if (time[BASE] < 0) return;
    time[NOW] = max(time[NOW], time[PACKET] + (clock[0] - time[CLOCK]) * 1e-3);
    this.expire(PATIENCE);
    memory.doubles[TIME] = time[NOW];
    this.known.set(this.open);
    const failed = Atomics.load(memory.words, FAILED);
    counters.failed.add((failed - this.failed) | 0);
    this.failed = failed;
  }

  /** No more packets come: all flows end. Those that the ring has no room for stay in the table, where the control half finds them. */
  close(): void {
    const { memory, table } = this;
    memory.doubles[TIME] = this.time[NOW];
    for (const at of memory.flows()) {
      if (!this.hasRoom) break;
      this.hand(at, FORCED);
      table.clear(at);
    }
    this.known.set(this.open);
  }

  /** In each batch as many flows may end as begin in it, and more. */
  private beginBatch(): void {
    const { time, memory, batches } = this;
    this.batch = batches.number;
    if (time[BASE] < 0) {
      time[BASE] = time[NOW];
      memory.doubles[BEGAN] = time[NOW];
    }
    time[CLOCK] = this.clock[0];
    memory.doubles[TIME] = time[NOW];
    this.expire(2 * batches.count + 256);
    this.known.set(this.open);
  }

  /** A flow that is not known. */
  private begin(): number {
    const { key, table } = this;
    if (table.full) this.evict();
    const at = table.insert(key);
    this.orient(at);
    this.wheel.file(at, this.tickAfter(this.time[NOW] + min(this.active, this.idle)));
    return at;
  }

  /** A flow that is over by what its next packet shows. It stays filed as it is, which is too early for it. */
  private beginAgain(at: number, isNew: boolean): void {
    const reason = this.reasonFor(at, isNew);
    this.hand(at, reason);
    if (reason === ACTIVE) {
      this.table.clear(at);
      this.look(at);
    }
    // Silent for too long as well: somebody else may have begun it anew.
    if (reason !== ACTIVE || this.time[DEADLINE] <= this.time[NOW]) this.orient(at);
  }

  /** Who has begun: the sender of its first packet, or the receiver of a SYN-ACK. */
  private orient(at: number): void {
    this.table.begin(at, this.key, this.bidirectional && (this.key.tcpFlags & (SYN | ACK)) === (SYN | ACK));
  }

  private add(at: number): void {
    const { memory: { words, doubles }, key, time } = this;
    const { backward } = this.table;
    const number = at >> 1;
    const packets = at + (backward ? BACKWARD_PACKETS : FORWARD_PACKETS);
    const end = number + (backward ? BACKWARD_END : FORWARD_END);
    if (words[packets] === 0) {
      if (words[at + FORWARD_PACKETS] === 0 && words[at + BACKWARD_PACKETS] === 0) {
        this.counters.flows.add(1);
        this.open++;
      }
      doubles[number + (backward ? BACKWARD_START : FORWARD_START)] = doubles[end] = time[NOW];
      words[at + FLAGS] |= key.classOfService << (backward ? 24 : 16);
      words[at + ICMP] |= key.icmp << (backward ? 16 : 0);
    }
    words[packets]++;
    doubles[number + (backward ? BACKWARD_BYTES : FORWARD_BYTES)] += key.bytes;
    if (time[NOW] > doubles[end]) doubles[end] = time[NOW];
    words[at + FLAGS] |= key.tcpFlags << (backward ? 8 : 0);
    if ((key.tcpFlags & (FIN | RST)) !== 0) this.seeEnd(at, backward);
  }

  private seeEnd(at: number, backward: boolean): void {
    const { memory: { words }, key, time } = this;
    if ((words[at + STATE] & CLOSED) !== 0) return;
    if ((key.tcpFlags & FIN) !== 0) words[at + STATE] |= backward ? FIN_BACKWARD : FIN_FORWARD;
    const ends = this.bidirectional ? FINS : FIN_FORWARD;
    if ((key.tcpFlags & RST) === 0 && (words[at + STATE] & ends) !== ends) return;
    words[at + STATE] |= CLOSED;
    this.wheel.remove(at);
    this.wheel.file(at, this.tickAfter(time[NOW] + this.closed));
  }

  /** When an entry's flow began, was last heard of, and is over. One that was exported for its age, and not heard of since, has not begun. */
  private look(at: number): void {
    const { memory: { words, doubles }, time } = this;
    const number = at >> 1;
    const forward = words[at + FORWARD_PACKETS] !== 0;
    const backward = words[at + BACKWARD_PACKETS] !== 0;
    time[START] = min(forward ? doubles[number + FORWARD_START] : Infinity, backward ? doubles[number + BACKWARD_START] : Infinity);
    time[LAST] = max(doubles[number + FORWARD_END], doubles[number + BACKWARD_END]);
    time[DEADLINE] = min(time[START] + this.active, time[LAST] + ((words[at + STATE] & CLOSED) !== 0 ? this.closed : this.idle));
  }

  /** Why the flow is over that was looked at. */
  private reasonFor(at: number, isNew: boolean): number {
    if (!isNew && this.time[DEADLINE] === this.time[START] + this.active) return ACTIVE;
    return (this.memory.words[at + STATE] & CLOSED) !== 0 ? ENDED : IDLE;
  }

  /** Looks at flows whose time has come, at most so many. */
  private expire(most: number): void {
    const { wheel, time } = this;
    const tick = this.tickAfter(time[NOW]) - 1;
    for (let looked = 0; looked < most; looked++) {
      const at = wheel.due(tick);
      if (at === 0) return;
      wheel.remove(at);
      this.look(at);
      const setBack = time[LAST] - time[NOW] > ROUND;
      const over = setBack || time[DEADLINE] <= time[NOW];
      const reason = over ? this.reasonFor(at, false) : 0;
      if (over) this.hand(at, reason);
      if (over && (setBack || reason !== ACTIVE)) this.table.remove(at);
      else {
        if (over) {
          this.table.clear(at);
          this.look(at);
        }
        wheel.file(at, this.tickAfter(time[DEADLINE]));
      }
    }
  }

  /** Makes room: by the flow that would end soonest, as far as a few looks tell. */
  private evict(): void {
    const { wheel } = this;
    let at = wheel.soonest;
    for (let tries = 1; tries < TRIES; tries++) {
      this.look(at);
      wheel.remove(at);
      wheel.file(at, this.tickAfter(this.time[DEADLINE]));
      const next = wheel.soonest;
      if (next === at) break;
      at = next;
    }
    this.hand(at, RESOURCES);
    this.counters.evicted.add(1);
    wheel.remove(at);
    this.table.remove(at);
  }

  /** Hands a record over, if the flow has packets since its last one. */
  private hand(at: number, reason: number): void {
    const { words, ring, queue } = this.memory;
    if (words[at + FORWARD_PACKETS] === 0 && words[at + BACKWARD_PACKETS] === 0) return;
    this.open--;
    if (!this.hasRoom) {
      this.counters.lost.add(1);
      return;
    }
    const written = words[WRITTEN];
    const to = ring + (written & (queue - 1)) * ENTRY_WORDS;
    words.copyWithin(to, at, at + ENTRY_WORDS);
    words[to + STATE] = reason;
    Atomics.store(words, WRITTEN, (written + 1) | 0);
    this.counters.records.add(1);
  }

  /** Whether the ring takes another record. */
  private get hasRoom(): boolean {
    const { words, queue } = this.memory;
    return ((words[WRITTEN] - Atomics.load(words, READ)) | 0) < queue;
  }

  /** The first tick of the wheel after a time. */
  private tickAfter(microseconds: number): number {
    return (floor((microseconds - this.time[BASE]) / TICK) + 1) | 0;
  }
}
