/** Capture files made by tests: classic pcap with nanoseconds. */
import { writeFileSync } from 'node:fs';

export interface WrittenPacket { readonly bytes: Uint8Array; readonly seconds?: number; readonly nanoseconds?: number; readonly wireLength?: number }

export function captureBytes(packets: readonly WrittenPacket[], linkType = 1): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b23c4d, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(262_144, 16);
  head.writeUInt32LE(linkType, 20);
  const parts: Uint8Array[] = [head];
  packets.forEach(({ bytes, seconds = 1_600_000_000, nanoseconds = 0, wireLength = bytes.length }) => {
    const record = Buffer.alloc(16);
    [seconds, nanoseconds, bytes.length, wireLength].forEach((value, index) => record.writeUInt32LE(value, index * 4));
    parts.push(record, bytes);
  });
  return Buffer.concat(parts);
}

export function writeCapture(path: string, packets: readonly WrittenPacket[], linkType = 1): string {
  writeFileSync(path, captureBytes(packets, linkType));
  return path;
}
