/** What a recording is to be: its files, their names, and what stands in one without packets. */
import { extname } from 'node:path';
import type { CaptureFormat } from './formats';
import { pcapHeader } from './pcap';
import { interfaceBlock, sectionBlock } from './pcapng';

/** Until a packet tells another one. */
export const FIRST_LINK_TYPE = 1;

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
}

/** The name of the n-th file. */
export function numberedName(path: string, number: number): string {
  const ending = extname(path);
  return `${path.slice(0, path.length - ending.length)}-${String(number).padStart(5, '0')}${ending}`;
}

/** What a file without packets holds. */
export function emptyFile(plan: Pick<RecordFilePlan, 'format' | 'nanoseconds' | 'snapLength'>, linkTypes: readonly number[]): Uint8Array {
  const [first = FIRST_LINK_TYPE] = linkTypes;
  if (plan.format === 'pcap') return pcapHeader(first, plan.nanoseconds, plan.snapLength);
  return Buffer.concat([sectionBlock(), ...(linkTypes.length > 0 ? linkTypes : [first]).map((linkType) => interfaceBlock(linkType, plan.snapLength))]);
}
