/**
 * Packet rings: records in shared memory from one writer to one reader, in other threads or processes.
 * This comment is the definition; src/native/packet_ring.h is the same in C++, and tests cross the two.
 *
 *     header, 4096 bytes, of 32-bit words in the machine's order (byte offset: what)
 *         0 magic     4 version     8 data size, a power of two     12 flags: 1 = the writer has closed for good,
 *           2 = it was killed, 4 = a reader is on its way: who waited for the writer counts as attached
 *        16 bytes that may be in the ring while nobody reads it
 *        64 head: bytes written, modulo 2^32          only the writer stores it
 *       128 tail: bytes released, modulo 2^32         only the reader stores it
 *       132 1 while the reader sleeps and wants to be woken; the writer clears it
 *       136 process number of the attached reader, 0 for none
 *       140 packets, 144 their bytes, modulo 2^32, that were written but that no reader was given
 *     data: records, each padded to a multiple of 16 bytes
 *         0 seconds   4 nanoseconds   8 captured length | link type << 20   12 length on the wire   16 bytes
 *       A record never wraps: one whose word at 8 is 0xFFFFFFFF says that the next begins at the data's start.
 *
 * Neither side believes the other. The writer keeps its own head and takes a tail that cannot be for a
 * full ring; the reader checks each length before it uses it, and throws away what makes no sense.
 * A reader's packets stay in the ring until it releases them: what a killed reader had not released,
 * the next one gets again (delivery at least once).
 */
import type { PacketBatch, PacketMemory } from '../model/packet-batch';
import { createPacketBatch, packetMemory } from '../model/packet-batch';

export const RING_HEADER_BYTES = 4096;
export const RING_MAGIC = 0x676e_7262;
export const RING_VERSION = 2;
export const RECORD_HEADER_BYTES = 16;
export const MINIMUM_RING_DATA = 4096;
export const MAXIMUM_RING_DATA = 0x4000_0000;
/** The longest packet that a record's 20 bits can tell of, and the highest link type that its 12 bits can. */
export const MAXIMUM_RECORD_LENGTH = 0xfffff;
export const MAXIMUM_RECORD_LINK_TYPE = 0xffe;

const WORD_MAGIC = 0;
const WORD_VERSION = 1;
const WORD_SIZE = 2;
const WORD_FLAGS = 3;
const WORD_UNREAD_LIMIT = 4;
const WORD_HEAD = 16;
const WORD_TAIL = 32;
const WORD_READER_WAITING = 33;
const WORD_READER = 34;
const WORD_SKIPPED_PACKETS = 35;
const WORD_SKIPPED_BYTES = 36;
const FLAG_CLOSED = 1;
const FLAG_EXPECTED = 4;
const SKIP_TO_START = 0xffff_ffff;

/** Bytes that a ring with `dataSize` bytes of data (a power of two) needs.
 *  @throws RangeError */
export function ringBytes(dataSize: number): number {
  if (!Number.isInteger(dataSize) || dataSize < MINIMUM_RING_DATA || dataSize > MAXIMUM_RING_DATA || (dataSize & (dataSize - 1)) !== 0) {
    throw new RangeError(`A ring's size must be a power of two from ${MINIMUM_RING_DATA} to ${MAXIMUM_RING_DATA}, not ${dataSize}.`);
  }
  return RING_HEADER_BYTES + dataSize;
}

/** Makes an empty ring of `byteLength` bytes (see ringBytes) in the buffer. All of it may be filled while nobody reads. */
export function initialiseRing(buffer: ArrayBufferLike, byteOffset = 0, byteLength = buffer.byteLength - byteOffset): void {
  ringBytes(byteLength - RING_HEADER_BYTES);
  const words = new Uint32Array(buffer, byteOffset, RING_HEADER_BYTES / 4);
  words.fill(0);
  words[WORD_SIZE] = byteLength - RING_HEADER_BYTES;
  words[WORD_VERSION] = RING_VERSION;
  words[WORD_UNREAD_LIMIT] = words[WORD_SIZE];
  Atomics.store(words, WORD_MAGIC, RING_MAGIC);
}

/** The process number of the reader attached to a ring, 0 for none. */
export function ringReader(buffer: ArrayBufferLike, byteOffset = 0): number {
  return Atomics.load(new Uint32Array(buffer, byteOffset, WORD_READER + 1), WORD_READER);
}

/** What a ring holds, as seen from outside. Neither end is trusted: it never reports more than fits. */
export function ringState(buffer: ArrayBufferLike, byteOffset = 0): { readonly size: number; readonly used: number; readonly reader: number } {
  const words = new Uint32Array(buffer, byteOffset, RING_HEADER_BYTES / 4);
  const size = words[WORD_SIZE];
  // The tail first: what is written meanwhile makes it fuller, not emptier than empty.
  const tail = Atomics.load(words, WORD_TAIL);
  return { size, used: Math.min(size, (Atomics.load(words, WORD_HEAD) - tail) >>> 0), reader: Atomics.load(words, WORD_READER) };
}

/** How many bytes may be in a ring while nobody reads it. For its writer, before it is opened. */
export function limitUnread(buffer: ArrayBufferLike, bytes: number): void {
  new Uint32Array(buffer, 0, WORD_UNREAD_LIMIT + 1)[WORD_UNREAD_LIMIT] = bytes;
}

/** Whether the next reader is to get what is in the ring. */
export function keepsUnread(buffer: ArrayBufferLike): boolean {
  return new Uint32Array(buffer, 0, WORD_UNREAD_LIMIT + 1)[WORD_UNREAD_LIMIT] > 0;
}

/** Whether the reader that counts as attached has waited for the writer, and is still on its way. */
export function expectsReader(buffer: ArrayBufferLike, byteOffset = 0): boolean {
  return (Atomics.load(new Uint32Array(buffer, byteOffset, WORD_FLAGS + 1), WORD_FLAGS) & FLAG_EXPECTED) !== 0;
}

function openRing(buffer: ArrayBufferLike, byteOffset: number): { memory: PacketMemory; size: number } {
  if (byteOffset % 16 !== 0 || buffer.byteLength - byteOffset < RING_HEADER_BYTES) throw new RangeError('This memory is too small or not aligned for a packet ring.');
  const words = new Uint32Array(buffer, byteOffset, RING_HEADER_BYTES / 4);
  const size = words[WORD_SIZE];
  if (Atomics.load(words, WORD_MAGIC) !== RING_MAGIC || words[WORD_VERSION] !== RING_VERSION) throw new RangeError('This memory holds no packet ring of this version.');
  if (ringBytes(size) > buffer.byteLength - byteOffset) throw new RangeError('This packet ring is larger than its memory.');
  return { memory: packetMemory(buffer, byteOffset, RING_HEADER_BYTES + size), size };
}

/** The writing side. About 30 ns for a packet of 64 bytes; the native one takes 5. */
export class PacketRingWriter {
  readonly dataSize: number;
  /** Captured bytes that the longest packet may have: longer ones never fit. */
  readonly longest: number;
  private readonly bytes: Uint8Array;
  private readonly words: Uint32Array;
  private readonly mask: number;
  private head: number;
  private published: number;
  private tail: number;
  private limit: number;
  private skipped: number;
  private skippedBytes: number;

  constructor(buffer: ArrayBufferLike, byteOffset = 0) {
    const { memory, size } = openRing(buffer, byteOffset);
    this.bytes = memory.bytes;
    this.words = memory.words;
    this.dataSize = size;
    this.mask = size - 1;
    this.longest = Math.min(MAXIMUM_RECORD_LENGTH, size >>> 2);
    // Only a misbehaving reader can have left a head out of place: begin anew behind it.
    this.head = (Atomics.load(this.words, WORD_HEAD) & ~15) >>> 0;
    this.published = this.head;
    this.tail = Atomics.load(this.words, WORD_TAIL);
    this.limit = size;
    this.skipped = Atomics.load(this.words, WORD_SKIPPED_PACKETS);
    this.skippedBytes = Atomics.load(this.words, WORD_SKIPPED_BYTES);
  }

  /** Once a batch: whether anybody reads. Where nobody does, only so much stays in the ring as its limit says. */
  lookForReader(): boolean {
    const read = this.reader !== 0;
    this.limit = read ? this.dataSize : Math.min(this.dataSize, this.words[WORD_UNREAD_LIMIT]);
    return read;
  }

  /** Packets that were written but that no reader was given: how many more there are than at the last call. */
  takeSkipped(): { packets: number; bytes: number } | undefined {
    const packets = Atomics.load(this.words, WORD_SKIPPED_PACKETS);
    if (packets === this.skipped) return undefined;
    const bytes = Atomics.load(this.words, WORD_SKIPPED_BYTES);
    const taken = { packets: (packets - this.skipped) >>> 0, bytes: (bytes - this.skippedBytes) >>> 0 };
    this.skipped = packets;
    this.skippedBytes = bytes;
    return taken;
  }

  /** Writes a record, which the reader sees after `commit`. False if there is no room now (or never: see `longest`). */
  write(bytes: Uint8Array, offset: number, length: number, wireLength: number, seconds: number, nanoseconds: number, linkType: number): boolean {
    const at = this.reserve(length, wireLength, seconds, nanoseconds, linkType);
    if (at < 0) return false;
    if (length > 128) this.bytes.set(bytes.subarray(offset, offset + length), at);
    else for (let k = 0; k < length; k++) this.bytes[at + k] = bytes[offset + k];
    return true;
  }

  /** The same for a row of a batch. */
  writeRow(batch: PacketBatch, row: number): boolean {
    const length = batch.length[row];
    const at = this.reserve(length, batch.wireLength[row], batch.seconds[row], batch.nanoseconds[row], batch.linkType);
    if (at < 0) return false;
    const offset = batch.offset[row];
    if (length > 512) {
      this.bytes.set(batch.memory.bytes.subarray(offset, offset + length), at);
      return true;
    }
    const from = batch.memory.words;
    const to = this.words;
    const whole = length >>> 2;
    const source = offset >>> 2;
    const target = at >>> 2;
    for (let k = 0; k < whole; k++) to[target + k] = from[source + k];
    for (let k = whole << 2; k < length; k++) this.bytes[at + k] = batch.memory.bytes[offset + k];
    return true;
  }

  private reserve(length: number, wireLength: number, seconds: number, nanoseconds: number, linkType: number): number {
    if (length > this.longest || linkType > MAXIMUM_RECORD_LINK_TYPE) return -1;
    const record = (length + 31) & ~15;
    let position = this.head & this.mask;
    const toEnd = this.dataSize - position;
    const needed = record > toEnd ? toEnd + record : record;
    if (needed > this.room() && needed > this.refreshedRoom()) return -1;
    if (record > toEnd) {
      this.words[((RING_HEADER_BYTES + position) >>> 2) + 2] = SKIP_TO_START;
      position = 0;
    }
    const word = (RING_HEADER_BYTES + position) >>> 2;
    this.words[word] = seconds;
    this.words[word + 1] = nanoseconds;
    this.words[word + 2] = length | (linkType << 20);
    this.words[word + 3] = wireLength;
    this.head = (this.head + needed) >>> 0;
    return RING_HEADER_BYTES + position + RECORD_HEADER_BYTES;
  }

  private room(): number {
    const used = (this.head - this.tail) >>> 0;
    return used > this.limit || (this.tail & 15) !== 0 ? 0 : this.limit - used;
  }

  private refreshedRoom(): number {
    this.tail = Atomics.load(this.words, WORD_TAIL);
    return this.room();
  }

  /** Shows the reader what was written. True if the reader sleeps and must be woken. */
  commit(): boolean {
    if (this.head === this.published) return false;
    this.published = this.head;
    Atomics.store(this.words, WORD_HEAD, this.head);
    return this.takeWaiting();
  }

  private takeWaiting(): boolean {
    return Atomics.load(this.words, WORD_READER_WAITING) !== 0 && Atomics.exchange(this.words, WORD_READER_WAITING, 0) !== 0;
  }

  /** The process number of the attached reader, 0 for none. */
  get reader(): number {
    return Atomics.load(this.words, WORD_READER);
  }

  /** How far the reader has come: changes when it makes progress. */
  get readerPosition(): number {
    return Atomics.load(this.words, WORD_TAIL);
  }

  /** Nothing more will come. True if the reader sleeps and must be woken. */
  close(): boolean {
    const waiting = this.commit();
    Atomics.or(this.words, WORD_FLAGS, FLAG_CLOSED);
    return this.takeWaiting() || waiting;
  }
}

/** The reading side. Packets are read where they lie. About 10 ns a packet. */
export class PacketRingReader {
  readonly memory: PacketMemory;
  readonly dataSize: number;
  /** How often the ring held something that was no record; its contents were thrown away then. */
  corruptions = 0;
  private readonly words: Uint32Array;
  private readonly mask: number;
  private next: number;
  private released: number;

  constructor(buffer: ArrayBufferLike, byteOffset = 0) {
    const { memory, size } = openRing(buffer, byteOffset);
    this.memory = memory;
    this.words = memory.words;
    this.dataSize = size;
    this.mask = size - 1;
    this.next = Atomics.load(this.words, WORD_TAIL);
    this.released = this.next;
    if (this.next & 15) this.discardAll(Atomics.load(this.words, WORD_HEAD));
  }

  /**
   * Fills rows `first` to `first + max - 1` of the batch with the next packets, and returns how many there were.
   * Stops where the link type changes. The offsets point into this ring's `memory`; the bytes stay until `release`.
   */
  fill(batch: PacketBatch, first: number, max: number): number {
    const words = this.words;
    const head = Atomics.load(words, WORD_HEAD);
    let available = (head - this.next) >>> 0;
    if (available === 0) return 0;
    if (available > this.dataSize || (head & 15) !== 0) return this.discardAll(head);
    let next = this.next;
    let row = first;
    const end = Math.min(batch.capacity, first + max);
    while (row < end && available > 0) {
      const position = next & this.mask;
      const word = (RING_HEADER_BYTES + position) >>> 2;
      const packed = words[word + 2];
      const toEnd = this.dataSize - position;
      if (packed === SKIP_TO_START) {
        if (toEnd > available) return this.discardAll(head);
        next = (next + toEnd) >>> 0;
        available -= toEnd;
        continue;
      }
      const length = packed & MAXIMUM_RECORD_LENGTH;
      const record = (length + 31) & ~15;
      if (record > available || record > toEnd) return this.discardAll(head);
      const linkType = packed >>> 20;
      if (linkType !== batch.linkType) {
        if (row > 0) break;
        batch.linkType = linkType;
      }
      const wireLength = words[word + 3];
      batch.offset[row] = RING_HEADER_BYTES + position + RECORD_HEADER_BYTES;
      batch.length[row] = length;
      batch.wireLength[row] = wireLength < length ? length : wireLength;
      batch.seconds[row] = words[word];
      batch.nanoseconds[row] = words[word + 1];
      row++;
      next = (next + record) >>> 0;
      available -= record;
    }
    this.next = next;
    return row - first;
  }

  private discardAll(head: number): number {
    this.corruptions++;
    this.next = (head & ~15) >>> 0;
    // Nobody gets a packet here and releases it; a writer that saw a full ring would have room never again.
    this.release();
    return 0;
  }

  /** Gives back the room of all packets that `fill` has handed out. */
  release(): void {
    if (this.released === this.next) return;
    this.released = this.next;
    Atomics.store(this.words, WORD_TAIL, this.next);
  }

  /** Bytes of records that `fill` has not handed out yet. */
  get pendingBytes(): number {
    return (Atomics.load(this.words, WORD_HEAD) - this.next) >>> 0;
  }

  /** True when the writer has closed the ring and all of it was handed out. */
  get ended(): boolean {
    return (Atomics.load(this.words, WORD_FLAGS) & FLAG_CLOSED) !== 0 && this.pendingBytes === 0;
  }

  /** Asks to be woken, before sleeping. False if there is something to do already: then do not sleep. */
  arm(): boolean {
    Atomics.store(this.words, WORD_READER_WAITING, 1);
    if (this.pendingBytes === 0 && (Atomics.load(this.words, WORD_FLAGS) & FLAG_CLOSED) === 0) return true;
    this.disarm();
    return false;
  }

  disarm(): void {
    Atomics.store(this.words, WORD_READER_WAITING, 0);
  }

  /** Tells the writer that someone reads, and who (not 0). */
  attach(process: number): void {
    Atomics.store(this.words, WORD_READER, process);
  }

  detach(): void {
    this.disarm();
    Atomics.store(this.words, WORD_READER, 0);
  }
}

/** Before a reader is let in that is not to get what is in the ring. Its writer counts that as read by nobody. */
export function skipUnread(buffer: ArrayBufferLike): void {
  const reader = new PacketRingReader(buffer);
  const batch = createPacketBatch();
  const words = new Uint32Array(buffer, 0, RING_HEADER_BYTES / 4);
  for (let count = reader.fill(batch, 0, batch.capacity); count > 0; count = reader.fill(batch, 0, batch.capacity)) {
    let bytes = 0;
    for (let row = 0; row < count; row++) bytes += batch.length[row];
    Atomics.add(words, WORD_SKIPPED_BYTES, bytes);
    Atomics.add(words, WORD_SKIPPED_PACKETS, count);
  }
  reader.release();
}

/** Wakes a reader that sleeps in `waitForRing`. For rings in a SharedArrayBuffer. */
export function wakeRing(buffer: ArrayBufferLike, byteOffset = 0): void {
  Atomics.notify(new Int32Array(buffer, byteOffset, WORD_HEAD + 1), WORD_HEAD);
}

/** Sleeps until the ring's head moves away from what an armed reader saw, at most `milliseconds`. Only in a
 *  SharedArrayBuffer, and in a thread that may wait. */
export function waitForRing(reader: PacketRingReader, milliseconds: number): void {
  if (!reader.arm()) return;
  const words = new Int32Array(reader.memory.bytes.buffer, reader.memory.bytes.byteOffset, WORD_HEAD + 1);
  const head = Atomics.load(words, WORD_HEAD);
  if (reader.pendingBytes === 0) Atomics.wait(words, WORD_HEAD, head, milliseconds);
  reader.disarm();
}
