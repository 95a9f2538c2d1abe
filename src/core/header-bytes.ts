/** The column of headerBytes, which the engine fills for bricks that read it. */
import { HEADER_BYTES, type PacketBatch, type PacketColumns, type PacketMemory } from '../model/packet-batch';

/** Fills the header bytes of rows 0 to `count` - 1 from one memory. */
export interface HeaderCopier {
  copy(count: number): void;
}

/** Native code where it was built, else `copyHeadersByByte`. */
export type HeaderCopierMaker = (columns: PacketColumns, memory: PacketMemory) => HeaderCopier;

/** Memories that are known at a time; a source may take another one now and then. */
const KNOWN_MAXIMUM = 32;

export class HeaderBytesColumn {
  private readonly known: { readonly memory: PacketMemory; readonly copier: HeaderCopier }[] = [];

  constructor(private readonly columns: PacketColumns, private readonly make: HeaderCopierMaker) {}

  /** For the batch's rows 0 to `count` - 1. */
  fill(batch: PacketBatch, count: number): void {
    const { known } = this;
    let index = 0;
    while (index < known.length && known[index].memory !== batch.memory) index++;
    if (index === known.length) index = this.learn(batch.memory);
    known[index].copier.copy(count);
  }

  /** Best before packets come: it allocates. Returns its place. */
  learn(memory: PacketMemory): number {
    if (this.known.length === KNOWN_MAXIMUM) this.known.shift();
    return this.known.push({ memory, copier: this.make(this.columns, memory) }) - 1;
  }
}

/** Without native code, and what that is to do: nothing is read behind a packet's captured bytes. */
export const copyHeadersByByte: HeaderCopierMaker = ({ headerBytes, offset, length }, { bytes }) => ({
  copy(count) {
    for (let row = 0; row < count; row++) {
      const to = row * HEADER_BYTES;
      const there = Math.min(length[row], HEADER_BYTES);
      for (let byte = 0; byte < there; byte++) headerBytes.setUint8(to + byte, bytes[offset[row] + byte]);
      for (let byte = there; byte < HEADER_BYTES; byte++) headerBytes.setUint8(to + byte, 0);
    }
  },
});
