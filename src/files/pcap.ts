/** Classic pcap: the file's header, and the reference parser of its records. */
import type { PacketBatch } from '../model/packet-batch';
import {
  MAGIC_MICROSECONDS, MAGIC_MODIFIED, MAGIC_NANOSECONDS, LONGEST_PACKET, MAXIMUM_PACKET, PCAP_HEADER, PCAP_MODIFIED_RECORD, PCAP_RECORD, SNAP_LENGTH,
} from './formats';
import {
  BYTES, DAMAGE_PACKET_LENGTH, END, FORMAT, LINK_TYPE, OLD_LENGTHS, POSITION, RECORD_HEADER, ROWS, STOP, STOP_FULL, STOP_MORE,
  SWAPPED, UNITS, alignPacket, damaged, isDue, skipPast, type ReaderWindow,
} from './reader-state';

/** In the field of the link type: whether the length of frame check sequences is known, and from which bit on it stands, in units of two bytes. */
const FCS_KNOWN = 0x0400_0000;
const FCS_SHIFT = 28;

export interface PcapHeader {
  readonly littleEndian: boolean;
  readonly nanoseconds: boolean;
  readonly modified: boolean;
  readonly linkType: number;
  /** Bytes of the frame check sequence at the end of each packet, -1 where that is unknown. */
  readonly fcsBytes: number;
  readonly versionMajor: number;
  readonly versionMinor: number;
  readonly snapLength: number;
}

/** The file's header, or nothing if these 24 bytes are none. */
export function parsePcapHeader(view: DataView, at = 0): PcapHeader | undefined {
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(at, littleEndian);
    if (magic !== MAGIC_MICROSECONDS && magic !== MAGIC_NANOSECONDS && magic !== MAGIC_MODIFIED) continue;
    const linkField = view.getUint32(at + 20, littleEndian);
    return {
      littleEndian,
      nanoseconds: magic === MAGIC_NANOSECONDS,
      modified: magic === MAGIC_MODIFIED,
      versionMajor: view.getUint16(at + 4, littleEndian),
      versionMinor: view.getUint16(at + 6, littleEndian),
      snapLength: view.getUint32(at + 16, littleEndian),
      linkType: linkField & 0xffff,
      fcsBytes: (linkField & FCS_KNOWN) !== 0 ? (linkField >>> FCS_SHIFT) * 2 : -1,
    };
  }
  return undefined;
}

export function startPcap(state: Uint32Array, header: PcapHeader): void {
  state[FORMAT] = 0;
  state[SWAPPED] = header.littleEndian ? 0 : 1;
  state[LINK_TYPE] = header.linkType;
  state[UNITS] = header.nanoseconds ? 1_000_000_000 : 1_000_000;
  state[RECORD_HEADER] = header.modified ? PCAP_MODIFIED_RECORD : PCAP_RECORD;
  state[OLD_LENGTHS] = header.versionMajor === 2 && header.versionMinor <= 3 ? 1 : 0;
}

/** Appends rows to the batch until it is full, or something else is to be done. */
export function parsePcapRecords(state: Uint32Array, window: ReaderWindow, batch: PacketBatch): void {
  const { view, memory } = window;
  const littleEndian = state[SWAPPED] === 0;
  const units = state[UNITS];
  const nanosecondsOfUnit = 1_000_000_000 / units;
  const headerBytes = state[RECORD_HEADER];
  const end = state[END];
  let position = state[POSITION];
  let row = state[ROWS];
  let bytes = state[BYTES];
  state[STOP] = STOP_FULL;
  while (row < batch.capacity) {
    if (end - position < headerBytes) {
      state[STOP] = STOP_MORE;
      break;
    }
    let seconds = view.getUint32(position, littleEndian);
    let fraction = view.getUint32(position + 4, littleEndian);
    let length = view.getUint32(position + 8, littleEndian);
    let wireLength = view.getUint32(position + 12, littleEndian);
    if (length > wireLength && state[OLD_LENGTHS] === 1) [length, wireLength] = [wireLength, length];
    if (length > MAXIMUM_PACKET) {
      if (length > LONGEST_PACKET) {
        damaged(state, DAMAGE_PACKET_LENGTH);
        break;
      }
      position = skipPast(state, position + headerBytes + length);
      continue;
    }
    if (end - position - headerBytes < length) {
      state[STOP] = STOP_MORE;
      break;
    }
    if (fraction >= units) {
      seconds = (seconds + Math.floor(fraction / units)) >>> 0;
      fraction %= units;
    }
    const nanoseconds = fraction * nanosecondsOfUnit;
    if (!isDue(state, seconds, nanoseconds)) break;
    batch.seconds[row] = seconds;
    batch.nanoseconds[row] = nanoseconds;
    batch.length[row] = length;
    batch.wireLength[row] = wireLength < length ? length : wireLength;
    batch.offset[row] = alignPacket(memory.bytes, position + headerBytes, length);
    position += headerBytes + length;
    bytes += length;
    row++;
  }
  state[POSITION] = position;
  state[ROWS] = row;
  state[BYTES] = bytes;
}

/** A file's header as this machine writes it. */
export function pcapHeader(linkType: number, nanoseconds: boolean, snapLength = SNAP_LENGTH, littleEndian = true, fcsBytes = -1): Uint8Array {
  const header = new Uint8Array(PCAP_HEADER);
  const view = new DataView(header.buffer);
  view.setUint32(0, nanoseconds ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS, littleEndian);
  view.setUint16(4, 2, littleEndian);
  view.setUint16(6, 4, littleEndian);
  view.setUint32(16, snapLength, littleEndian);
  const fcs = fcsBytes < 0 ? 0 : FCS_KNOWN + Math.min(15, fcsBytes >>> 1) * 2 ** FCS_SHIFT;
  view.setUint32(20, linkType + fcs, littleEndian);
  return header;
}
