/** Headers of a test's packets. */
import { viewOf } from '../flow/view-of';
import type { TestPacket } from './packets';

export { viewOf };

/** The two ends of a packet's TCP or UDP flow, the same in both directions; nothing where the packet alone does not tell. */
export function flowOf(packet: TestPacket): string | undefined {
  const view = viewOf(packet);
  if (view.sourcePort < 0 || view.isLaterFragment) return undefined;
  const size = view.ipVersion === 4 ? 4 : 16;
  const end = (at: number, port: number): string => `${packet.bytes.subarray(at, at + size).toString('hex')}:${port}`;
  return `${view.protocol} ${[end(view.sourceOffset, view.sourcePort), end(view.destinationOffset, view.destinationPort)].sort().join(' ')}`;
}
