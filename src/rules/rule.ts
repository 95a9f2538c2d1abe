/** What a rule is: to which packets it applies, and what becomes of them. */

/** An IP address as four words of 32 bits without a sign; of IPv4 only the first is used. */
export type AddressWords = readonly [number, number, number, number];

/** An address, or all addresses that begin alike. */
export interface Subnet {
  readonly version: 4 | 6;
  readonly words: AddressWords;
  /** How many bits count: 32 or 128 for one address. */
  readonly length: number;
}

/** A hardware address: its first four bytes, and its last two. */
export type HardwareAddress = readonly [number, number];

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMP6 = 58;

/** Packets from or to an address. */
export interface AddressEntity {
  readonly kind: 'address';
  readonly subnet: Subnet;
}

/** Packets between two ends, in both directions. Without a protocol: TCP and UDP. ICMP has no ports. */
export interface ConnectionEntity {
  readonly kind: 'connection';
  readonly source: Subnet;
  readonly sourcePort: number;
  readonly destination: Subnet;
  readonly destinationPort: number;
  readonly protocol?: number;
}

/** Packets in one direction. What is absent matches anything. */
export interface FlowEntity {
  readonly kind: 'flow';
  readonly source?: Subnet;
  readonly sourcePort?: number;
  readonly destination?: Subnet;
  readonly destinationPort?: number;
  readonly protocol?: number;
  readonly sourceMac?: HardwareAddress;
  readonly destinationMac?: HardwareAddress;
}

/** Frames from or to a hardware address. */
export interface MacEntity {
  readonly kind: 'mac';
  readonly mac: HardwareAddress;
}

export type Entity = AddressEntity | ConnectionEntity | FlowEntity | MacEntity;

/** What a MODIFY rule writes into packets. */
export interface Modification {
  readonly source?: Subnet;
  readonly destination?: Subnet;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly sourceMac?: HardwareAddress;
  readonly destinationMac?: HardwareAddress;
}

export const RULE_TYPES = ['drop', 'whitelist', 'redirect', 'modify'] as const;
export type RuleType = (typeof RULE_TYPES)[number];

/** What becomes of a packet. */
export interface Action {
  readonly type: RuleType;
  /** Rules of a larger one come first. Whole, of 32 bits with a sign. */
  readonly priority: number;
  /** The output of a packet that passes. */
  readonly output: number;
  readonly modification?: Modification;
  /** Drops the bulk of flows only: SYN, FIN and RST pass. */
  readonly shunt: boolean;
}

export interface Rule extends Action {
  /** By which it is removed; one is made up if there is none. */
  readonly id?: string;
  readonly entity: Entity;
  /** Seconds that it lasts from the moment it is added; for good if absent. */
  readonly expire?: number;
  /** Which filter it is for. */
  readonly location?: string;
}
