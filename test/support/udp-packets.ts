/** Plain UDP over IPv4, for captures in which only the flows matter. */
import { bytesOf, ethernet, ipv4, udp } from './packets';

/** A packet of 60 bytes, of which 18 are payload; packets of other source ports are of other flows. */
export function udpPacket(sourcePort: number): Buffer {
  return bytesOf(ethernet({}, ipv4({ source: '10.0.0.1', destination: '10.0.0.2' }, udp({ sourcePort, destinationPort: 53 }, Buffer.alloc(18)))));
}
