/**
 * What the file that is being filled describes before its packets: its header, its interfaces, names and secrets; and what
 * the next packet needs described first. The engine's half; the writer's is in recorder-files.ts.
 */
import { FCS_UNKNOWN, type CaptureSection, type SectionItem } from './capture-section';
import type { CaptureFormat } from './formats';
import { pcapHeader } from './pcap';
import { interfaceBlock, sectionBlock } from './pcapng';

/** A packet's interface is not described in the file yet. */
export const NOT_DESCRIBED = 0xffff_ffff;
/** And can't be: classic pcap has one link type, pcapng 65,536 interfaces. */
export const NO_PLACE = 0xffff_fffe;
const INTERFACES_MAXIMUM = 65_536;

/** Numbers of interfaces that native code looks up; for those beyond it asks. */
const MAP_ROWS = 64;

/** What stands in a file before a packet. */
export interface Preface {
  /** The header, where a file begins. */
  readonly header: Uint8Array | undefined;
  readonly blocks: readonly Uint8Array[];
  readonly bytes: number;
  readonly items: readonly SectionItem[];
}

/** Bytes of an interface's description besides its options. */
const INTERFACE_BYTES = 32;

export const NO_PREFACE: Preface = { header: undefined, blocks: [], bytes: 0, items: [] };

export interface FileFormat {
  readonly format: CaptureFormat;
  readonly nanoseconds: boolean;
  readonly snapLength: number;
  /** Infinity where files grow as they like. */
  readonly rotateBytes: number;
}

export class FileDescription {
  /** By the number of an interface in the section that was described last: its number in the file. */
  readonly map = new Uint32Array(MAP_ROWS).fill(NOT_DESCRIBED);
  /** Names and secrets that had no place in a small file. */
  leftOut = 0;
  /** The link type is the file's, the length of frame check sequences another: classic pcap can't say so. */
  mixedFcs = false;
  private readonly isPcapng: boolean;
  private readonly numbers = new Map<string, number>();
  private readonly said = new Set<string>();
  private revision = 0;
  private begun = false;
  private linkType = -1;
  private fcsBytes = FCS_UNKNOWN;

  constructor(private readonly file: FileFormat) {
    this.isPcapng = file.format === 'pcapng';
  }

  /** Whether all that the section has to say is said, but for interfaces that are described when a packet comes. */
  isCurrent(section: CaptureSection): boolean {
    return this.begun && this.revision === section.revision;
  }

  /** The number in the file of this interface of the section, NOT_DESCRIBED or NO_PLACE. */
  numberOf(section: CaptureSection, index: number): number {
    const from = section.interfaces[index];
    if (!this.isPcapng) {
      if (this.linkType >= 0 && from.linkType !== this.linkType) return NO_PLACE;
      if (this.begun && from.fcsBytes !== this.fcsBytes) this.mixedFcs = true;
      return this.begun ? 0 : NOT_DESCRIBED;
    }
    if (!this.begun) return NOT_DESCRIBED;
    return this.numbers.get(from.key) ?? (this.numbers.size < INTERFACES_MAXIMUM ? NOT_DESCRIBED : NO_PLACE);
  }

  /** What must come before a packet of this interface, in this file or in the next one. */
  owed(section: CaptureSection, index: number, inNext: boolean): Preface {
    const begins = inNext || !this.begun;
    const interfaceOf = section.interfaces[index];
    if (!this.isPcapng) return begins ? preface(pcapHeader(interfaceOf.linkType, this.file.nanoseconds, this.file.snapLength, true, interfaceOf.fcsBytes), [], []) : NO_PREFACE;
    const items = !begins && this.isCurrent(section) ? [interfaceOf] : this.missing(section, index, begins);
    if (!begins && items.length === 0) return NO_PREFACE;
    return preface(begins ? sectionBlock(true, section.options) : undefined, items.map((item) => this.blockOf(section, item)), items);
  }

  private missing(section: CaptureSection, index: number, begins: boolean): readonly SectionItem[] {
    const all = section.items.filter((item) => begins || !(item.interface < 0 ? this.said : this.numbers).has(item.key));
    // A file of a rotation is for packets: where the section has too much to say, it says what its packets need.
    const room = this.file.rotateBytes / 4;
    const left = INTERFACES_MAXIMUM - (begins ? 0 : this.numbers.size);
    if (lengthOf(all) <= room && all.length <= left) return all;
    const others = all.filter((item) => item.interface < 0);
    const fits = lengthOf(others) <= room;
    if (!fits) this.leftOut = Math.max(this.leftOut, others.length);
    return all.filter((item) => (item.interface < 0 ? fits : item.interface === index));
  }

  /** The preface is in the file now. */
  add(section: CaptureSection, index: number, given: Preface): void {
    if (given.header) {
      this.numbers.clear();
      this.said.clear();
      this.begun = true;
      this.linkType = section.interfaces[index].linkType;
      this.fcsBytes = section.interfaces[index].fcsBytes;
    }
    for (const item of given.items) {
      if (item.interface < 0) this.said.add(item.key);
      else this.numbers.set(item.key, this.numbers.size);
    }
    this.revision = section.revision;
    this.map.fill(NOT_DESCRIBED);
    for (let k = Math.min(MAP_ROWS, section.interfaces.length) - 1; k >= 0; k--) this.map[k] = this.numberOf(section, k);
  }

  private blockOf(section: CaptureSection, item: SectionItem): Uint8Array {
    return item.interface < 0 ? item.bytes : interfaceBlock(section.interfaces[item.interface].linkType, this.file.snapLength, 9, true, item.bytes);
  }
}

function lengthOf(items: readonly SectionItem[]): number {
  return items.reduce((sum, item) => sum + item.bytes.length + (item.interface < 0 ? 0 : INTERFACE_BYTES), 0);
}

function preface(header: Uint8Array | undefined, blocks: readonly Uint8Array[], items: readonly SectionItem[]): Preface {
  return { header, blocks, items, bytes: blocks.reduce((sum, block) => sum + block.length, header?.length ?? 0) };
}
