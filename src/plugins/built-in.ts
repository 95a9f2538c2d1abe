/** The bricks and backends that come with Packet Bricks. */
import { LoopbackBackend } from '../../backends/loopback';
import { dummy } from '../bricks/dummy';
import { duplicator } from '../bricks/duplicator';
import { loadBalancer } from '../bricks/load-balancer';
import { merge } from '../bricks/merge';

export const BUILT_IN_BRICKS = [loadBalancer, duplicator, merge, dummy];
export const BUILT_IN_BACKENDS = [LoopbackBackend];
