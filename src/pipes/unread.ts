/** What is left in pipes that nobody reads, when their engine closes them. */
import { createPacketBatch } from '../model/packet-batch';
import { PacketRingReader, ringReader } from '../ring/packet-ring';
import { coreAddon } from '../native/core-addon';
import type { PreparedPipe, PreparedPipes } from './prepare';

export interface UnreadPackets {
  /** The link, as the engine wrote to it. */
  readonly text: string;
  readonly packets: number;
  readonly bytes: number;
}

/** Packets in pipes that this engine wrote and no program is attached to: with the pipe they will be gone. */
export function unreadPackets(prepared: unknown): UnreadPackets[] {
  const pipes = (prepared as PreparedPipes | undefined)?.pipes ?? [];
  return pipes.filter((pipe) => pipe.role === 'write').map(countUnread).filter(({ packets }) => packets > 0);
}

function countUnread(pipe: PreparedPipe): UnreadPackets {
  const memory = pipe.end === undefined ? pipe.ring && new Uint8Array(pipe.ring) : coreAddon()?.pipeView(pipe.end);
  let packets = 0;
  let bytes = 0;
  if (memory && ringReader(memory.buffer, memory.byteOffset) === 0) {
    const reader = new PacketRingReader(memory.buffer, memory.byteOffset);
    const batch = createPacketBatch();
    for (let count = reader.fill(batch, 0, batch.capacity); count > 0; count = reader.fill(batch, 0, batch.capacity)) {
      packets += count;
      for (let row = 0; row < count; row++) bytes += batch.length[row];
    }
  }
  return { text: pipe.text, packets, bytes };
}
