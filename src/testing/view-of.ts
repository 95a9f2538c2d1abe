/** Headers of a test's packets. */
import { viewOf as viewOfPacket } from '../flow/view-of';
import type { PacketView } from '../model/packet-view';
import type { TestPacket } from './packets';

/** The headers of a packet, as a brick of the packet form sees them: `viewOf(packet).destinationPort`. */
export function viewOf(packet: TestPacket): PacketView {
  return viewOfPacket(packet);
}

/** The two ends of a packet's TCP or UDP flow, the same in both directions; nothing where the packet alone does not tell. */
export function flowOf(packet: TestPacket): string | undefined {
  const view = viewOf(packet);
  if (view.sourcePort < 0 || view.isLaterFragment) return undefined;
  const size = view.ipVersion === 4 ? 4 : 16;
  const end = (at: number, port: number): string => `${packet.bytes.subarray(at, at + size).toString('hex')}:${port}`;
  return `${view.protocol} ${[end(view.sourceOffset, view.sourcePort), end(view.destinationOffset, view.destinationPort)].sort().join(' ')}`;
}
