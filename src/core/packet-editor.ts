/** Changes to where a packet starts and ends. Bytes themselves a brick writes to the packet's memory. */
import type { Packets, PacketEdits } from './brick';

export class PacketEditor implements PacketEdits {
  /** `headroom`: bytes in front of each packet; 0 where it lies where its source has put it. */
  constructor(private readonly packets: Packets, private readonly label: string, private readonly headroom: number) {}

  insert(row: number, at: number, count: number): boolean {
    const { offset, length, wireLength, memory } = this.packets;
    this.check(row, at, count);
    if (at > length[row] || count > this.headroom) return false;
    const start = offset[row];
    memory.bytes.copyWithin(start - count, start, start + at);
    memory.bytes.fill(0, start - count + at, start + at);
    offset[row] = start - count;
    length[row] += count;
    wireLength[row] += count;
    this.align(row);
    return true;
  }

  remove(row: number, at: number, count: number): boolean {
    const { offset, length, wireLength, memory } = this.packets;
    this.check(row, at, count);
    if (at + count > length[row]) return false;
    const start = offset[row];
    memory.bytes.copyWithin(start + count, start, start + at);
    offset[row] = start + count;
    length[row] -= count;
    wireLength[row] = Math.max(length[row], wireLength[row] - count);
    this.align(row);
    return true;
  }

  truncate(row: number, to: number): void {
    const { length } = this.packets;
    this.check(row, 0, to);
    if (to < length[row]) length[row] = to;
  }

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
    if (!(at >= 0 && count >= 0 && Number.isInteger(at) && Number.isInteger(count) && row < this.packets.batch.count)) {
      throw new Error(`${this.label} edits row ${row} at ${at} by ${count}: these must be whole numbers from 0 on, and the row one of its packets`);
    }
  }
}
