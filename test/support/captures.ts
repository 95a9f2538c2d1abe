/** The captures of real packets that tests use where they are, and a reader that shares no code with the product's. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The folder of captures, or undefined where there is none. */
export function capturesFolder(): string | undefined {
  const folder = process.env.BRICKS_CAPTURES ?? resolve(__dirname, '../../../shared/data/captures');
  return existsSync(folder) ? folder : undefined;
}

/** `describe`, or a skipped one that says what it lacks. */
export function describeWithCaptures(title: string, body: (folder: string) => void): void {
  const folder = capturesFolder();
  if (folder !== undefined) describe(title, () => body(folder));
  else describe.skip(`${title} (skipped: no captures; set BRICKS_CAPTURES to their folder)`, () => { test('needs captures', () => undefined); });
}

/** A file that lies beside the folder of captures. */
export function besideCaptures(folder: string, name: string): string {
  return join(dirname(resolve(folder)), name);
}

export function captureNames(folder: string): string[] {
  return readdirSync(folder).filter((name) => /\.pcap(ng)?$/.test(name)).sort();
}

export interface CapturedPacket {
  readonly bytes: Buffer;
  readonly wireLength: number;
  /** As pcap numbers them. */
  readonly linkType: number;
}

/** All packets of a classic pcap or a pcapng file, as far as they are whole. */
export function readCapture(file: string): CapturedPacket[] {
  const content = readFileSync(file);
  return content.length >= 4 && content.readUInt32BE(0) === 0x0a0d0d0a ? readPcapng(content) : readClassic(content);
}

function readClassic(content: Buffer): CapturedPacket[] {
  const magic = content.readUInt32LE(0);
  const little = magic === 0xa1b2c3d4 || magic === 0xa1b23c4d;
  const read = (at: number): number => (little ? content.readUInt32LE(at) : content.readUInt32BE(at));
  const linkType = read(20) & 0xffff;
  const packets: CapturedPacket[] = [];
  for (let at = 24; at + 16 <= content.length;) {
    const length = read(at + 8);
    if (at + 16 + length > content.length) break;
    packets.push({ bytes: content.subarray(at + 16, at + 16 + length), wireLength: read(at + 12), linkType });
    at += 16 + length;
  }
  return packets;
}

function readPcapng(content: Buffer): CapturedPacket[] {
  const packets: CapturedPacket[] = [];
  let linkTypes: number[] = [];
  let little = true;
  const read = (at: number): number => (little ? content.readUInt32LE(at) : content.readUInt32BE(at));
  for (let at = 0; at + 12 <= content.length;) {
    if (content.readUInt32BE(at) === 0x0a0d0d0a) {
      little = content.readUInt32LE(at + 8) === 0x1a2b3c4d;
      linkTypes = [];
    }
    const size = read(at + 4);
    if (size < 12 || at + size > content.length) break;
    switch (read(at)) {
      case 1:
        linkTypes.push(little ? content.readUInt16LE(at + 8) : content.readUInt16BE(at + 8));
        break;
      case 6: {
        const length = read(at + 20);
        packets.push({ bytes: content.subarray(at + 28, at + 28 + length), wireLength: read(at + 24), linkType: linkTypes[read(at + 8)] });
        break;
      }
      default:
        break;
    }
    at += size;
  }
  return packets;
}
