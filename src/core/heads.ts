/** The column of heads, which the engine fills for bricks that read it. */
import { HEAD_BYTES, type PacketBatch, type PacketColumns, type PacketMemory } from '../model/packet-batch';

/** Fills the heads of rows 0 to `count` - 1 from one memory. */
export interface HeadCopier {
  copy(count: number): void;
}

/** Native code where it was built, else `copyHeadsByByte`. */
export type HeadCopierMaker = (columns: PacketColumns, memory: PacketMemory) => HeadCopier;

/** Memories that are known at a time; a source may take another one now and then. */
const KNOWN_MAXIMUM = 32;

export class HeadColumn {
  private readonly known: { readonly memory: PacketMemory; readonly copier: HeadCopier }[] = [];

  constructor(private readonly columns: PacketColumns, private readonly make: HeadCopierMaker) {}

  /** For the batch's rows 0 to `count` - 1. */
  fill(batch: PacketBatch, count: number): void {
    const { known } = this;
    let index = 0;
    while (index < known.length && known[index].memory !== batch.memory) index++;
    if (index === known.length) index = this.learn(batch.memory);
    known[index].copier.copy(count);
  }

  /** Best before packets come: it allocates. Answers its place. */
  learn(memory: PacketMemory): number {
    if (this.known.length === KNOWN_MAXIMUM) this.known.shift();
    return this.known.push({ memory, copier: this.make(this.columns, memory) }) - 1;
  }
}

/** Without native code, and what that is to do: nothing is read behind a packet's captured bytes. */
export const copyHeadsByByte: HeadCopierMaker = ({ heads, offset, length }, { bytes }) => ({
  copy(count) {
    for (let row = 0; row < count; row++) {
      const to = row * HEAD_BYTES;
      const there = Math.min(length[row], HEAD_BYTES);
      for (let byte = 0; byte < there; byte++) heads.setUint8(to + byte, bytes[offset[row] + byte]);
      for (let byte = there; byte < HEAD_BYTES; byte++) heads.setUint8(to + byte, 0);
    }
  },
});
