/** Packets that links have dropped long after their batch, as a separate batch that taps look at. */
import { fillArrival } from '../buffers/copy-packets';
import { takeLateDrops } from '../model/late-drops';
import { createPacketBatch, packetMemory, type PacketBatch } from '../model/packet-batch';

/** One such packet: row 0 of `batch`. */
export interface LatePacket {
  readonly batch: PacketBatch;
  readonly output: number;
  readonly reason: number;
}

/** Takes what has been noted, and calls a function with each packet. Its time is that of its drop: when it came is not known any more. Returns how many found no room. */
export function eachLatePacket(notes: Uint32Array, call: (packet: LatePacket) => void): number {
  const { drops, lost } = takeLateDrops(notes);
  const batch = createPacketBatch(1);
  batch.memory = packetMemory(notes.buffer);
  batch.count = 1;
  for (const { output, reason, offset, known, length } of drops) {
    batch.offset[0] = offset;
    batch.length[0] = known;
    fillArrival(batch, 0, 1);
    batch.wireLength[0] = length;
    call({ batch, output, reason });
  }
  return lost;
}
