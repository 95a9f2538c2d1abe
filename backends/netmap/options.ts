/** Options of the backend, for all links of an engine. */
import { listOptions, type GivenOptions, type OptionDeclarations, type OptionsOf, type OptionValues } from '../../src/model/options';

export const NETMAP_OPTIONS = {
  /** Slots of the rings of pipes and switch ports that are made; 0 for the system's choice (1,024). Range: 0 to 16,384. Default: 0. */
  slots: { type: 'integer', minimum: 0, maximum: 16_384, default: 0, description: 'slots per ring of the pipes and switch ports that we create; 0 leaves it to the system (1,024)' },
  /** Rings in each direction of switch ports that are made; 0 for the system's choice. Range: 0 to 256. Default: 0. */
  rings: { type: 'integer', minimum: 0, maximum: 256, default: 0, description: 'rings per direction of the switch ports that we create; 0 leaves it to the system' },
  /** Memory region of ports that are made; 0 for the system's choice; a link name says it too (eth3@4). Range: 0 to 65,535. Default: 0. */
  memoryId: { type: 'integer', minimum: 0, maximum: 65_535, default: 0, description: 'memory region of the ports that we create; 0 leaves it to the system; a link name can also set it (eth3@4)' },
  /** An elastic reserve of buffers behind the rings of all outputs, for readers that are slow for a while. Range: 0 to 1,000,000. Default: 0. */
  extraBuffers: { type: 'integer', minimum: 0, maximum: 1_000_000, default: 0, description: 'a shared reserve of buffers behind the rings of all outputs, for readers that fall behind for a while' },
  /** A packet that goes to several outputs: a copy for each, or chained from pipe to pipe without a copy, each getting it when the one before has read it. Default: "copy". */
  groups: { type: 'string', oneOf: ['copy', 'chain'], default: 'copy', description: 'what to do with a packet for several outputs: copy it for each, or chain it from pipe to pipe without a copy, each getting it once the previous one has read it' },
  /** How many batches may share a system call for each output while more packets wait at the input already; 1 for one after each batch. Range: 1 to 64. Default: 4. */
  batchesTogether: { type: 'integer', minimum: 1, maximum: 64, default: 4, description: 'how many batches may share a system call per output while more packets are already waiting at the input; 1 means one call after each batch' },
  /** Frames longer than a slot (2,048 bytes): over several slots, or dropped; auto splits on pipes and switch ports. Default: "auto". */
  longFrames: { type: 'string', oneOf: ['auto', 'split', 'drop'], default: 'auto', description: 'what to do with frames longer than a slot (2,048 bytes): split them over several slots, or drop them; auto splits on pipes and switch ports' },
  /** Time of arrival by the ring instead of the clock of the engine. Default: false. */
  timestamps: { type: 'boolean', default: false, description: 'take the time of arrival from the ring instead of the engine clock' },
  /** Interfaces hand up packets for any address. Default: true. */
  promiscuous: { type: 'boolean', default: true, description: 'interfaces deliver packets for any address' },
  /** What to do with offloads of interfaces that harm netmap: say so, or turn them off until the engine closes. Default: "keep". */
  offloads: { type: 'string', oneOf: ['keep', 'off'], default: 'keep', description: 'what to do with interface offloads that interfere with netmap: report them, or turn them off until the engine closes' },
  /** How long a physical interface is given to bring its link up again after netmap has reset it. Range: 0 to 60,000 ms. Default: 2,000. */
  linkWaitMilliseconds: { type: 'integer', minimum: 0, maximum: 60_000, default: 2000, unit: 'ms', description: 'how long to wait for a physical interface to bring its link up again after netmap has reset it' },
  /** How long closing may take to hand out what the reserve and the send queues still hold. Range: 0 to 60,000 ms. Default: 1,000. */
  drainMilliseconds: { type: 'integer', minimum: 0, maximum: 60_000, default: 1000, unit: 'ms', description: 'how long closing may take to deliver what the reserve and the send queues still hold' },
} as const satisfies OptionDeclarations;

/** Options of the netmap backend. */
export interface NetmapOptions extends GivenOptions<typeof NETMAP_OPTIONS> {}

export type NetmapSettings = OptionsOf<typeof NETMAP_OPTIONS>;

/** The options as an engine hands them on, checked before, with what it left out. */
export function netmapSettings(given: OptionValues): NetmapSettings {
  const defaults = Object.fromEntries(listOptions(NETMAP_OPTIONS).map(({ name, default: value }) => [name, value]));
  return { ...defaults, ...given } as unknown as NetmapSettings;
}
