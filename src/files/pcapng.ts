/** pcapng: sections, interfaces and packets; the reference parser, one block at a time. Each file gets its own. */
import type { PacketBatch } from '../model/packet-batch';
import { CaptureSection, carriedBlock, fcsBytesOf, interfaceOptions, sectionOptions } from './capture-section';
import {
  BYTE_ORDER_MAGIC, ENHANCED_AROUND, ENHANCED_BEFORE, ENHANCED_PACKET_BLOCK, INTERFACE_BLOCK, LONGEST_PACKET, MAXIMUM_BLOCK, MAXIMUM_PACKET, OBSOLETE_PACKET_BLOCK,
  OPTION_RESOLUTION, OPTION_TIME_OFFSET, SECTION_BLOCK, SIMPLE_PACKET_BLOCK,
} from './formats';
import { PACKET_NUMBERS, carryOptions } from './pcapng-options';
import {
  BYTES, DAMAGE_BLOCK_LENGTH, DAMAGE_DESCRIPTION, DAMAGE_INTERFACE, DAMAGE_PACKET_IN_BLOCK, DAMAGE_PACKET_LENGTH, DAMAGE_SECTION,
  DAMAGE_TRAILER, END, FORMAT, INTERFACES, LINK_TYPE, NOTES, POSITION, ROWS, SKIP, STOP, STOP_FULL, STOP_LINK_TYPE, STOP_MORE, SWAPPED, TABLE,
  TABLE_LINK_TYPE, TABLE_OFFSET_LOW, TABLE_ROW, TABLE_ROWS, TABLE_UNITS_LOW, TOO_LONG, damaged, isDue, type ReaderWindow,
} from './reader-state';

interface CaptureInterface {
  readonly linkType: number;
  readonly snapLength: number;
  /** Units a second. */
  readonly units: bigint;
  readonly offsetSeconds: bigint;
  /** Nanoseconds of a unit where all is exact in doubles (10^0 to 10^9 units, no offset), else 0. */
  readonly nanosecondsOfUnit: number;
}

const NO_OPTIONS = new Uint8Array(0);
const BILLION = 1_000_000_000n;
const MASK = 0xffff_ffff_ffff_ffffn;

export class PcapngParser {
  private interfaces: CaptureInterface[] = [];
  private seconds = 0;
  private nanoseconds = 0;
  /** What belongs in a copy besides the packets, where notes are asked for. */
  section = new CaptureSection();

  constructor(private readonly state: Uint32Array, private readonly window: ReaderWindow, public batch: PacketBatch) {
    state[FORMAT] = 1;
    state[SWAPPED] = state[INTERFACES] = 0;
  }

  /** Appends rows to the batch until it is full, or something else is to be done. */
  parse(): void {
    do this.step(); while (this.state[STOP] === STOP_FULL && this.state[ROWS] < this.batch.capacity && this.state[SKIP] === 0);
  }

  /** Handles one block, whatever it is. STOP_FULL: and the next one may be handled. */
  step(): void {
    const { state } = this;
    const { view } = this.window;
    const position = state[POSITION];
    const available = state[END] - position;
    state[STOP] = STOP_FULL;
    if (available < 12) return this.more();
    let littleEndian = state[SWAPPED] === 0;
    const type = view.getUint32(position, littleEndian);
    if (type === SECTION_BLOCK) {
      const magic = view.getUint32(position + 8, true);
      littleEndian = magic === BYTE_ORDER_MAGIC;
      if (!littleEndian && view.getUint32(position + 8, false) !== BYTE_ORDER_MAGIC) return damaged(state, DAMAGE_SECTION);
      if (state[NOTES] === 1 && state[ROWS] > 0) {
        // Its packets belong to another batch: one has the notes of one section.
        state[STOP] = STOP_LINK_TYPE;
        return;
      }
    }
    const total = view.getUint32(position + 4, littleEndian);
    // Before the length behind the block is looked at: in the order of the native parser, so that both say the same.
    const least = type === ENHANCED_PACKET_BLOCK ? ENHANCED_BEFORE + 4 : 12;
    if (total < least || (total & 3) !== 0) return damaged(state, DAMAGE_BLOCK_LENGTH);
    const wanted = type === INTERFACE_BLOCK || type === ENHANCED_PACKET_BLOCK || type === SIMPLE_PACKET_BLOCK || type === OBSOLETE_PACKET_BLOCK;
    const packet = wanted && type !== INTERFACE_BLOCK;
    if (wanted && total > (packet ? LONGEST_PACKET + MAXIMUM_BLOCK : MAXIMUM_BLOCK)) return damaged(state, DAMAGE_BLOCK_LENGTH);
    if (total > available) {
      if (total <= MAXIMUM_BLOCK) return this.more();
      state[SKIP] = total - available;
    } else if (view.getUint32(position + total - 4, littleEndian) !== total) {
      return damaged(state, DAMAGE_TRAILER);
    }
    if (type === SECTION_BLOCK) {
      state[SWAPPED] = littleEndian ? 0 : 1;
      state[INTERFACES] = 0;
      this.interfaces = [];
      this.beginSection(position, total, littleEndian);
    } else if (type === INTERFACE_BLOCK) {
      this.describeInterface(position, total, littleEndian);
    } else if (packet) {
      if (total > MAXIMUM_BLOCK) state[TOO_LONG]++;
      else this.packet(type, position, total, littleEndian);
    } else if (state[NOTES] === 1 && state[SKIP] === 0) {
      const block = carriedBlock(view, type, position, total, littleEndian);
      if (block) this.section.addBlock(block);
    }
    if (state[STOP] === STOP_FULL) state[POSITION] = state[SKIP] > 0 ? state[END] : position + total;
  }

  private beginSection(position: number, total: number, littleEndian: boolean): void {
    const { view } = this.window;
    this.section = new CaptureSection(total >= 28 && this.state[SKIP] === 0 ? sectionOptions(view, position + 24, position + total - 4, littleEndian) : undefined);
  }

  private more(): void {
    this.state[STOP] = STOP_MORE;
  }

  private describeInterface(position: number, total: number, littleEndian: boolean): void {
    if (total < 20) return damaged(this.state, DAMAGE_DESCRIPTION);
    const { view } = this.window;
    let units = 1_000_000n;
    let offsetSeconds = 0n;
    const end = position + total - 4;
    for (let at = position + 16; at + 4 <= end;) {
      const code = view.getUint16(at, littleEndian);
      const length = view.getUint16(at + 2, littleEndian);
      if (code === 0 || at + 4 + length > end) break;
      if (code === OPTION_RESOLUTION && length >= 1) units = unitsOf(view.getUint8(at + 4));
      if (code === OPTION_TIME_OFFSET && length >= 8) offsetSeconds = view.getBigInt64(at + 4, littleEndian);
      at += 4 + ((length + 3) & ~3);
    }
    const linkType = view.getUint16(position + 8, littleEndian);
    if (this.state[NOTES] === 1) {
      const options = interfaceOptions(view, position + 16, end, littleEndian);
      this.section.addInterface(linkType, fcsBytesOf(options), options);
    }
    this.addInterface({
      linkType,
      snapLength: view.getUint32(position + 12, littleEndian),
      units,
      offsetSeconds,
      nanosecondsOfUnit: offsetSeconds === 0n && units <= BILLION && BILLION % units === 0n ? Number(BILLION / units) : 0,
    });
  }

  private addInterface(added: CaptureInterface): void {
    const index = this.interfaces.push(added) - 1;
    if (index >= TABLE_ROWS) return;
    const { state } = this;
    const at = TABLE + index * TABLE_ROW;
    const units = added.units <= MASK ? added.units : 0n;
    state[at + TABLE_LINK_TYPE] = added.linkType;
    storeWords(state, at + TABLE_UNITS_LOW, units);
    storeWords(state, at + TABLE_OFFSET_LOW, added.offsetSeconds & MASK);
    state[INTERFACES] = index + 1;
  }

  private packet(type: number, position: number, total: number, littleEndian: boolean): void {
    const { state, batch } = this;
    const { view } = this.window;
    const simple = type === SIMPLE_PACKET_BLOCK;
    const before = simple ? 12 : ENHANCED_BEFORE;
    const room = total - before - 4;
    if (room < 0) return damaged(state, DAMAGE_BLOCK_LENGTH);
    let index = 0;
    if (!simple) index = type === ENHANCED_PACKET_BLOCK ? view.getUint32(position + 8, littleEndian) : view.getUint16(position + 8, littleEndian);
    if (index >= this.interfaces.length) return damaged(state, DAMAGE_INTERFACE);
    const from = this.interfaces[index];
    let wireLength = view.getUint32(position + (simple ? 8 : 24), littleEndian);
    let length = simple ? wireLength : view.getUint32(position + 20, littleEndian);
    if (simple) {
      if (from.snapLength > 0) length = Math.min(length, from.snapLength);
      length = Math.min(length, room);
    }
    if (length > LONGEST_PACKET) return damaged(state, DAMAGE_PACKET_LENGTH);
    if (length > room) return damaged(state, DAMAGE_PACKET_IN_BLOCK);
    if (length > MAXIMUM_PACKET) {
      state[TOO_LONG]++;
      return;
    }
    const row = state[ROWS];
    if (row > 0 && from.linkType !== state[LINK_TYPE]) {
      state[STOP] = STOP_LINK_TYPE;
      return;
    }
    if (simple) this.seconds = this.nanoseconds = 0;
    else this.time(from, view.getUint32(position + 12, littleEndian), view.getUint32(position + 16, littleEndian));
    if (!isDue(state, this.seconds, this.nanoseconds)) return;
    if (wireLength < length) wireLength = length;
    state[LINK_TYPE] = from.linkType;
    batch.seconds[row] = this.seconds;
    batch.nanoseconds[row] = this.nanoseconds;
    batch.length[row] = length;
    batch.wireLength[row] = wireLength;
    batch.offset[row] = position + before;
    if (state[NOTES] === 1) this.note(row, index, position + before + ((length + 3) & ~3), simple ? 0 : position + total - 4, littleEndian);
    state[ROWS] = row + 1;
    state[BYTES] += length;
  }

  /** The packet's interface, and its options as a copy has them, where they stand. */
  private note(row: number, index: number, options: number, end: number, littleEndian: boolean): void {
    const { notes, capacity } = this.batch;
    if (!notes) return;
    const { view } = this.window;
    notes.words[row] = index;
    notes.words[capacity + row] = options;
    notes.words[2 * capacity + row] = carryOptions(view, options, end, littleEndian, view, options, PACKET_NUMBERS);
  }

  /** A time stamp of an interface as seconds and nanoseconds; seconds beyond 2106 wrap, as in classic pcap. */
  private time(from: CaptureInterface, high: number, low: number): void {
    if (from.nanosecondsOfUnit > 0) {
      // Long division in steps of 16 bits: each intermediate value is exact in a double.
      const units = 1_000_000_000 / from.nanosecondsOfUnit;
      const upper = (high % units) * 65536 + (low >>> 16);
      const lower = (upper % units) * 65536 + (low & 0xffff);
      this.seconds = (Math.floor(upper / units) * 65536 + Math.floor(lower / units)) >>> 0;
      this.nanoseconds = (lower % units) * from.nanosecondsOfUnit;
      return;
    }
    const stamp = (BigInt(high) << 32n) | BigInt(low);
    this.seconds = Number((stamp / from.units + from.offsetSeconds) & 0xffff_ffffn);
    this.nanoseconds = Number(((stamp % from.units) * BILLION) / from.units);
  }
}

function unitsOf(resolution: number): bigint {
  return (resolution & 0x80) !== 0 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
}

function storeWords(state: Uint32Array, at: number, value: bigint): void {
  state[at] = Number(value & 0xffff_ffffn);
  state[at + 1] = Number(value >> 32n);
}

/** A section's header as this machine writes it, with these options. */
export function sectionBlock(littleEndian = true, options: Uint8Array = NO_OPTIONS): Uint8Array {
  const { block, view } = emptyBlock(SECTION_BLOCK, 28 + optionsLength(options), littleEndian);
  view.setUint32(8, BYTE_ORDER_MAGIC, littleEndian);
  view.setUint16(12, 1, littleEndian);
  view.setInt32(16, -1, littleEndian);
  view.setInt32(20, -1, littleEndian);
  block.set(options, 24);
  return block;
}

/** The description of an interface; `resolution` as the format writes it: 9 for nanoseconds. `options` are more of them, in the machine's order. */
export function interfaceBlock(linkType: number, snapLength: number, resolution = 9, littleEndian = true, options: Uint8Array = NO_OPTIONS): Uint8Array {
  const { block, view } = emptyBlock(INTERFACE_BLOCK, 32 + options.length, littleEndian);
  view.setUint16(8, linkType, littleEndian);
  view.setUint32(12, snapLength, littleEndian);
  view.setUint16(16, OPTION_RESOLUTION, littleEndian);
  view.setUint16(18, 1, littleEndian);
  view.setUint8(20, resolution);
  block.set(options, 24);
  return block;
}

/** A packet of an interface. `stamp` counts in the interface's resolution since 1970. */
export function packetBlock(index: number, stamp: bigint, data: Uint8Array, wireLength: number, littleEndian = true, options: Uint8Array = NO_OPTIONS): Uint8Array {
  const padded = (data.length + 3) & ~3;
  const { block, view } = emptyBlock(ENHANCED_PACKET_BLOCK, ENHANCED_AROUND + padded + optionsLength(options), littleEndian);
  view.setUint32(8, index, littleEndian);
  view.setUint32(12, Number(stamp >> 32n), littleEndian);
  view.setUint32(16, Number(stamp & 0xffff_ffffn), littleEndian);
  view.setUint32(20, data.length, littleEndian);
  view.setUint32(24, wireLength, littleEndian);
  block.set(data, ENHANCED_BEFORE);
  block.set(options, ENHANCED_BEFORE + padded);
  return block;
}

/** Options and their end; none have no end. */
function optionsLength(options: Uint8Array): number {
  return options.length > 0 ? options.length + 4 : 0;
}

function emptyBlock(type: number, length: number, littleEndian: boolean): { readonly block: Uint8Array; readonly view: DataView } {
  const block = new Uint8Array(length);
  const view = new DataView(block.buffer);
  view.setUint32(0, type, littleEndian);
  view.setUint32(4, length, littleEndian);
  view.setUint32(length - 4, length, littleEndian);
  return { block, view };
}
