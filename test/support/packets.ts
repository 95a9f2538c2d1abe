/**
 * Packets for tests, built from the inside out. Each function takes the payload last and returns
 * header and payload:
 *
 *     ethernet({}, vlan({ id: 5 }, ipv4({ source: '10.0.0.1' }, udp({ destinationPort: 53 }, text('hello')))))
 *
 * Each packet remembers which protocol it starts with, so that the header before it names the right
 * type unless it is told one. Checksums of IPv4, UDP and TCP are right.
 */
export {
  bytesOf, hardwareAddress, ipv4Address, ipv6Address, text, words, type HardwareAddress, type Layered, type Payload, type Starts,
} from './packet-bytes';
export * from './link-packets';
export * from './data-centre-packets';
export * from './ip-packets';
export * from './tunnel-packets';
