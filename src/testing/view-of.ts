/** Headers of a test's packets. */
import { CurrentPackets } from '../context/current-packets';
import { PacketReader } from '../flow/packet-view';
import { createPacketBatch, packetMemory } from '../model/packet-batch';
import type { PacketView } from '../model/packet-view';
import type { TestPacket } from './packets';

/** The headers of a packet, as a brick of the packet form sees them: `viewOf(packet).destinationPort`. */
export function viewOf({ bytes, wireLength, seconds, nanoseconds, linkType }: TestPacket): PacketView {
  const batch = createPacketBatch(1);
  const current = new CurrentPackets(batch);
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

/** The two ends of a packet's TCP or UDP flow, the same in both directions; nothing where the packet alone does not tell. */
export function flowOf(packet: TestPacket): string | undefined {
  const view = viewOf(packet);
  if (view.sourcePort < 0 || view.isLaterFragment) return undefined;
  const size = view.ipVersion === 4 ? 4 : 16;
  const end = (at: number, port: number): string => `${packet.bytes.subarray(at, at + size).toString('hex')}:${port}`;
  return `${view.protocol} ${[end(view.sourceOffset, view.sourcePort), end(view.destinationOffset, view.destinationPort)].sort().join(' ')}`;
}
