/** Counts packets by flow, and says when a flow has ended. One for an engine's half; nothing is allocated for a packet. */
import type { BrickContext, Counter, Gauge } from '../model/brick';
import type { PacketView } from '../model/packet-view';
import { FlowKey } from './flow-key';
import {
  ACTIVE, BACKWARD_BYTES, BACKWARD_END, BACKWARD_PACKETS, BACKWARD_START, ENDED, FLAGS, FORCED, FORWARD_BYTES, FORWARD_END, FORWARD_PACKETS, FORWARD_START, ICMP, IDLE, RECORD_WORDS, RESOURCES, STATE,
} from './flow-record';
import { FlowTable, type FlowKeeper } from './flow-table';
import type { MeterMemory } from './meter-memory';
import type { MeterOptions } from './meter-options';
import { ROUND, tickAfter } from './timing-wheel';

const { max, min } = Math;
const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

/** Bits of an entry's state: both directions' FIN, and a connection that is closed. */
const FIN_FORWARD = 1;
const FIN_BACKWARD = 2;
const FINS = FIN_FORWARD | FIN_BACKWARD;
const CLOSED = 4;

/** Times are kept in an array, where they are no objects on the heap: in microseconds, but for the engine's clock. */
const NOW = 0;
const PACKET = 1;
const CLOCK = 2;
const START = 3;
const LAST = 4;
const DEADLINE = 5;

/** Entries that are looked at between batches when no packets come. */
const PATIENCE = 16_384;

type Limits = Pick<MeterOptions, 'active' | 'idle' | 'closed' | 'bidirectional'>;
type Surroundings = Pick<BrickContext, 'counter' | 'gauge' | 'clock' | 'packets' | 'random'>;

export class Meter implements FlowKeeper {
  private readonly table: FlowTable;
  private readonly key: FlowKey;
  private readonly time = new Float64Array(6);
  private readonly active: number;
  private readonly idle: number;
  private readonly closed: number;
  private readonly bidirectional: boolean;
  private readonly counters: Readonly<Record<'flows' | 'records' | 'lost' | 'evicted' | 'failed' | 'others', Counter>>;
  private readonly known: Gauge;
  private readonly clock: Float64Array;
  private readonly batches: Surroundings['packets']['batch'];
  /** The number of the batch; -1 before the first packet. */
  private batch = -1;
  /** Records that have begun and were not handed over. */
  private open = 0;
  private failed = 0;

  constructor(private readonly memory: MeterMemory, { active, idle, closed, bidirectional }: Limits, context: Surroundings) {
    this.table = new FlowTable(memory.entries, bidirectional, this);
    this.key = new FlowKey(context.packets, bidirectional, context.random(0x7fffffff));
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
    if (this.batch < 0) return;
    time[NOW] = max(time[NOW], time[PACKET] + (clock[0] - time[CLOCK]) * 1e-3);
    this.table.expire(tickAfter(time[NOW]) - 1, PATIENCE);
    memory.time = time[NOW];
    this.known.set(this.open);
    const { failed } = memory.ring;
    counters.failed.add((failed - this.failed) | 0);
    this.failed = failed;
  }

  /** No more packets come: all flows end. Those that the ring has no room for stay in the table, where the control half finds them. */
  close(): void {
    const { memory } = this;
    memory.time = this.time[NOW];
    for (const at of memory.flows()) {
      if (memory.ring.room === 0) break;
      this.hand(at, FORCED);
      this.clear(at);
    }
    this.known.set(this.open);
  }

  /** In each batch as many flows may end as begin in it, and more. */
  private beginBatch(): void {
    const { time, memory, batches } = this;
    if (this.batch < 0) memory.began = time[NOW];
    this.batch = batches.number;
    time[CLOCK] = this.clock[0];
    memory.time = time[NOW];
    this.table.expire(tickAfter(time[NOW]) - 1, 2 * batches.count + 256);
    this.known.set(this.open);
  }

  /** A flow that is not known. */
  private begin(): number {
    const at = this.table.insert(this.key, tickAfter(this.time[NOW] + min(this.active, this.idle)), this.goesBack);
    this.reset(at);
    return at;
  }

  /** A flow that is over by what its next packet shows. It stays filed as it is, which is too early for it. */
  private beginAgain(at: number, isNew: boolean): void {
    const reason = this.reasonFor(at, isNew);
    this.hand(at, reason);
    if (reason === ACTIVE) {
      this.clear(at);
      this.look(at);
    }
    // Silent for too long as well: somebody else may have begun it anew.
    if (reason !== ACTIVE || this.time[DEADLINE] <= this.time[NOW]) {
      this.table.orient(at, this.key, this.goesBack);
      this.reset(at);
    }
  }

  /** Who has begun is the sender of the first packet, or the receiver of a SYN-ACK. */
  private get goesBack(): boolean {
    return this.bidirectional && (this.key.tcpFlags & (SYN | ACK)) === (SYN | ACK);
  }

  /** A flow of which nothing is known yet. */
  private reset(at: number): void {
    const { words, doubles } = this.memory;
    words[at + STATE] = 0;
    doubles[(at >> 1) + FORWARD_END] = doubles[(at >> 1) + BACKWARD_END] = 0;
    this.clear(at);
  }

  /** The same flow, of which nothing was counted yet; when it was last heard of stays. */
  private clear(at: number): void {
    const { words, doubles } = this.memory;
    words[at + FLAGS] = words[at + ICMP] = words[at + FORWARD_PACKETS] = words[at + BACKWARD_PACKETS] = 0;
    doubles[(at >> 1) + FORWARD_BYTES] = doubles[(at >> 1) + BACKWARD_BYTES] = 0;
  }

  private add(at: number): void {
    const { memory: { words, doubles }, key, time } = this;
    const { backward } = this.table;
    const number = at >> 1;
    const packets = at + (backward ? BACKWARD_PACKETS : FORWARD_PACKETS);
    const end = number + (backward ? BACKWARD_END : FORWARD_END);
    if (words[packets] === 0) {
      if (!this.memory.hasPackets(at)) {
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
    this.table.move(at, tickAfter(time[NOW] + this.closed));
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

  deadline(at: number): number {
    const { time } = this;
    this.look(at);
    // What was last heard of so much later than now was so before the clock was set back.
    return tickAfter(time[LAST] - time[NOW] > ROUND ? time[NOW] - ROUND : time[DEADLINE]);
  }

  end(at: number): boolean {
    const { time } = this;
    const reason = this.reasonFor(at, false);
    this.hand(at, reason);
    if (reason !== ACTIVE || time[LAST] - time[NOW] > ROUND) return false;
    this.clear(at);
    return true;
  }

  evict(at: number): void {
    this.hand(at, RESOURCES);
    this.counters.evicted.add(1);
  }

  /** Hands a record over, if the flow has packets since its last one. */
  private hand(at: number, reason: number): void {
    const { memory, memory: { words, ring } } = this;
    if (!memory.hasPackets(at)) return;
    this.open--;
    const to = ring.room;
    if (to === 0) {
      this.counters.lost.add(1);
      return;
    }
    words.copyWithin(to, at, at + RECORD_WORDS);
    words[to + STATE] = reason;
    ring.publish();
    this.counters.records.add(1);
  }
}
