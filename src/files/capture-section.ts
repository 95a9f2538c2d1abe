/** What a section of a capture file tells besides its packets, and belongs in a copy: its interfaces, names of addresses, secrets. */
import type { PacketSection } from '../model/packet-notes';
import { DECRYPTION_SECRETS_BLOCK, NAME_RESOLUTION_BLOCK, OPTION_FCS_LENGTH, OPTION_RESOLUTION, OPTION_TIME_OFFSET } from './formats';
import { INTERFACE_NUMBERS, OTHER_NUMBERS, copyOptions } from './pcapng-options';

/** Nothing is known of frame check sequences. */
export const FCS_UNKNOWN = -1;

export interface SectionItem {
  /** Equal for what need not be written twice into one file. */
  readonly key: string;
  /** The block as this machine writes it; of an interface, its options. */
  readonly bytes: Uint8Array;
  /** The number of the interface in its section, or -1 for another block. */
  readonly interface: number;
}

export interface CaptureInterface extends SectionItem {
  readonly linkType: number;
  /** Bytes of the frame check sequence at the end of each packet, or FCS_UNKNOWN. */
  readonly fcsBytes: number;
}

const NO_OPTIONS = new Uint8Array(0);
/** A copy has its own resolution, and no offset. */
const OF_TIME_STAMPS: ReadonlySet<number> = new Set([OPTION_RESOLUTION, OPTION_TIME_OFFSET]);

let revisions = 0;

export class CaptureSection implements PacketSection {
  revision = ++revisions;
  readonly interfaces: CaptureInterface[] = [];
  /** Interfaces and other blocks, in the order of the file. */
  readonly items: SectionItem[] = [];

  /** `options` are those of the section itself. */
  constructor(readonly options: Uint8Array = NO_OPTIONS) {}

  addInterface(linkType: number, fcsBytes: number, options: Uint8Array = NO_OPTIONS): void {
    const index = this.interfaces.length;
    const added = { key: `${index} ${linkType} ${textOf(options)}`, bytes: options, interface: index, linkType, fcsBytes };
    this.interfaces.push(added);
    this.add(added);
  }

  addBlock(bytes: Uint8Array): void {
    this.add({ key: textOf(bytes), bytes, interface: -1 });
  }

  private add(item: SectionItem): void {
    this.items.push(item);
    this.revision = ++revisions;
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

const plain = new Map<number, CaptureSection>();

/** The section of packets of which no more than their link type is known, and perhaps the length of their check sequences. */
export function plainSection(linkType: number, fcsBytes = FCS_UNKNOWN): CaptureSection {
  const key = linkType * 64 + fcsBytes + 1;
  let section = plain.get(key);
  if (!section) {
    section = new CaptureSection();
    section.addInterface(linkType, fcsBytes, fcsBytes === FCS_UNKNOWN ? NO_OPTIONS : fcsOption(fcsBytes));
    plain.set(key, section);
  }
  return section;
}

function fcsOption(fcsBytes: number): Uint8Array {
  return Uint8Array.of(OPTION_FCS_LENGTH, 0, 1, 0, fcsBytes, 0, 0, 0);
}

/** The options of an interface that a copy keeps. */
export function interfaceOptions(view: DataView, at: number, end: number, littleEndian: boolean): Uint8Array {
  return copyOptions(view, at, end, littleEndian, INTERFACE_NUMBERS, OF_TIME_STAMPS);
}

/** The format says bits and gives 4 as its example; programs write bytes. A sequence of more than 8 bytes there is not. */
export function fcsBytesOf(options: Uint8Array): number {
  const view = new DataView(options.buffer, options.byteOffset, options.byteLength);
  for (let at = 0; at + 4 <= options.length; at += 4 + ((view.getUint16(at + 2, true) + 3) & ~3)) {
    if (view.getUint16(at, true) !== OPTION_FCS_LENGTH || view.getUint16(at + 2, true) !== 1) continue;
    const length = options[at + 4];
    return length > 8 ? length >>> 3 : length;
  }
  return FCS_UNKNOWN;
}

export function sectionOptions(view: DataView, at: number, end: number, littleEndian: boolean): Uint8Array {
  return copyOptions(view, at, end, littleEndian, OTHER_NUMBERS);
}

/** Names of addresses, or secrets of connections, as this machine writes them; nothing if the block is none that a copy keeps, or damaged. */
export function carriedBlock(view: DataView, type: number, position: number, total: number, littleEndian: boolean): Uint8Array | undefined {
  if (type !== NAME_RESOLUTION_BLOCK && type !== DECRYPTION_SECRETS_BLOCK) return undefined;
  const end = position + total - 4;
  const options = type === NAME_RESOLUTION_BLOCK ? endOfNames(view, position + 8, end, littleEndian) : endOfSecrets(view, position, end, littleEndian);
  if (options < 0) return undefined;
  const carried = copyOptions(view, options, end, littleEndian, OTHER_NUMBERS);
  const body = options - position;
  const length = body + carried.length + 4;
  const block = new Uint8Array(new SharedArrayBuffer(length));
  const copy = new DataView(block.buffer);
  block.set(new Uint8Array(view.buffer, view.byteOffset + position, body));
  block.set(carried, body);
  copy.setUint32(0, type, true);
  copy.setUint32(4, length, true);
  copy.setUint32(length - 4, length, true);
  if (littleEndian) return block;
  if (type === DECRYPTION_SECRETS_BLOCK) {
    copy.setUint32(8, view.getUint32(position + 8, false), true);
    copy.setUint32(12, view.getUint32(position + 12, false), true);
  } else {
    for (let at = 8; at + 4 <= body; at += 4 + ((copy.getUint16(at + 2, true) + 3) & ~3)) {
      copy.setUint16(at, view.getUint16(position + at, false), true);
      copy.setUint16(at + 2, view.getUint16(position + at + 2, false), true);
    }
  }
  return block;
}

/** Where the options of a name resolution block begin, or -1. */
function endOfNames(view: DataView, at: number, end: number, littleEndian: boolean): number {
  while (at + 4 <= end) {
    const type = view.getUint16(at, littleEndian);
    const next = at + 4 + ((view.getUint16(at + 2, littleEndian) + 3) & ~3);
    if (next > end) return -1;
    if (type === 0) return next;
    at = next;
  }
  return at === end ? end : -1;
}

function endOfSecrets(view: DataView, position: number, end: number, littleEndian: boolean): number {
  if (position + 16 > end) return -1;
  const options = position + 16 + Math.ceil(view.getUint32(position + 12, littleEndian) / 4) * 4;
  return options <= end ? options : -1;
}
