/** Changes to where a packet starts and ends. Bytes themselves a brick writes to the packet's memory. */
import type { Packets, PacketEdits } from '../model/brick';

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
    if (begin < start) bytes.copyWithin(begin, start, start + at);
    bytes.copyWithin(begin + at + count, start + at, start + before);
    bytes.fill(0, begin + at, begin + at + count);
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
    memory.bytes.copyWithin(start + count, start, start + at);
    offset[row] = start + count;
    length[row] -= count;
    wireLength[row] = Math.max(length[row], wireLength[row] - count);
    this.align(row);
    this.onChange(row);
    return true;
  };

  readonly truncate = (row: number, to: number): void => {
    const { length } = this.packets;
    this.check(row, 0, to);
    if (to < length[row]) length[row] = to;
    this.onChange(row);
  };

  /** Packets start at multiples of 4: one that does not is moved to the front a little. */
  private align(row: number): void {
    const { offset, length, memory } = this.packets;
    const start = offset[row];
    const off = start & 3;
    if (off === 0) return;
    memory.bytes.copyWithin(start - off, start, start + length[row]);
    offset[row] = start - off;
  }

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

function nothing(): void {}
