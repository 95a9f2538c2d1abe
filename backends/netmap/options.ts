/** Options of the backend, for all links of an engine. */
import type { OptionDeclaration, OptionValues } from '../../src/core/options';

export const NETMAP_OPTIONS: readonly OptionDeclaration[] = [
  { name: 'slots', type: 'integer', minimum: 0, maximum: 16_384, default: 0, description: 'slots of the rings of pipes and switch ports that are made; 0 for the system\'s choice (1,024)' },
  { name: 'rings', type: 'integer', minimum: 0, maximum: 256, default: 0, description: 'rings in each direction of switch ports that are made; 0 for the system\'s choice' },
  { name: 'memoryId', type: 'integer', minimum: 0, maximum: 65_535, default: 0, description: 'memory region of ports that are made; 0 for the system\'s choice; a link name says it too (eth3@4)' },
  { name: 'extraBuffers', type: 'integer', minimum: 0, maximum: 1_000_000, default: 0, description: 'an elastic reserve of buffers behind the rings of all outputs, for readers that are slow for a while' },
  { name: 'groups', type: 'string', oneOf: ['copy', 'chain'], default: 'copy', description: 'a packet that goes to several outputs: a copy for each, or chained from pipe to pipe without a copy, each getting it when the one before has read it' },
  { name: 'batchesTogether', type: 'integer', minimum: 1, maximum: 64, default: 4, description: 'how many batches may share a system call for each output while more packets wait at the input already; 1 for one after each batch' },
  { name: 'longFrames', type: 'string', oneOf: ['auto', 'split', 'drop'], default: 'auto', description: 'frames longer than a slot (2,048 bytes): over several slots, or dropped; auto splits on pipes and switch ports' },
  { name: 'timestamps', type: 'boolean', default: false, description: 'time of arrival by the ring instead of the clock of the engine' },
  { name: 'promiscuous', type: 'boolean', default: true, description: 'interfaces hand up packets for any address' },
  { name: 'offloads', type: 'string', oneOf: ['keep', 'off'], default: 'keep', description: 'what to do with offloads of interfaces that harm netmap: say so, or turn them off until the engine closes' },
  { name: 'linkWaitMilliseconds', type: 'integer', minimum: 0, maximum: 60_000, default: 2000, unit: 'ms', description: 'how long a physical interface is given to bring its link up again after netmap has reset it' },
  { name: 'drainMilliseconds', type: 'integer', minimum: 0, maximum: 60_000, default: 1000, unit: 'ms', description: 'how long closing may take to hand out what the reserve and the send queues still hold' },
];

export interface NetmapOptions {
  readonly slots: number;
  readonly rings: number;
  readonly memoryId: number;
  readonly extraBuffers: number;
  readonly groups: 'copy' | 'chain';
  readonly batchesTogether: number;
  readonly longFrames: 'auto' | 'split' | 'drop';
  readonly timestamps: boolean;
  readonly promiscuous: boolean;
  readonly offloads: 'keep' | 'off';
  readonly linkWaitMilliseconds: number;
  readonly drainMilliseconds: number;
}

/** The options as an engine hands them on, checked before, with what it left out. */
export function netmapOptions(given: OptionValues): NetmapOptions {
  const defaults = Object.fromEntries(NETMAP_OPTIONS.map(({ name, default: value }) => [name, value]));
  return { ...defaults, ...given } as unknown as NetmapOptions;
}
