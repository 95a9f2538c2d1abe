/** The bricks and backends that come with Packet Bricks. */
import { LoopbackBackend } from '../../backends/loopback';
import { PcapBackend } from '../../backends/pcap';

export { BUILT_IN_BRICKS } from '../bricks';
export const BUILT_IN_BACKENDS = [PcapBackend, LoopbackBackend] as const;
