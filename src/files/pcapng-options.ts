/** Options of pcapng blocks, as they are carried into another file: in this machine's byte order, checked, without those that must not be copied. */

/** Where numbers stand in an option's value: from which byte on, and how many bytes. All else is bytes. */
type Numbers = ReadonlyMap<number, readonly [from: number, bytes: number]>;

const END_OF_OPTIONS = 0;
/** Custom options begin with the number of the organisation that defined them. Those of the other two codes are not to be copied. */
const CUSTOM_TEXT = 2988;
const CUSTOM_BYTES = 2989;
const NOT_COPIED: ReadonlySet<number> = new Set([19372, 19373]);

const CUSTOM_NUMBERS: readonly (readonly [number, readonly [number, number]])[] = [[CUSTOM_TEXT, [0, 4]], [CUSTOM_BYTES, [0, 4]]];
/** Of a packet: flags, drops before it, its identity, its queue; the verdict's number. */
export const PACKET_NUMBERS: Numbers = new Map([...CUSTOM_NUMBERS, [2, [0, 4]], [4, [0, 8]], [5, [0, 8]], [6, [0, 4]], [7, [1, 8]]]);
/** Of an interface: its speeds, and the old time zone. */
export const INTERFACE_NUMBERS: Numbers = new Map([...CUSTOM_NUMBERS, [8, [0, 8]], [10, [0, 4]], [16, [0, 8]], [17, [0, 8]]]);
export const OTHER_NUMBERS: Numbers = new Map(CUSTOM_NUMBERS);

/**
 * Writes the options that stand at `at` to `end` at `to` of `target`, which may be the same memory from there on or before; returns
 * how many bytes they have now, a multiple of 4. What is no option any more ends them.
 */
export function carryOptions(
  view: DataView, at: number, end: number, littleEndian: boolean, target: DataView, to: number, numbers: Numbers, leftOut: ReadonlySet<number> = new Set(),
): number {
  const begin = to;
  while (at + 4 <= end) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    const padded = (length + 3) & ~3;
    if (code === END_OF_OPTIONS) {
      target.setUint32(to, 0);
      return to + 4 - begin;
    }
    if (at + 4 + padded > end) break;
    if (!NOT_COPIED.has(code) && !leftOut.has(code)) {
      target.setUint16(to, code, true);
      target.setUint16(to + 2, length, true);
      for (let index = 4; index < 4 + padded; index++) target.setUint8(to + index, view.getUint8(at + index));
      const [from, bytes] = numbers.get(code) ?? [0, 0];
      if (!littleEndian && bytes > 0 && length >= from + bytes) turnAround(target, to + 4 + from, bytes);
      to += 4 + padded;
    }
    at += 4 + padded;
  }
  return to - begin;
}

/** The same in their own memory, without their end. */
export function copyOptions(view: DataView, at: number, end: number, littleEndian: boolean, numbers: Numbers, leftOut?: ReadonlySet<number>): Uint8Array {
  const copy = new Uint8Array(Math.max(0, end - at) + 4);
  const length = carryOptions(view, at, end, littleEndian, new DataView(copy.buffer), 0, numbers, leftOut);
  return copy.slice(0, hasEnd(new DataView(copy.buffer), length) ? length - 4 : length);
}

/** Whether the last of these options is their end. */
function hasEnd(view: DataView, length: number): boolean {
  for (let at = 0; at + 4 <= length;) {
    if (view.getUint16(at, true) === END_OF_OPTIONS) return true;
    at += 4 + ((view.getUint16(at + 2, true) + 3) & ~3);
  }
  return false;
}

function turnAround(view: DataView, at: number, bytes: number): void {
  for (let index = 0; index < bytes >> 1; index++) {
    const first = view.getUint8(at + index);
    view.setUint8(at + index, view.getUint8(at + bytes - 1 - index));
    view.setUint8(at + bytes - 1 - index, first);
  }
}
