/** The built-in bricks: their modules, and the classes by which programs describe them. */
import { brickClass } from '../core/brick-description';
import type { OptionValues } from '../core/options';
import { dummy } from './dummy';
import { duplicator } from './duplicator';
import { filter, type FilterOptions } from './filter';
import { loadBalancer, type LoadBalancerOptions } from './load-balancer';
import { merge } from './merge';
import { pcapReader } from './pcap-reader';
import { pcapWriter } from './pcap-writer';

/** Options of a brick that has none. */
export type NoOptions = Readonly<Record<string, never>>;

export const LoadBalancer = brickClass<LoadBalancerOptions | number>(loadBalancer.declaration);
export const Duplicator = brickClass<NoOptions>(duplicator.declaration);
export const Merge = brickClass<NoOptions>(merge.declaration);
export const Dummy = brickClass<NoOptions>(dummy.declaration);
export const Filter = brickClass<FilterOptions | string>(filter.declaration);
export const PcapReader = brickClass<OptionValues>(pcapReader.declaration);
export const PcapWriter = brickClass<OptionValues>(pcapWriter.declaration);

export const BUILT_IN_BRICKS = [loadBalancer, duplicator, merge, dummy, filter, pcapReader, pcapWriter] as const;
export type { FilterOptions, LoadBalancerOptions };
