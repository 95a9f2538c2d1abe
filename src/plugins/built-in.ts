/** Parts of the built-in backends that others use directly. */
export { decodePacket } from '../../backends/pcap/decode';
export { netmapRunEnvironment } from '../../backends/netmap/user-space';
export type { LoopbackBackend, LoopbackPacket } from '../../backends/loopback';
export type { NetmapOptions } from '../../backends/netmap/options';
export type { PcapOptions } from '../../backends/pcap/options';
