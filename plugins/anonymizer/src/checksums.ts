/** Internet checksums (RFC 1071): sums of 16-bit words whose carries are added again. */

/** The sum of the words from `from` to `end`; an odd byte at the end counts as the first of its word. 64 KiB fit into 31 bits. */
export function sumOf(view: DataView, from: number, end: number): number {
  let sum = 0;
  let at = from;
  for (; at + 2 <= end; at += 2) sum += view.getUint16(at);
  return at < end ? sum + (view.getUint8(at) << 8) : sum;
}

/** In 16 bits. */
export function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16);
  return rest;
}

/** A checksum after a change of what it is about, from one sum to another (RFC 1624): one that was wrong stays wrong. */
export function updated(checksum: number, before: number, after: number): number {
  return ~folded((~checksum & 0xffff) + (~folded(before) & 0xffff) + folded(after)) & 0xffff;
}

/** Whether two sums are the same, where 0 is 0xffff. */
export function isSame(first: number, second: number): boolean {
  return folded(first) % 0xffff === folded(second) % 0xffff;
}
