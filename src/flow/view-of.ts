/** Headers of a packet that stands alone. */
import { CurrentPackets } from '../context/current-packets';
import { createPacketBatch, createPacketColumns, packetMemory } from '../model/packet-batch';
import type { PacketView } from '../model/packet-view';
import { PacketReader } from './packet-reader';

/** A packet in its own memory. */
export interface SinglePacket {
  /** Its captured bytes. */
  readonly bytes: Uint8Array;
  /** Bytes on the wire. */
  readonly wireLength: number;
  /** Time of arrival. */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** As pcap numbers them: 1 is Ethernet. */
  readonly linkType: number;
}

/** The least memory for a packet; larger ones get more. */
const MEMORY_BYTES = 256;

/** Reads one such packet after the other, each in the same place. */
export class SinglePacketReader {
  private readonly columns = createPacketColumns(1);
  private readonly batch = createPacketBatch(1, this.columns);
  private readonly current = new CurrentPackets(this.columns);
  private readonly reader = new PacketReader(this.current, false);

  /** What it returns holds until it is called again. */
  read({ bytes, wireLength, seconds, nanoseconds, linkType }: SinglePacket): PacketView {
    const { batch, reader } = this;
    if (batch.memory.bytes.length < bytes.length) batch.memory = packetMemory(new ArrayBuffer(Math.max(MEMORY_BYTES, (bytes.length + 3) & ~3)));
    batch.memory.bytes.set(bytes);
    batch.linkType = linkType;
    batch.length[0] = bytes.length;
    batch.wireLength[0] = wireLength;
    batch.seconds[0] = seconds;
    batch.nanoseconds[0] = nanoseconds;
    this.current.enter(batch, 1);
    reader.moveTo(0);
    return reader;
  }
}

/** The headers of a packet, as a brick of the packet form sees them: `viewOf(packet).destinationPort`. */
export function viewOf(packet: SinglePacket): PacketView {
  return new SinglePacketReader().read(packet);
}
