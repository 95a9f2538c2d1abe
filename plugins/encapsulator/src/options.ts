/** The options of Encapsulator, and what is wrong with them beyond their types. */
import { BricksError, hardwareAddressBytes, ipAddressWords, type OptionDeclarations, type OptionsOf } from 'packet-bricks';

export const KINDS = ['vxlan', 'geneve', 'gre', 'erspan', 'erspan3', 'gtp'] as const;
export type Kind = (typeof KINDS)[number];

/** The largest number that names a tunnel. */
const ID_MAXIMUM: Readonly<Record<Kind, number>> = { vxlan: 0xffffff, geneve: 0xffffff, gre: 0xffffffff, erspan: 1023, erspan3: 1023, gtp: 0xffffffff };
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
  sourceMac: { type: 'string', description: 'MAC address that frames come from; by default that of the interface on the way to the destination' },
  nextHopMac: { type: 'string', description: 'MAC address that frames go to; by default the next hop\'s, by the routes and neighbours of this machine' },
  ttl: { type: 'integer', default: 64, minimum: 1, maximum: 255, description: 'time to live, or hop limit' },
  dscp: { type: 'integer', default: 0, minimum: 0, maximum: 63, description: 'differentiated services code point' },
  dontFragment: { type: 'boolean', default: false, description: 'forbid routers to fragment IPv4 packets' },
  udpChecksum: { type: 'boolean', default: false, description: 'write UDP checksums over IPv4 too; over IPv6 they always are' },
  tuple: { type: 'integer', oneOf: [2, 4], default: 4, description: 'what makes a flow: 2 for both addresses, 4 for addresses and ports' },
  inner: { type: 'boolean', default: false, description: 'share out by the innermost flow where packets are in tunnels already' },
  health: { type: 'string', oneOf: ['none', 'tcp', 'udp', 'icmp'], default: 'none', description: 'how to find out whether a destination is up: it accepts a TCP connection, answers a UDP datagram, or answers a ping' },
  healthPort: { type: 'integer', minimum: 1, maximum: 65_535, description: 'the port of that' },
  interval: { type: 'integer', default: 1000, minimum: 50, maximum: 3_600_000, unit: 'ms', description: 'time between two checks of a destination' },
  timeout: { type: 'integer', default: 1000, minimum: 10, maximum: 20_000, unit: 'ms', description: 'how long an answer may take' },
  failures: { type: 'integer', default: 3, minimum: 1, maximum: 1000, description: 'how many checks in a row must fail before a destination counts as down; one that succeeds brings it back up' },
} as const satisfies OptionDeclarations;

export type EncapsulatorOptions = OptionsOf<typeof ENCAPSULATOR_OPTIONS>;

/** Words of an IP address: one of IPv4, four of IPv6. */
export type AddressWords = readonly number[];

/** The same, as numbers. */
export interface Ends {
  readonly source: AddressWords;
  readonly destinations: readonly AddressWords[];
  readonly sourceMac: Uint8Array | undefined;
  readonly nextHopMac: Uint8Array | undefined;
}

function wrong(text: string): BricksError {
  return new BricksError('E_OPTION', `Encapsulator: ${text}.`);
}

/** @throws BricksError E_OPTION */
export function endsOf({ destinations, source, kind, id, sourceMac, nextHopMac, health, healthPort }: EncapsulatorOptions): Ends {
  const from = ipAddress('source', source);
  const to = destinations.map((text) => ipAddress('destinations', text));
  const other = to.findIndex(({ length }) => length !== from.length);
  if (other >= 0) throw wrong(`the destination ${destinations[other]} and the source ${source} must both be IPv4 or both be IPv6`);
  const twice = to.map(String).findIndex((text, index, all) => all.indexOf(text) !== index);
  if (twice >= 0) throw wrong(`the destination ${destinations[twice]} is given twice`);
  if (id > ID_MAXIMUM[kind]) throw wrong(`the option "id" is ${id}; for the kind "${kind}" it must be at most ${ID_MAXIMUM[kind]}`);
  if ((health === 'tcp' || health === 'udp') && healthPort === undefined) throw wrong(`health = "${health}" needs the option "healthPort"`);
  return { source: from, destinations: to, sourceMac: macAddress('sourceMac', sourceMac), nextHopMac: macAddress('nextHopMac', nextHopMac) };
}

function ipAddress(option: string, text: string): AddressWords {
  const words = ipAddressWords(text);
  if (!words) throw wrong(`the option "${option}" has "${text}"; it must be an IP address, such as 10.0.0.1 or fd00::1`);
  return words;
}

function macAddress(option: string, text: string | undefined): Uint8Array | undefined {
  const bytes = text === undefined ? undefined : hardwareAddressBytes(text);
  if (text !== undefined && !bytes) throw wrong(`the option "${option}" is "${text}"; it must be a MAC address, such as 02:00:00:00:00:01`);
  return bytes;
}
