/** The bricks and backends that come with Packet Bricks. */
import { LoopbackBackend } from '../../backends/loopback';
import { NetmapBackend } from '../../backends/netmap';
import { PcapBackend } from '../../backends/pcap';

export { BUILT_IN_BRICKS } from '../bricks';
export const BUILT_IN_BACKENDS = [NetmapBackend, PcapBackend, LoopbackBackend] as const;
