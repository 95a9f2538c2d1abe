/** The built-in bricks: their modules, and the classes by which programs describe them. */
import { brickClass } from '../core/brick-description';
import { dummy } from './dummy';
import { duplicator } from './duplicator';
import { loadBalancer, type LoadBalancerOptions } from './load-balancer';
import { merge } from './merge';

/** Options of a brick that has none. */
export type NoOptions = Readonly<Record<string, never>>;

export const LoadBalancer = brickClass<LoadBalancerOptions | number>(loadBalancer.declaration);
export const Duplicator = brickClass<NoOptions>(duplicator.declaration);
export const Merge = brickClass<NoOptions>(merge.declaration);
export const Dummy = brickClass<NoOptions>(dummy.declaration);

export const BUILT_IN_BRICKS = [loadBalancer, duplicator, merge, dummy];
export type { LoadBalancerOptions };
