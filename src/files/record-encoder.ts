/**
 * The engine's half of a file sink: encodes packets as records into a ring, one for each file, from
 * which the writer thread (recorder-files.ts) takes them. native/record_encoder.h does the same in one
 * call a batch and on the same words; this is its definition, and the fallback. A test holds the two equal.
 *
 * The ring holds the very bytes that go to the file, so the writer thread has nothing to do but write.
 */
import type { SinkRequest } from '../model/backend';
import { LINK_BYTES, LINK_DROPS, LINK_PACKETS, addToCounter } from '../model/counters';
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import type { PacketBatch } from '../model/packet-batch';
import { takeOff } from '../model/packet-list';
import { CaptureSection, plainSection } from './capture-section';
import { NOT_DESCRIBED, NO_PLACE, NO_PREFACE, type FileDescription, type Preface } from './file-description';
import { ENHANCED_AROUND, ENHANCED_PACKET_BLOCK, PCAP_RECORD } from './formats';

/** Words of a file's control block, which both threads see. First those that the engine writes. */
export const HEAD = 0;
/** Behind the last mark: before it, and only there, the ring may hold marks. */
export const MARKED = 1;
/** Set when this file is to be closed, while others of its writer go on. */
export const CLOSING = 2;
/** Positions between records, so that the writer may take a part of what is there. */
export const HINTS = 16;
export const HINT_COUNT = 16;
/** Those that the writer writes. */
export const TAIL = 64;
export const FAILED_PACKETS = 66;
export const FAILED_BYTES = 67;
/** The number of the system's error while the file can't be written, else 0; INTERNAL_ERROR for none of the system's. */
export const ERROR_NUMBER = 68;
/** The same of the last error, which stays. */
export const LAST_ERROR = 69;
/** Set when the file was closed, because it was to be. */
export const CLOSED = 70;
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
/** Native: a list was left because a file must begin, or an interface be described, first. */
export const STATE_ASKS = 7;
/** Where the last hint was given, and how many were. */
export const STATE_LAST_HINT = 8;
export const STATE_HINTS = 9;
/** Set when the ring is filled so far that the writer should be woken. */
export const STATE_WAKE = 10;
/** The revision of the section that the map is for. */
export const STATE_REVISION = 11;
/** Bytes of the longest packet that found no room, where the ring holds fewer than four of them. */
export const STATE_CRAMPED = 12;
export const STATE_NUMBERS = 13;

/**
 * A mark between records: before the writer goes on, it has to begin a file or write blocks. A message (RecorderMessage), which may
 * have any length, says which. A mark's third word is one that no record has there.
 */
export const MARK_BYTES = 16;
export const MARK_WORD = 0xffff_ffff;

/** What a mark means. */
export interface RecorderMessage {
  readonly slot: number;
  /** This file is full: what follows goes to the next one. */
  readonly rotates: boolean;
  readonly header: Uint8Array | undefined;
  readonly blocks: readonly Uint8Array[];
}

export interface RecordRing {
  /** A power of two long; a SharedArrayBuffer's. */
  readonly bytes: Uint8Array;
  readonly control: Uint32Array;
  readonly state: Float64Array;
}

/** A file that packets are encoded for. */
export interface EncodedFile {
  readonly ring: RecordRing;
  readonly request: SinkRequest;
  readonly description: FileDescription;
  readonly slot: number;
  tell(message: RecorderMessage): void;
}

/** The section of a batch's packets. */
export function sectionOf(batch: PacketBatch): CaptureSection {
  const section = batch.notes?.section;
  return section instanceof CaptureSection ? section : plainSection(batch.linkType);
}

/** Encodes the file's list and empties it; with `wait` it leaves what does not fit now, and returns how many. */
export function encodeList(file: EncodedFile, batch: PacketBatch, wait: boolean): number {
  const { ring, description } = file;
  const { lists, output, counters, record } = file.request;
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
  const { control, state } = ring;
  const pcapng = state[STATE_PCAPNG] === 1;
  const section = sectionOf(batch);
  const size = ring.bytes.length;
  const snapLength = state[STATE_SNAP_LENGTH];
  let head = control[HEAD];
  let free = size - ((head - Atomics.load(control, TAIL)) >>> 0);
  let packets = 0;
  let bytes = 0;
  let tooLong = 0;
  let impossible = 0;
  let noPlace = 0;
  let done = 0;
  for (; done < count; done++) {
    const row = rows[first + (done << step)];
    // What a brick wrote is not believed: a row that there is not, or bytes outside the memory.
    if (row >= batch.capacity || batch.offset[row] + batch.length[row] > batch.memory.bytes.length) {
      impossible++;
      continue;
    }
    const length = Math.min(batch.length[row], snapLength);
    const options = pcapng ? optionsLength(batch, row) : 0;
    const need = pcapng ? ENHANCED_AROUND + ((length + 3) & ~3) + options : PCAP_RECORD + length;
    if (need + MARK_BYTES > size) {
      tooLong++;
      continue;
    }
    const told = interfaceOf(batch, row);
    const from = told < section.interfaces.length ? section : plainSection(batch.linkType);
    const index = from === section ? told : 0;
    let number = description.numberOf(from, index);
    if (number === NO_PLACE) {
      noPlace++;
      continue;
    }
    const known = number !== NOT_DESCRIBED && description.isCurrent(from);
    let preface = known ? NO_PREFACE : description.owed(from, index, false);
    const rotates = mustRotate(state, need + preface.bytes, batch.seconds[row]);
    if (rotates) preface = description.owed(from, index, true);
    const mark = preface.bytes > 0 ? MARK_BYTES : 0;
    if (need + mark > free) {
      free = size - ((head - Atomics.load(control, TAIL)) >>> 0);
      if (need + mark > free) {
        if (need > size / 4) state[STATE_CRAMPED] = Math.max(state[STATE_CRAMPED], length);
        break;
      }
    }
    if (mark > 0) putMark(file, head, rotates, preface);
    if (!known || rotates) {
      description.add(from, index, preface);
      state[STATE_REVISION] = from.revision;
      number = description.numberOf(from, index);
    }
    head = (head + mark) >>> 0;
    if (state[STATE_FILE_SECONDS] < 0) state[STATE_FILE_SECONDS] = batch.seconds[row];
    putRecord(ring, head, need, batch, row, length, number, options);
    head = (head + need) >>> 0;
    free -= need + mark;
    state[STATE_FILE_BYTES] += need;
    packets++;
    bytes += length;
  }
  publish(ring, head);
  addToCounter(counters.words, record + LINK_PACKETS, packets);
  addToCounter(counters.words, record + LINK_BYTES, bytes);
  if (tooLong > 0) addToCounter(counters.words, record + LINK_DROPS + DROP_REASON_INDEX.tooLong, tooLong);
  if (impossible > 0) addToCounter(counters.words, backendError, impossible);
  if (noPlace > 0) addToCounter(counters.words, record + LINK_DROPS + DROP_REASON_INDEX.linkType, noPlace);
  const rest = count - done;
  if (rest > 0 && !wait) addToCounter(counters.words, record + LINK_DROPS + DROP_REASON_INDEX.diskSlow, rest);
  if (rest > 0) state[STATE_WAKE] = 1;
  const kept = wait ? rest : 0;
  takeOff(lists, output, count - kept, count);
  return kept;
}

/** A clock that was set back begins a file too, else this one would grow until it has caught up; a packet may be out of order by a second. */
function mustRotate(state: Float64Array, more: number, seconds: number): boolean {
  if (state[STATE_FILE_SECONDS] < 0) return false;
  // Modulo 2^32, as time stamps wrap.
  const passed = (seconds - state[STATE_FILE_SECONDS]) | 0;
  const limit = state[STATE_ROTATE_SECONDS];
  return state[STATE_FILE_BYTES] + more > state[STATE_ROTATE_BYTES] || passed >= limit || -passed >= Math.max(limit, 2);
}

/** Tells the writer what comes before the next record. */
function putMark({ ring, slot, tell }: EncodedFile, head: number, rotates: boolean, { header, blocks, bytes }: Preface): void {
  const { control, state } = ring;
  tell({ slot, rotates, header, blocks });
  put(ring.bytes, head, MARK);
  Atomics.store(control, MARKED, (head + MARK_BYTES) >>> 0);
  if (header) {
    state[STATE_FILE_BYTES] = 0;
    state[STATE_FILE_SECONDS] = -1;
  }
  state[STATE_FILE_BYTES] += bytes;
}

/** The number of a packet's interface in its section. */
function interfaceOf({ notes }: PacketBatch, row: number): number {
  return notes ? notes.words[row] : 0;
}

/** Bytes of a packet's options; none where they do not lie in the memory, or are no whole words. */
function optionsLength({ notes, capacity, memory }: PacketBatch, row: number): number {
  if (!notes) return 0;
  const length = notes.words[2 * capacity + row];
  return (length & 3) === 0 && notes.words[capacity + row] + length <= memory.bytes.length ? length : 0;
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

const MARK = new Uint8Array(MARK_BYTES).fill(0xff, 8, 12);
const scratch = new Uint8Array(64);
const scratchView = new DataView(scratch.buffer);

function putRecord(ring: RecordRing, head: number, need: number, batch: PacketBatch, row: number, length: number, index: number, options: number): void {
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
    put(ring.bytes, head + 28 + length, scratch.subarray(28, 28 + padding));
    const at = batch.notes ? batch.notes.words[batch.capacity + row] : 0;
    if (options > 0) put(ring.bytes, head + 28 + length + padding, batch.memory.bytes.subarray(at, at + options));
    scratchView.setUint32(28, need, true);
    put(ring.bytes, head + need - 4, scratch.subarray(28, 32));
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
