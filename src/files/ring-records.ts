/** The records that lie in the ring of a file sink (record-encoder.ts). */
import type { CaptureFormat } from './formats';
import { HEAD, TAIL } from './record-encoder';

export interface RingOfRecords {
  readonly format: CaptureFormat;
  readonly bytes: Uint8Array;
  readonly control: Uint32Array;
}

function ringWord(bytes: Uint8Array, position: number): number {
  const mask = bytes.length - 1;
  return (bytes[position & mask] | (bytes[(position + 1) & mask] << 8) | (bytes[(position + 2) & mask] << 16) | (bytes[(position + 3) & mask] << 24)) >>> 0;
}

/** Bytes of the record at this position, and of its packet. */
export function recordAt({ format, bytes }: RingOfRecords, position: number): { readonly record: number; readonly packet: number } {
  if (format === 'pcapng') return { record: ringWord(bytes, position + 4), packet: ringWord(bytes, position + 20) };
  const packet = ringWord(bytes, position + 8);
  return { record: 16 + packet, packet };
}

/** What was encoded and not written. */
export function unwritten(ring: RingOfRecords): { readonly packets: number; readonly bytes: number } {
  const tail = Atomics.load(ring.control, TAIL);
  const length = (Atomics.load(ring.control, HEAD) - tail) >>> 0;
  let packets = 0;
  let bytes = 0;
  for (let at = 0; at < length;) {
    const { record, packet } = recordAt(ring, tail + at);
    at += record;
    packets++;
    bytes += packet;
  }
  return { packets, bytes };
}
