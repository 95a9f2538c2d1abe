/** The bricks and backends that come with Packet Bricks: the one place that knows the backends. */
import { LoopbackBackend } from '../../backends/loopback';
import { NetmapBackend } from '../../backends/netmap';
import { PcapBackend } from '../../backends/pcap';

export { BUILT_IN_BRICKS } from '../bricks';
export const BUILT_IN_BACKENDS = [NetmapBackend, PcapBackend, LoopbackBackend] as const;
export { decodePacket } from '../../backends/pcap';
export { netmapRunEnvironment } from '../../backends/netmap/user-space';
export type { LoopbackBackend, LoopbackPacket } from '../../backends/loopback';
export type { NetmapOptions } from '../../backends/netmap/options';
export type { PcapOptions } from '../../backends/pcap/options';
