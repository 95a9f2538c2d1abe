/** The records that lie in the ring of a file sink (record-encoder.ts). */
import type { CaptureFormat } from './formats';
import { HEAD, MARK_BYTES, MARK_WORD, TAIL } from './record-encoder';

export interface RingOfRecords {
  readonly format: CaptureFormat;
  readonly bytes: Uint8Array;
  readonly control: Uint32Array;
}

function ringWord(bytes: Uint8Array, position: number): number {
  const mask = bytes.length - 1;
  return (bytes[position & mask] | (bytes[(position + 1) & mask] << 8) | (bytes[(position + 2) & mask] << 16) | (bytes[(position + 3) & mask] << 24)) >>> 0;
}

/** Whether a mark stands at this position. */
function isMark({ bytes }: RingOfRecords, position: number): boolean {
  return ringWord(bytes, position + 8) === MARK_WORD;
}

/** The distance from this position to the next mark, or `length` if there is none before. */
export function distanceToMark(ring: RingOfRecords, position: number, length: number): number {
  let at = 0;
  while (at < length && !isMark(ring, position + at)) at += recordAt(ring, position + at).record;
  return Math.min(at, length);
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
    if (isMark(ring, tail + at)) {
      at += MARK_BYTES;
      continue;
    }
    const { record, packet } = recordAt(ring, tail + at);
    at += record;
    packets++;
    bytes += packet;
  }
  return { packets, bytes };
}
