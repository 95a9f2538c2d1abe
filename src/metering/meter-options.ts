/** What bricks that meter flows have in common: options, counters, gauges. */
import type { OptionDeclarations } from '../model/options';

/** Options of a brick that meters flows: its own come beside them, and defaults may be others. */
export const METER_OPTIONS = {
  active: { type: 'integer', default: 120, minimum: 1, maximum: 86_400, unit: 'seconds', description: 'a flow that lasts longer is exported each time this has passed, and its counts start again from zero' },
  idle: { type: 'integer', default: 30, minimum: 1, maximum: 86_400, unit: 'seconds', description: 'a flow without packets for this long has ended' },
  closed: { type: 'integer', default: 5, minimum: 1, maximum: 86_400, unit: 'seconds', description: 'a TCP connection that was closed or reset is exported after this long without packets, so that its last packets count' },
  bidirectional: { type: 'boolean', default: false, description: 'whether both directions of a connection are one flow' },
  flows: { type: 'integer', default: 1_048_576, minimum: 8, maximum: 8_388_608, description: 'how many flows are known at a time' },
  queue: { type: 'integer', default: 32_768, minimum: 8, maximum: 1_048_576, unit: 'records', description: 'how many records may wait for export, rounded up to a power of two' },
} as const satisfies OptionDeclarations;

/** Their values; from their declarations TypeScript would take the options of a brick to be these alone. */
export interface MeterOptions {
  readonly active: number;
  readonly idle: number;
  readonly closed: number;
  readonly bidirectional: boolean;
  readonly flows: number;
  readonly queue: number;
}

export const METER_COUNTERS = {
  flows: 'flow records that began',
  records: 'flow records that were handed over for export',
  lost: 'flow records that were dropped because too many waited for export',
  evicted: 'flows that were exported early to make room for new ones',
  failed: 'flow records that could not be sent; what fails at the very end is in the log',
  others: 'packets that are not IP, and belong to no flow',
} as const;

export const METER_GAUGES = { active: 'flows that are known now' } as const;

/** Paragraphs of a description. */
export const METER_DESCRIPTION = [
  'A flow is what has the same addresses, protocol, ports (of TCP, UDP and SCTP; of ICMP its type and code) and VLAN; bytes are those of IP packets, headers included. With `bidirectional` it is a connection, whose first packet tells who began it',
  '(if that is a SYN-ACK, its receiver did). Later fragments have no ports. Of tunnels the outer header counts.',
  '',
  'A flow ends when it was silent for `idle`; a TCP connection also by FIN (of both ends, where both are one flow) or RST. One that lasts longer than `active` is exported in parts. Time is that of the packets, so that capture files give the same flows as live traffic.',
  '',
  'Memory is bounded: 128 bytes for each of `flows` and of `queue`, used as needed. When there are more flows, those that would end soonest are exported early (`evicted`). A slow receiver harms no packet: when `queue` is full, records are dropped and counted (`lost`).',
].join('\n');
