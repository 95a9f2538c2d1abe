/**
 * Counters: 64-bit numbers, in a record for each link and each brick, which grows with the reasons to drop a packet.
 *
 * An engine counts in a private block, which native ports write to as well. At most once a
 * millisecond, and always when it rests, it copies the block into shared memory under a sequence
 * number, so that anyone may read a snapshot in which the sums are right, and pays for it himself.
 *
 *     publish: one memcpy; 128 bytes a link
 *     add:     two 32-bit adds with carry, about 1 ns, once a batch and link
 */
import { DROP_REASONS, type DropReason } from './drop-reasons';

/** Hands out the slots of a record, one after the other. */
function slotsInOrder(): (count?: number) => number {
  let next = 0;
  return (count = 1) => (next += count) - count;
}

/** A record takes whole lines of the cache, 8 slots each. */
function wholeLines(slots: number): number {
  return (slots + 7) & ~7;
}

/** Slots within a link's record. `drops` begins at LINK_DROPS, by DROP_REASON_INDEX. Native code counts here too: src/native/contract.h is made from this. */
const linkSlot = slotsInOrder();
/** Where in a link's record its packets are counted. */
export const LINK_PACKETS = linkSlot();
/** Where in a link's record the bytes of its packets are counted. */
export const LINK_BYTES = linkSlot();
export const LINK_DROPS = linkSlot(DROP_REASONS.length);
/** 64-bit slots of a link's record. */
export const LINK_RECORD = wholeLines(linkSlot());

/** Slots within a brick's record. */
const brickSlot = slotsInOrder();
export const BRICK_PACKETS_IN = brickSlot();
export const BRICK_PACKETS_OUT = brickSlot();
export const BRICK_COPIES = brickSlot();
export const BRICK_HELD = brickSlot();
export const BRICK_TIMED_BATCHES = brickSlot();
export const BRICK_TIMED_PACKETS = brickSlot();
export const BRICK_NANOSECONDS = brickSlot();
/** Packets it made itself. */
export const BRICK_CREATED = brickSlot();
export const BRICK_DROPS = brickSlot(DROP_REASONS.length);
/** Counters of its own, and behind them its gauges: as many as it declares. */
export const BRICK_OWN = brickSlot();

/** Slots of a brick's record with so many counters and gauges of its own. */
export function brickRecord(own: number): number {
  return wholeLines(BRICK_OWN + own);
}

/** Slots within the engine's record; the histogram of time a batch has a slot for each power of two nanoseconds. */
const engineSlot = slotsInOrder();
export const ENGINE_BATCHES = engineSlot();
export const ENGINE_EMPTY_POLLS = engineSlot();
export const ENGINE_WAITS = engineSlot();
export const ENGINE_COLLECTIONS = engineSlot();
export const ENGINE_DEOPTIMISATIONS = engineSlot();
export const ENGINE_WARM_UP_MICROSECONDS = engineSlot();
export const ENGINE_LARGEST_BATCH_NANOSECONDS = engineSlot();
/** Time of all rounds that received packets. */
export const ENGINE_BUSY_NANOSECONDS = engineSlot();
export const ENGINE_HISTOGRAM_SLOTS = 40;
export const ENGINE_HISTOGRAM = engineSlot(ENGINE_HISTOGRAM_SLOTS);
export const ENGINE_RECORD = wholeLines(engineSlot());

/** What stands in a slot whose figure could not be found out. */
export const UNKNOWN_COUNT = Number.MAX_SAFE_INTEGER;

/** Header of a shared block, in bytes: the sequence number, odd while it is being written. */
const SHARED_HEADER = 64;

/** The engine's own block. `words[2 * slot]` is the low half of a slot, on a little-endian machine. */
export interface CounterBlock {
  /** The memory of the counters. */
  readonly buffer: ArrayBuffer;
  /** The same, in halves of 32 bits. */
  readonly words: Uint32Array;
}

export function createCounterBlock(slots: number): CounterBlock {
  const buffer = new ArrayBuffer(slots * 8);
  return { buffer, words: new Uint32Array(buffer) };
}

/** Adds a number below 2^32 to a slot. */
export function addToCounter(words: Uint32Array, slot: number, amount: number): void {
  const low = (words[2 * slot] + amount) >>> 0;
  if (low < words[2 * slot]) words[2 * slot + 1]++;
  words[2 * slot] = low;
}

/** Sets a slot to a number up to 2^53. */
export function setCounter(words: Uint32Array, slot: number, value: number): void {
  words[2 * slot] = value >>> 0;
  words[2 * slot + 1] = Math.floor(value / 0x1_0000_0000);
}

export function readCounter(words: Uint32Array, slot: number): number {
  return words[2 * slot + 1] * 0x1_0000_0000 + words[2 * slot];
}

export function createSharedCounters(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(SHARED_HEADER + slots * 8);
}

/** The writing side of a shared block: one engine. */
export class CounterPublisher {
  private readonly sequence: Int32Array;
  private readonly target: Uint8Array;
  private readonly source: Uint8Array;

  constructor(block: CounterBlock, shared: SharedArrayBuffer) {
    this.sequence = new Int32Array(shared, 0, 1);
    this.target = new Uint8Array(shared, SHARED_HEADER);
    this.source = new Uint8Array(block.buffer);
  }

  publish(): void {
    Atomics.add(this.sequence, 0, 1);
    this.target.set(this.source);
    Atomics.add(this.sequence, 0, 1);
  }
}

/** A consistent copy of a shared block. Anyone may take one, at any time. */
export function snapshotCounters(shared: SharedArrayBuffer): Uint32Array {
  const sequence = new Int32Array(shared, 0, 1);
  const source = new Uint8Array(shared, SHARED_HEADER);
  const copy = new Uint8Array(source.length);
  for (;;) {
    const before = Atomics.load(sequence, 0);
    if ((before & 1) === 0) {
      copy.set(source);
      if (Atomics.load(sequence, 0) === before) return new Uint32Array(copy.buffer);
    }
  }
}

export type DropCounts = { [reason in DropReason]?: number };

/** The drops that are not zero, of a record whose drops begin at `first`. */
export function readDrops(words: Uint32Array, first: number): DropCounts {
  const drops: DropCounts = {};
  DROP_REASONS.forEach((reason, index) => {
    const count = readCounter(words, first + index);
    if (count > 0) drops[reason.name] = count;
  });
  return drops;
}

export function sumOfDrops(drops: DropCounts): number {
  return Object.values(drops).reduce((sum, count) => sum + count, 0);
}
