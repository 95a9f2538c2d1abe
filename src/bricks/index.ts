/** The built-in bricks. */
export { Dummy } from './dummy';
export { Duplicator } from './duplicator';
export { Filter } from './filter';
export { LoadBalancer } from './load-balancer';
export { Merge } from './merge';
export { PcapReader } from './pcap-reader';
export { PcapWriter } from './pcap-writer';
export type { FilterOptions } from './filter';
export type { LoadBalancerOptions } from './load-balancer';
export type { PcapReaderOptions } from './pcap-reader';
export type { PcapWriterOptions } from './pcap-writer';
