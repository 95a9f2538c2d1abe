/** Changes to where a packet starts and ends. Bytes themselves a brick writes to the packet's memory. */
import type { Packets, PacketEdits } from '../model/brick';
import type { PacketMemory } from '../model/packet-batch';

/** Where the room of each packet begins and ends. */
export interface EditRoom {
  roomBegin(row: number): number;
  roomEnd(row: number): number;
}

export class PacketEditor implements PacketEdits {
  /** Called after each change, for a view of the packet. */
  onChange: (row: number) => void = nothing;

  /** `room`: undefined where packets lie where their source has put them; then none may grow. */
  constructor(private readonly packets: Packets, private readonly label: string, private readonly room: EditRoom | undefined) {}

  readonly insert = (row: number, at: number, count: number): boolean => {
    const { offset, length, wireLength, memory: { bytes } } = this.packets;
    this.check(row, at, count);
    const start = offset[row];
    const before = length[row];
    if (at > before) return false;
    // As far to the end of the room as the packet goes: what alignment takes at its start is not lost to the next insertion.
    const fitting = ((this.room ? this.room.roomEnd(row) : start + before) - before - count) & ~3;
    const begin = Math.min(start, fitting);
    if (begin < (this.room ? this.room.roomBegin(row) : start)) return false;
    if (begin < start) moveToFront(bytes, begin, start, at);
    // Where there is room in front, nothing behind the gap moves.
    if (begin + count !== start) bytes.copyWithin(begin + at + count, start + at, start + before);
    clear(bytes, begin + at, count);
    offset[row] = begin;
    length[row] = before + count;
    wireLength[row] += count;
    this.onChange(row);
    return true;
  };

  readonly remove = (row: number, at: number, count: number): boolean => {
    const { offset, length, wireLength, memory } = this.packets;
    this.check(row, at, count);
    if (at + count > length[row]) return false;
    const start = offset[row];
    const end = start + length[row];
    // Packets start at multiples of 4: what is behind the gap moves to the front a little where it would not.
    const begin = (start + count) & ~3;
    moveToBack(memory.bytes, begin, start, at);
    if (begin < start + count) moveALittle(memory, begin + at, start + at + count, end);
    offset[row] = begin;
    length[row] -= count;
    wireLength[row] = Math.max(length[row], wireLength[row] - count);
    this.onChange(row);
    return true;
  };

  readonly truncate = (row: number, to: number): void => {
    const { length } = this.packets;
    this.check(row, 0, to);
    if (to < length[row]) length[row] = to;
    this.onChange(row);
  };

  readonly trim = (row: number, to: number): void => {
    const { length, wireLength } = this.packets;
    this.check(row, 0, to);
    if (to < wireLength[row]) wireLength[row] = to;
    if (to < length[row]) length[row] = to;
    this.onChange(row);
  };

  private check(row: number, at: number, count: number): void {
    if (!(isNatural(row) && isNatural(at) && isNatural(count) && row < this.packets.batch.count)) {
      throw new Error(`${this.label} edits row ${row} at ${at} by ${count}: these must be whole numbers from 0 on, and the row one of its packets`);
    }
  }
}

/** A whole number below 2^31. */
function isNatural(value: number): boolean {
  return value >= 0 && (value | 0) === value;
}

/** Up to here a loop is faster than a call of the runtime (some 30 ns). */
const SHORT = 32;

function moveToFront(bytes: Uint8Array, to: number, from: number, count: number): void {
  if (count > SHORT) bytes.copyWithin(to, from, from + count);
  else for (let index = 0; index < count; index++) bytes[to + index] = bytes[from + index];
}

function moveToBack(bytes: Uint8Array, to: number, from: number, count: number): void {
  if (count > SHORT) bytes.copyWithin(to, from, from + count);
  else for (let index = count - 1; index >= 0; index--) bytes[to + index] = bytes[from + index];
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** Up to here whole words, put together from two each, are faster than a call of the runtime (40 ns for 60 bytes; 18 ns that way). */
const MEDIUM = 256;

/** By one to three bytes to the front. */
function moveALittle({ bytes, words }: PacketMemory, to: number, from: number, end: number): void {
  if ((to & 3) !== 0 || end - from > MEDIUM || !LITTLE_ENDIAN) {
    bytes.copyWithin(to, from, end);
    return;
  }
  const shift = (from & 3) << 3;
  // No word behind the packet is read: memory may end there.
  const whole = Math.max(to, to + end - from - 3) >>> 2;
  let source = from >>> 2;
  let word = words[source];
  for (let target = to >>> 2; target < whole; target++) {
    const next = words[++source];
    words[target] = (word >>> shift) | (next << (32 - shift));
    word = next;
  }
  for (let target = whole << 2; target < to + end - from; target++) bytes[target] = bytes[target + from - to];
}

function clear(bytes: Uint8Array, from: number, count: number): void {
  if (count > SHORT) bytes.fill(0, from, from + count);
  else for (let index = from; index < from + count; index++) bytes[index] = 0;
}

function nothing(): void {}
