/**
 * The npm package `pcap` (node-pcap): an optional dependency, so that it is loaded only when it is asked for,
 * and its absence is no error. It does not load in a worker thread once the main thread has it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../model/errors';

/** What we use of it. */
export interface NodePcapPacket {
  readonly buf: Buffer;
  /** seconds, microseconds, captured length, length: 32 bits each */
  readonly header: Buffer;
  readonly link_type: string;
}

export interface NodePcapSession {
  readonly link_type: string;
  on(event: 'packet', listener: (packet: NodePcapPacket) => void): this;
  stats(): { readonly ps_recv: number; readonly ps_drop: number; readonly ps_ifdrop: number };
  close(): void;
}

export interface NodePcap {
  readonly lib_version: string;
  warningHandler: (text: string) => void;
  findalldevs(): { readonly name: string; readonly description?: string; readonly flags?: string; readonly addresses?: readonly ({ readonly addr?: string } | undefined)[] }[];
  createSession(device: string, options: Readonly<Record<string, unknown>>): NodePcapSession;
  createOfflineSession(path: string, options: { readonly filter: string }): NodePcapSession;
}

let nodePcap: NodePcap | undefined;
let tried = false;

/** The package, or nothing where it is not installed, was not built or does not load in this thread. */
export function tryNodePcap(): NodePcap | undefined {
  if (!tried) {
    tried = true;
    try {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- optional, and only when asked for
      nodePcap = require('pcap') as NodePcap;
    } catch {
      nodePcap = undefined;
    }
  }
  return nodePcap;
}

/** What libpcap, asked by node-pcap, has against an expression; empty for nothing. */
export function checkWithNodePcap(expression: string, linkType: number): string {
  const pcap = tryNodePcap();
  if (!pcap) return '';
  // It compiles only for a capture that is open: an empty file of the link type.
  const directory = mkdtempSync(join(tmpdir(), 'bricks-filter-'));
  try {
    const file = join(directory, 'empty.pcap');
    const header = new DataView(new ArrayBuffer(24));
    header.setUint32(0, 0xa1b2c3d4, true);
    header.setUint16(4, 2, true);
    header.setUint16(6, 4, true);
    header.setUint32(16, 262_144, true);
    header.setUint32(20, linkType, true);
    writeFileSync(file, new Uint8Array(header.buffer));
    // It lets go of the file when it next comes to read it.
    pcap.createOfflineSession(file, { filter: expression }).close();
    return '';
  } catch (error) {
    return messageOf(error);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** node-pcap's word for a link type as a number; it knows five by name. */
export function linkTypeNumber(word: string): number {
  const known: Readonly<Record<string, number>> = {
    LINKTYPE_NULL: 0, LINKTYPE_ETHERNET: 1, LINKTYPE_RAW: 101, LINKTYPE_LINUX_SLL: 113, LINKTYPE_IEEE802_11_RADIO: 127,
  };
  return known[word] ?? Number(/\d+$/.exec(word)?.[0] ?? 0);
}

export function linkTypeWord(linkType: number): string | undefined {
  return ['LINKTYPE_NULL', 'LINKTYPE_ETHERNET', 'LINKTYPE_RAW', 'LINKTYPE_LINUX_SLL', 'LINKTYPE_IEEE802_11_RADIO']
    .find((word) => linkTypeNumber(word) === linkType);
}
