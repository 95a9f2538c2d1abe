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

/** The headers of a packet, as a brick of the packet form sees them: `viewOf(packet).destinationPort`. */
export function viewOf({ bytes, wireLength, seconds, nanoseconds, linkType }: SinglePacket): PacketView {
  const columns = createPacketColumns(1);
  const batch = createPacketBatch(1, columns);
  const current = new CurrentPackets(columns);
  batch.memory = packetMemory(new Uint8Array(bytes).buffer);
  batch.linkType = linkType;
  batch.length[0] = bytes.length;
  batch.wireLength[0] = wireLength;
  batch.seconds[0] = seconds;
  batch.nanoseconds[0] = nanoseconds;
  current.enter(batch, 1);
  const view = new PacketReader(current, false);
  view.moveTo(0);
  return view;
}
