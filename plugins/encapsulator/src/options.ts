/** The options of Encapsulator, and what is wrong with them beyond their types. */
import { HEALTH_OPTIONS, NEXT_HOP_OPTIONS, checkHealthOptions, destinationAddresses, givenNextHop, ipAddressOption, optionError, type NextHop, type OptionDeclarations, type OptionsOf } from 'packet-bricks';

const KINDS = ['vxlan', 'geneve', 'gre', 'erspan', 'erspan3', 'gtp'] as const;
export type Kind = (typeof KINDS)[number];

interface Tunnel {
  /** How long its header is, behind IP and UDP. */
  readonly bytes: number;
  /** The usual UDP port of those that go over UDP. */
  readonly port?: number;
  /** The largest number that names one. */
  readonly idMaximum: number;
}

export const TUNNELS: Readonly<Record<Kind, Tunnel>> = {
  vxlan: { bytes: 8, port: 4789, idMaximum: 0xffffff },
  geneve: { bytes: 8, port: 6081, idMaximum: 0xffffff },
  gre: { bytes: 8, idMaximum: 0xffffffff },
  erspan: { bytes: 16, idMaximum: 1023 },
  erspan3: { bytes: 20, idMaximum: 1023 },
  gtp: { bytes: 8, port: 2152, idMaximum: 0xffffffff },
};
/** Less leaves no room for the headers in front of the smallest frame. */
const MTU_MINIMUM = 256;

export const ENCAPSULATOR_OPTIONS = {
  destinations: { type: 'string', list: 'any', required: true, description: 'IP addresses of the sensors, all IPv4 or all IPv6' },
  source: { type: 'string', required: true, description: 'the IP address that packets come from, of this machine' },
  kind: { type: 'string', oneOf: KINDS, default: 'vxlan', description: 'the tunnel: VXLAN, GENEVE, GRE with a key around Ethernet, ERSPAN type II or type III, or GTP-U around IP without Ethernet' },
  id: { type: 'integer', default: 1, minimum: 0, maximum: 0xffffffff, description: 'its number: network identifier of VXLAN and GENEVE, key of GRE, session of ERSPAN, endpoint of GTP-U' },
  port: { type: 'integer', default: 0, minimum: 0, maximum: 65_535, description: 'the UDP port of VXLAN, GENEVE or GTP-U; 0 for 4789, 6081 or 2152' },
  mtu: { type: 'integer', default: 1500, minimum: MTU_MINIMUM, maximum: 65_535, unit: 'bytes', description: 'the longest IP packet that is sent, all headers included' },
  tooLong: { type: 'string', oneOf: ['cut', 'drop'], default: 'cut', description: 'what becomes of packets for which that is too short: their end is cut off, or they are dropped' },
  ...NEXT_HOP_OPTIONS,
  ttl: { type: 'integer', default: 64, minimum: 1, maximum: 255, description: 'time to live, or hop limit' },
  dscp: { type: 'integer', default: 0, minimum: 0, maximum: 63, description: 'differentiated services code point' },
  dontFragment: { type: 'boolean', default: false, description: 'forbid routers to fragment IPv4 packets' },
  udpChecksum: { type: 'boolean', default: false, description: 'write UDP checksums over IPv4 too; over IPv6 they always are' },
  tuple: { type: 'integer', oneOf: [2, 4], default: 4, description: 'what makes a flow: 2 for both addresses, 4 for addresses and ports' },
  inner: { type: 'boolean', default: false, description: 'share out by the innermost flow where packets are in tunnels already' },
  ...HEALTH_OPTIONS,
} as const satisfies OptionDeclarations;

export type EncapsulatorOptions = OptionsOf<typeof ENCAPSULATOR_OPTIONS>;

/** The same, as numbers. */
export interface Ends {
  readonly source: readonly number[];
  readonly destinations: readonly (readonly number[])[];
  readonly nextHop: Partial<NextHop>;
}

const NAME = 'Encapsulator';

/** @throws BricksError E_OPTION */
export function endsOf(options: EncapsulatorOptions): Ends {
  const { destinations, source, kind, id } = options;
  const from = ipAddressOption(NAME, 'source', source);
  const to = destinationAddresses(NAME, 'destinations', destinations);
  const other = to.findIndex(({ length }) => length !== from.length);
  if (other >= 0) throw optionError(NAME, `the destination ${destinations[other]} and the source ${source} must both be IPv4 or both be IPv6`);
  const { idMaximum } = TUNNELS[kind];
  if (id > idMaximum) throw optionError(NAME, `the option "id" is ${id}; for the kind "${kind}" it must be at most ${idMaximum}`);
  checkHealthOptions(NAME, options);
  return { source: from, destinations: to, nextHop: givenNextHop(NAME, options) };
}
