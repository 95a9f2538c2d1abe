/** The built-in bricks. */
import { Dummy } from './dummy';
import { Duplicator } from './duplicator';
import { Filter } from './filter';
import { LoadBalancer } from './load-balancer';
import { Merge } from './merge';
import { PcapReader } from './pcap-reader';
import { PcapWriter } from './pcap-writer';

export { Dummy, Duplicator, Filter, LoadBalancer, Merge, PcapReader, PcapWriter };

/** All bricks that come with Packet Bricks. */
export const BUILT_IN_BRICKS = [LoadBalancer, Duplicator, Merge, Dummy, Filter, PcapReader, PcapWriter] as const;
export type { FilterOptions } from './filter';
export type { LoadBalancerOptions } from './load-balancer';
export type { PcapReaderOptions } from './pcap-reader';
export type { PcapWriterOptions } from './pcap-writer';
