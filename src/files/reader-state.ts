/**
 * What a parser of capture records knows between two calls, as 32-bit words, so that the TypeScript
 * parsers (pcap.ts, pcapng.ts) and the native one (native/capture_parser.h) can take turns on it.
 */
import type { PacketMemory } from '../model/packet-batch';

/** Where the next record starts in the window, and where what was read ends. */
export const POSITION = 0;
export const END = 1;
/** 0: classic, 1: pcapng. */
export const FORMAT = 2;
/** The file's byte order is not the machine's. */
export const SWAPPED = 3;
/** Due are packets with a time stamp from FLOOR_SECONDS on that is less than this after it; seconds wrap at 2^32. */
export const SPAN_SECONDS = 4;
export const SPAN_NANOSECONDS = 5;
/** Why the parser stopped: one of the STOP_ numbers. */
export const STOP = 6;
/** Rows filled so far in this batch, and their captured bytes. */
export const ROWS = 7;
export const BYTES = 8;
/** STOP_TIME: the time stamp of the packet that is not due. Otherwise they mean nothing: any value is a time. */
export const NEXT_SECONDS = 9;
export const NEXT_NANOSECONDS = 10;
export const FLOOR_SECONDS = 11;
/** Classic: of the file. pcapng: of the rows in the batch. */
export const LINK_TYPE = 12;
/** Classic: units a second, and bytes of a record's header. */
export const UNITS = 13;
export const RECORD_HEADER = 14;
/** Classic, version 2.3 and older: the two lengths may be exchanged. */
export const OLD_LENGTHS = 15;
/** pcapng: interfaces of this section in the table. */
export const INTERFACES = 16;
/** Whether to fill the flow columns. */
export const FLOW = 17;
/** STOP_DAMAGED: one of the DAMAGE_ numbers. */
export const DAMAGE = 18;

/** pcapng: whether to fill the batch's notes. */
export const NOTES = 19;
/** Bytes behind the window that belong to a packet, or another block, that is being skipped. */
export const SKIP = 20;
/** Packets of the open file that were skipped because they are longer than MAXIMUM_PACKET. */
export const TOO_LONG = 21;

/** pcapng: 8 words for each of the first 64 interfaces; those beyond are TypeScript's alone. */
export const TABLE = 32;
export const TABLE_ROW = 8;
export const TABLE_ROWS = 64;
export const TABLE_LINK_TYPE = 0;
/** Units a second, 64 bits, the low word first; 0 if TypeScript must handle the interface. */
export const TABLE_UNITS_LOW = 1;
/** Seconds to add; 64 bits, modulo 2^64. */
export const TABLE_OFFSET_LOW = 3;
export const STATE_WORDS = TABLE + TABLE_ROW * TABLE_ROWS;

export const STOP_FULL = 0;
export const STOP_MORE = 1;
export const STOP_TIME = 2;
/** The next packet has another link type: it belongs to another batch. */
export const STOP_LINK_TYPE = 3;
/** A block that is no enhanced packet. */
export const STOP_OTHER = 4;
export const STOP_DAMAGED = 5;

export const DAMAGE_TEXT: readonly string[] = [
  '',
  'a packet claims to be longer than 128 MiB',
  'the length of a block is impossible',
  'the two lengths of a block differ',
  'a packet is longer than its block',
  'a packet names an interface that was not described',
  'the byte order of a section is missing',
  'the description of an interface is too short',
];
export const DAMAGE_PACKET_LENGTH = 1;
export const DAMAGE_BLOCK_LENGTH = 2;
export const DAMAGE_TRAILER = 3;
export const DAMAGE_PACKET_IN_BLOCK = 4;
export const DAMAGE_INTERFACE = 5;
export const DAMAGE_SECTION = 6;
export const DAMAGE_DESCRIPTION = 7;

/** What was read of a file, with the view that parsers need beside the batch's. */
export interface ReaderWindow {
  readonly memory: PacketMemory;
  readonly view: DataView;
}

export function damaged(state: Uint32Array, kind: number): void {
  state[STOP] = STOP_DAMAGED;
  state[DAMAGE] = kind;
}

/** Counts a packet that is too long, and answers where the parser goes on: behind it, or at the window's end with the rest still to be skipped. */
export function skipPast(state: Uint32Array, next: number): number {
  state[TOO_LONG]++;
  state[SKIP] = Math.max(0, next - state[END]);
  return Math.min(next, state[END]);
}

/** Moves a packet down to a multiple of 4, over its own header, which is no longer needed. */
export function alignPacket(bytes: Uint8Array, start: number, length: number): number {
  const aligned = start & ~3;
  if (aligned !== start) bytes.copyWithin(aligned, start, start + length);
  return aligned;
}

/** Whether a packet of this time is due; if not, says so in the state. */
export function isDue(state: Uint32Array, seconds: number, nanoseconds: number): boolean {
  const since = (seconds - state[FLOOR_SECONDS]) >>> 0;
  if (since < state[SPAN_SECONDS] || (since === state[SPAN_SECONDS] && nanoseconds < state[SPAN_NANOSECONDS])) return true;
  state[STOP] = STOP_TIME;
  state[NEXT_SECONDS] = seconds;
  state[NEXT_NANOSECONDS] = nanoseconds;
  return false;
}
