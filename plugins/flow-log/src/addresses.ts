/** Addresses of flow records, as text and as bytes. */
import type { FlowRecord } from 'bricks-plugin-flow-meter/flows';

function words(record: FlowRecord, ofDestination: boolean): number[] {
  return Array.from({ length: record.ipVersion === 4 ? 1 : 4 }, (_, index) => record.addressWord(ofDestination, index) >>> 0);
}

/** In network order. */
export function addressBytes(record: FlowRecord, ofDestination: boolean): Buffer {
  const numbers = words(record, ofDestination);
  const bytes = Buffer.alloc(4 * numbers.length);
  numbers.forEach((word, index) => bytes.writeUInt32BE(word, 4 * index));
  return bytes;
}

/** IPv6 as RFC 5952 writes it: the longest run of zeros, of two groups at least, is left out. */
export function addressText(record: FlowRecord, ofDestination: boolean): string {
  const numbers = words(record, ofDestination);
  if (numbers.length === 1) return [24, 16, 8, 0].map((shift) => (numbers[0] >>> shift) & 0xff).join('.');
  const groups = numbers.flatMap((word) => [(word >>> 16).toString(16), (word & 0xffff).toString(16)]);
  let [start, length] = [0, 0];
  for (let at = 0; at < groups.length; at++) {
    let end = at;
    while (groups[end] === '0') end++;
    if (end - at > length) [start, length] = [at, end - at];
    at = Math.max(at, end - 1);
  }
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}
