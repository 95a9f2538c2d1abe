/** What a recording is to be: its files, their names, and what stands in one without packets. */
import { extname } from 'node:path';
import type { CaptureFormat } from './formats';
import { pcapHeader } from './pcap';
import { interfaceBlock, sectionBlock } from './pcapng';

/** Until a packet tells another one. */
const FIRST_LINK_TYPE = 1;

/** What a file is to be like; can be cloned into another thread. */
export interface RecordFilePlan {
  readonly path: string;
  readonly format: CaptureFormat;
  readonly nanoseconds: boolean;
  readonly snapLength: number;
  /** Files are numbered: trace-00001.pcap and so on. */
  readonly rotates: boolean;
  readonly slot: number;
  readonly bytes: Uint8Array;
  readonly control: Uint32Array;
  /** Why it can't be written, where that is no error of the system: a text, with zeros behind it. */
  readonly problem: Uint8Array;
}

/** In ERROR_NUMBER: no error of the system, but a mistake of ours; `problem` tells which. */
export const INTERNAL_ERROR = 0xffff_ffff;
export const PROBLEM_BYTES = 1024;

/** The name of the n-th file. */
export function numberedName(path: string, number: number): string {
  const ending = extname(path);
  return `${path.slice(0, path.length - ending.length)}-${String(number).padStart(5, '0')}${ending}`;
}

/** What a file without packets holds. */
export function emptyFile({ format, nanoseconds, snapLength }: Pick<RecordFilePlan, 'format' | 'nanoseconds' | 'snapLength'>): Uint8Array {
  if (format === 'pcap') return pcapHeader(FIRST_LINK_TYPE, nanoseconds, snapLength);
  return Buffer.concat([sectionBlock(), interfaceBlock(FIRST_LINK_TYPE, snapLength)]);
}
