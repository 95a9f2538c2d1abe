/**
 * Frames for tests, built from the inside out. Each function takes the payload last and returns
 * header and payload:
 *
 *     ethernet({}, vlan({ id: 5 }, ipv4({ source: '10.0.0.1' }, udp({ destinationPort: 53 }, 'hello'))))
 *
 * Each header remembers which protocol it starts with, so that the one before it names the right
 * type unless one is given. Checksums and lengths are right unless they are to be wrong.
 */
export { bytesOf, hardwareAddress, ipv4Address, ipv6Address, words, type Checksum, type HardwareAddress, type Layered, type Payload, type Starts } from './layers';
export * from './link';
export * from './data-centre';
export * from './ip';
export * from './transport';
export * from './tunnels';
export { SAMPLES } from './samples';
