/**
 * Packets of a tap in shared memory, from an engine's thread to the main one. The engine never waits: what finds no room is counted.
 * Records are multiples of 8 bytes and never wrap round.
 */
import { copyBytes } from '../buffers/copy-packets';
import { packetMemory, type NumberColumns, type PacketBatch, type PacketMemory } from '../model/packet-batch';
import type { TapPlace } from './watch-plan';

/** Bytes for packets. */
const TAP_RING_BYTES = 1 << 22;
const HEADER_BYTES = 128;
/** Words of the header: bytes ever written, which turn round at 2^32, and packets that found no room; in a cache line of the reader's, bytes ever read. */
const WRITTEN = 0;
const LOST = 1;
const READ = 16;

/** Words of a record, in front of the packet's bytes. */
const SIZE = 0;
const KIND = 1;
const PLACE = 2;
const REASON = 3;
const SECONDS = 4;
const NANOSECONDS = 5;
const TAKEN = 6;
const LENGTH = 7;
const WIRE_LENGTH = 8;
const LINK_TYPE = 9;
const RECORD_BYTES = 40;

const KIND_SKIPPED = 0;
const KIND_PACKET = 1;
/** What the number of a place stands for, as JSON. */
const KIND_PLACE = 2;

/** Of a packet that was not dropped. */
export const NO_REASON = -1;

export function createTapRing(bytes = TAP_RING_BYTES): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + bytes);
}

/** The engine's end. What is written becomes visible by `commit`. */
export class TapRingWriter {
  private readonly header: Int32Array;
  private readonly memory: PacketMemory;
  private readonly bytes: number;
  private written = 0;
  /** What the reader had read when that was last looked at: its cache line is fetched only when there seems to be no room. */
  private read = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.memory = packetMemory(buffer, HEADER_BYTES);
    this.bytes = buffer.byteLength - HEADER_BYTES;
  }

  /** Copies the first `taken` bytes of a packet. Returns where its record lies, or -1 where there is no room: then it is lost, and counted. */
  add(columns: NumberColumns, { memory, linkType }: Pick<PacketBatch, 'memory' | 'linkType'>, row: number, taken: number, place: number, reason: number): number {
    const at = this.reserve(taken);
    if (at < 0) {
      this.lose(1);
      return -1;
    }
    const { words } = this.memory;
    const first = at >>> 2;
    words[first + KIND] = KIND_PACKET;
    words[first + PLACE] = place;
    words[first + REASON] = reason;
    words[first + SECONDS] = columns.seconds[row];
    words[first + NANOSECONDS] = columns.nanoseconds[row];
    words[first + TAKEN] = taken;
    words[first + LENGTH] = columns.length[row];
    words[first + WIRE_LENGTH] = columns.wireLength[row];
    words[first + LINK_TYPE] = linkType;
    copyBytes(memory, columns.offset[row], this.memory, at + RECORD_BYTES, taken);
    return at;
  }

  /** Says what the number of a place stands for, before its first packet. False where there is no room. */
  addPlace(place: number, named: TapPlace): boolean {
    const text = new TextEncoder().encode(JSON.stringify(named));
    const at = this.reserve(text.length);
    if (at < 0) return false;
    const { words, bytes } = this.memory;
    words[(at >>> 2) + KIND] = KIND_PLACE;
    words[(at >>> 2) + PLACE] = place;
    words[(at >>> 2) + TAKEN] = text.length;
    bytes.set(text, at + RECORD_BYTES);
    return true;
  }

  /** Counts packets that have no record. */
  lose(packets: number): void {
    this.header[LOST] += packets;
  }

  /** A record that was not committed yet counts for nothing. */
  take(at: number): void {
    this.memory.words[(at >>> 2) + KIND] = KIND_SKIPPED;
  }

  commit(): void {
    Atomics.store(this.header, WRITTEN, this.written | 0);
  }

  private hasRoom(bytes: number): boolean {
    if (((this.written - this.read) >>> 0) + bytes <= this.bytes) return true;
    this.read = Atomics.load(this.header, READ) >>> 0;
    return ((this.written - this.read) >>> 0) + bytes <= this.bytes;
  }

  private reserve(taken: number): number {
    const size = (RECORD_BYTES + taken + 7) & ~7;
    const at = this.written % this.bytes;
    const left = this.bytes - at;
    const skipped = left < size ? left : 0;
    if (size > this.bytes || !this.hasRoom(skipped + size)) return -1;
    const { words } = this.memory;
    if (skipped > 0) {
      words[(at >>> 2) + SIZE] = skipped;
      words[(at >>> 2) + KIND] = KIND_SKIPPED;
    }
    const begin = skipped > 0 ? 0 : at;
    words[(begin >>> 2) + SIZE] = size;
    this.written = (this.written + skipped + size) >>> 0;
    return begin;
  }
}

/** A packet that a tap has seen. */
export interface TappedPacket {
  readonly place: TapPlace;
  /** Index of a drop reason, with LIKELY where it may be another packet of its batch; or NO_REASON. */
  readonly reason: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Captured bytes, of which `data` has the first. */
  readonly length: number;
  readonly wireLength: number;
  readonly linkType: number;
  readonly data: Uint8Array;
}

/** The other end. */
export class TapRingReader {
  private readonly header: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly words: Int32Array;
  private readonly places = new Map<number, TapPlace>();

  constructor(buffer: SharedArrayBuffer) {
    this.header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.bytes = new Uint8Array(buffer, HEADER_BYTES);
    this.words = new Int32Array(buffer, HEADER_BYTES);
  }

  /** Packets that found no room so far. Turns round at 2^32. */
  get lost(): number {
    return Atomics.load(this.header, LOST) >>> 0;
  }

  /** Packets that wait: at most so many, and no more of them once they have so many bytes. */
  read(most: number, mostBytes = Infinity): TappedPacket[] {
    const packets: TappedPacket[] = [];
    const written = Atomics.load(this.header, WRITTEN) >>> 0;
    let read = Atomics.load(this.header, READ) >>> 0;
    const begin = read;
    while (read !== written && packets.length < most && ((read - begin) >>> 0) < mostBytes) {
      const at = read % this.bytes.length;
      const first = at >>> 2;
      const kind = this.words[first + KIND];
      if (kind === KIND_PACKET) packets.push(this.packet(at));
      else if (kind === KIND_PLACE) this.places.set(this.words[first + PLACE], JSON.parse(Buffer.from(this.body(at)).toString('utf8')) as TapPlace);
      read = (read + this.words[first + SIZE]) >>> 0;
    }
    Atomics.store(this.header, READ, read | 0);
    return packets;
  }

  private packet(at: number): TappedPacket {
    const { words } = this;
    const first = at >>> 2;
    return {
      place: this.places.get(words[first + PLACE]) ?? { role: 'inner' },
      reason: words[first + REASON],
      seconds: words[first + SECONDS] >>> 0,
      nanoseconds: words[first + NANOSECONDS],
      length: words[first + LENGTH],
      wireLength: words[first + WIRE_LENGTH],
      linkType: words[first + LINK_TYPE],
      data: this.body(at),
    };
  }

  /** A copy: the room is given back. */
  private body(at: number): Uint8Array {
    return this.bytes.slice(at + RECORD_BYTES, at + RECORD_BYTES + this.words[(at >>> 2) + TAKEN]);
  }
}
