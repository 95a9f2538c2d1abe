/**
 * The engine's half of a file sink: encodes packets as records into a ring, one for each file, from
 * which the writer thread (recorder-files.ts) takes them. native/record_encoder.h does the same in one
 * call a batch and on the same words; this is its definition, and the fallback. A test holds the two equal.
 *
 * The ring holds the very bytes that go to the file, so the writer thread has nothing to do but write.
 */
import type { SinkRequest } from '../core/backend';
import { LINK_BYTES, LINK_DROPS, LINK_PACKETS, addToCounter } from '../core/counters';
import { DROP_REASON_INDEX } from '../core/drop-reasons';
import type { PacketBatch } from '../core/packet-batch';
import { takeOff } from '../core/packet-list';
import { ENHANCED_AROUND, ENHANCED_PACKET_BLOCK, PCAP_RECORD } from './formats';

/** Words of a file's control block, which both threads see. First those that the engine writes. */
export const HEAD = 0;
/** Positions between records, so that the writer may take a part of what is there. */
export const HINTS = 16;
export const HINT_COUNT = 16;
/** Link types in order of appearance: the interfaces of a pcapng file. */
export const LINK_TYPES = 32;
export const LINK_TYPE_TABLE = 33;
export const LINK_TYPES_MAXIMUM = 14;
/** Positions at which a new file begins. */
export const ROTATIONS = 47;
export const ROTATION_TABLE = 48;
export const ROTATION_ROOM = 8;
/** Those that the writer writes. */
export const TAIL = 64;
export const ROTATIONS_DONE = 65;
export const FAILED_PACKETS = 66;
export const FAILED_BYTES = 67;
/** The number of the system's error while the file can't be written, else 0. */
export const ERROR_NUMBER = 68;
/** The same of the last error, which stays. */
export const LAST_ERROR = 69;
export const CONTROL_WORDS = 80;

/** Numbers of a file's private state, the engine's alone. */
export const STATE_PCAPNG = 0;
/** Classic: nanoseconds of a unit, 1 or 1000. */
export const STATE_UNIT = 1;
export const STATE_SNAP_LENGTH = 2;
/** Infinity for no limit. */
export const STATE_ROTATE_BYTES = 3;
export const STATE_ROTATE_SECONDS = 4;
/** Bytes of the file that is being filled, and the time of its first packet (-1: none yet). */
export const STATE_FILE_BYTES = 5;
export const STATE_FILE_SECONDS = 6;
export const STATE_HEADER_BYTES = 7;
/** Where the last hint was given, and how many were. */
export const STATE_LAST_HINT = 8;
export const STATE_HINTS = 9;
/** Set when the ring is filled so far that the writer should be woken. */
export const STATE_WAKE = 10;
export const STATE_NUMBERS = 12;

export interface RecordRing {
  /** A power of two long; a SharedArrayBuffer's. */
  readonly bytes: Uint8Array;
  readonly control: Uint32Array;
  readonly state: Float64Array;
}

/** Where a packet of this link type belongs in the file: the number of its interface, or -1 if it can't be written. */
function interfaceOf(ring: RecordRing, linkType: number): number {
  const { control, state } = ring;
  const count = control[LINK_TYPES];
  for (let index = 0; index < count; index++) if (control[LINK_TYPE_TABLE + index] === linkType) return index;
  if (count >= (state[STATE_PCAPNG] === 1 ? LINK_TYPES_MAXIMUM : 1)) return -1;
  control[LINK_TYPE_TABLE + count] = linkType;
  Atomics.store(control, LINK_TYPES, count + 1);
  return count;
}

/** Encodes the sink's list and empties it; with `wait` it leaves what does not fit now, and answers how many. */
export function encodeList(ring: RecordRing, sink: SinkRequest, batch: PacketBatch, wait: boolean): number {
  const { lists, output, counters, record } = sink;
  let count = lists.counts[output];
  if (count === 0) return 0;
  const { rows, shift, step, room } = lists;
  const first = output << shift;
  const backendError = record + LINK_DROPS + DROP_REASON_INDEX.backendError;
  if (count > room) {
    // A brick counted more than there is room for.
    addToCounter(counters.words, backendError, count - room);
    count = room;
  }
  const index = interfaceOf(ring, batch.linkType);
  if (index < 0) {
    addToCounter(counters.words, record + LINK_DROPS + DROP_REASON_INDEX.linkType, count);
    lists.counts[output] = 0;
    return 0;
  }
  const { control, state } = ring;
  const size = ring.bytes.length;
  const snapLength = state[STATE_SNAP_LENGTH];
  let head = control[HEAD];
  let free = size - ((head - Atomics.load(control, TAIL)) >>> 0);
  let packets = 0;
  let bytes = 0;
  let tooLong = 0;
  let impossible = 0;
  let done = 0;
  for (; done < count; done++) {
    const row = rows[first + (done << step)];
    // What a brick wrote is not believed: a row that there is not, or bytes outside the memory.
    if (row >= batch.capacity || batch.offset[row] + batch.length[row] > batch.memory.bytes.length) {
      impossible++;
      continue;
    }
    const length = Math.min(batch.length[row], snapLength);
    const need = state[STATE_PCAPNG] === 1 ? ENHANCED_AROUND + ((length + 3) & ~3) : PCAP_RECORD + length;
    if (need > size) {
      tooLong++;
      continue;
    }
    if (need > free) {
      free = size - ((head - Atomics.load(control, TAIL)) >>> 0);
      if (need > free) break;
    }
    if (mustRotate(state, need, batch.seconds[row]) && !rotate(ring, head)) break;
    if (state[STATE_FILE_SECONDS] < 0) state[STATE_FILE_SECONDS] = batch.seconds[row];
    putRecord(ring, head, need, batch, row, length, index);
    head = (head + need) >>> 0;
    free -= need;
    state[STATE_FILE_BYTES] += need;
    packets++;
    bytes += length;
  }
  publish(ring, head);
  addToCounter(counters.words, record + LINK_PACKETS, packets);
  addToCounter(counters.words, record + LINK_BYTES, bytes);
  if (tooLong > 0) addToCounter(counters.words, record + LINK_DROPS + DROP_REASON_INDEX.tooLong, tooLong);
  if (impossible > 0) addToCounter(counters.words, backendError, impossible);
  const rest = count - done;
  if (rest > 0 && !wait) addToCounter(counters.words, record + LINK_DROPS + DROP_REASON_INDEX.diskSlow, rest);
  if (rest > 0) state[STATE_WAKE] = 1;
  const kept = wait ? rest : 0;
  takeOff(lists, output, count - kept, count);
  return kept;
}

function mustRotate(state: Float64Array, need: number, seconds: number): boolean {
  if (state[STATE_FILE_SECONDS] < 0) return false;
  return state[STATE_FILE_BYTES] + need > state[STATE_ROTATE_BYTES] || seconds - state[STATE_FILE_SECONDS] >= state[STATE_ROTATE_SECONDS];
}

function rotate(ring: RecordRing, head: number): boolean {
  const { control, state } = ring;
  const rotations = control[ROTATIONS];
  if (((rotations - Atomics.load(control, ROTATIONS_DONE)) >>> 0) >= ROTATION_ROOM) return false;
  Atomics.store(control, ROTATION_TABLE + (rotations & (ROTATION_ROOM - 1)), head);
  Atomics.store(control, ROTATIONS, (rotations + 1) >>> 0);
  state[STATE_FILE_BYTES] = state[STATE_HEADER_BYTES];
  state[STATE_FILE_SECONDS] = -1;
  return true;
}

function publish(ring: RecordRing, head: number): void {
  const { control, state } = ring;
  const size = ring.bytes.length;
  if (((head - state[STATE_LAST_HINT]) >>> 0) >= size / HINT_COUNT) {
    Atomics.store(control, HINTS + (state[STATE_HINTS] & (HINT_COUNT - 1)), head);
    state[STATE_HINTS] = (state[STATE_HINTS] + 1) & 0xffff;
    state[STATE_LAST_HINT] = head;
  }
  Atomics.store(control, HEAD, head);
  if (((head - Atomics.load(control, TAIL)) >>> 0) >= size / 8) state[STATE_WAKE] = 1;
}

const scratch = new Uint8Array(64);
const scratchView = new DataView(scratch.buffer);

function putRecord(ring: RecordRing, head: number, need: number, batch: PacketBatch, row: number, length: number, index: number): void {
  const { state } = ring;
  const seconds = batch.seconds[row];
  const nanoseconds = batch.nanoseconds[row];
  const from = batch.offset[row];
  const packet = batch.memory.bytes.subarray(from, from + length);
  if (state[STATE_PCAPNG] === 1) {
    enhancedHeader(scratchView, need, index, seconds, nanoseconds, length, batch.wireLength[row]);
    put(ring.bytes, head, scratch.subarray(0, 28));
    put(ring.bytes, head + 28, packet);
    const padding = -length & 3;
    scratch.fill(0, 28, 32);
    scratchView.setUint32(28 + padding, need, true);
    put(ring.bytes, head + 28 + length, scratch.subarray(28, 32 + padding));
  } else {
    scratchView.setUint32(0, seconds, true);
    scratchView.setUint32(4, Math.floor(nanoseconds / state[STATE_UNIT]), true);
    scratchView.setUint32(8, length, true);
    scratchView.setUint32(12, batch.wireLength[row], true);
    put(ring.bytes, head, scratch.subarray(0, PCAP_RECORD));
    put(ring.bytes, head + PCAP_RECORD, packet);
  }
}

/** The part of an enhanced packet block before the packet; its time counts nanoseconds since 1970, 64 bits. */
function enhancedHeader(view: DataView, total: number, index: number, seconds: number, nanoseconds: number, length: number, wireLength: number): void {
  // seconds * 10^9 + nanoseconds by halves of 16 bits: exact in doubles.
  const low = (seconds & 0xffff) * 1e9 + nanoseconds;
  const middle = (seconds >>> 16) * 1e9 + Math.floor(low / 65536);
  view.setUint32(0, ENHANCED_PACKET_BLOCK, true);
  view.setUint32(4, total, true);
  view.setUint32(8, index, true);
  view.setUint32(12, Math.floor(middle / 65536), true);
  view.setUint32(16, (middle % 65536) * 65536 + (low % 65536), true);
  view.setUint32(20, length, true);
  view.setUint32(24, wireLength, true);
}

/** Copies into the ring, around its end where need be. */
function put(ring: Uint8Array, head: number, source: Uint8Array): void {
  const at = head & (ring.length - 1);
  const room = ring.length - at;
  if (source.length <= room) {
    ring.set(source, at);
  } else {
    ring.set(source.subarray(0, room), at);
    ring.set(source.subarray(room), 0);
  }
}
