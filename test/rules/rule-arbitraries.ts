/** Random rules and packets over few addresses, so that they often meet. */
import fc from 'fast-check';
import { maskedWords } from '../../src/rules/addresses';
import type { AddressWords, Entity, HardwareAddress, Rule, Subnet } from '../../src/rules/rule';
import { KEY_DESTINATION, KEY_FLAGS, KEY_MACS, KEY_PORTS, KEY_SOURCE, META_MACS, META_PORTS, META_PROTOCOL } from '../../src/rules/layout';
import type { PacketFacts } from './plain-rules';

const WORDS4 = [0x0a000001, 0x0a000002, 0x0a000103, 0x0aff0001, 0xc0000201, 0xffffffff, 0];
const WORDS6: AddressWords[] = [[0x20010db8, 0, 0, 1], [0x20010db8, 0, 0, 2], [0x20010db8, 0x10000, 0, 1], [0xfe800000, 0, 0x12345678, 0x9abcdef0], [0, 0, 0, 0], [0x20010db9, 0xffffffff, 0xffffffff, 0xffffffff]];
const MACS: HardwareAddress[] = [[0x02000000, 1], [0x02000000, 2], [0xffffffff, 0xffff], [0x0200beef, 0x8001]];

const address4 = fc.constantFrom(...WORDS4);
const address6 = fc.constantFrom(...WORDS6);
const port = fc.constantFrom(0, 1, 80, 443, 65_535);
const mac = fc.constantFrom(...MACS);
const protocol = fc.constantFrom(6, 6, 17, 1, 58, 47);

export function subnetOf(version: 4 | 6, words: AddressWords, length: number): Subnet {
  return { version, words: maskedWords(words, length), length };
}

const single4 = address4.map((word) => subnetOf(4, [word, 0, 0, 0], 32));
const single6 = address6.map((words) => subnetOf(6, words, 128));
const subnet4 = fc.tuple(address4, fc.constantFrom(0, 1, 7, 8, 15, 16, 17, 24, 31, 32)).map(([word, length]) => subnetOf(4, [word, 0, 0, 0], length));
const subnet6 = fc.tuple(address6, fc.constantFrom(0, 3, 16, 31, 32, 33, 48, 64, 65, 96, 127, 128)).map(([words, length]) => subnetOf(6, words, length));

/** Of a record some of its values, or none. */
function some<Value extends object>(arbitraries: { [Name in keyof Value]: fc.Arbitrary<Value[Name]> }): fc.Arbitrary<Partial<Value>> {
  return fc.record(arbitraries, { requiredKeys: [] }) as fc.Arbitrary<Partial<Value>>;
}

function flowOf(subnet: fc.Arbitrary<Subnet>): fc.Arbitrary<Entity> {
  return some({ source: subnet, destination: subnet, sourcePort: port, destinationPort: port, protocol, sourceMac: mac, destinationMac: mac })
    .map((fields) => ({ kind: 'flow', ...fields }) as Entity);
}

function connectionOf(single: fc.Arbitrary<Subnet>): fc.Arbitrary<Entity> {
  return fc.tuple(single, port, single, port, some({ protocol }))
    .map(([source, sourcePort, destination, destinationPort, more]) => ({ kind: 'connection', source, sourcePort, destination, destinationPort, ...more }) as Entity);
}

export const entity: fc.Arbitrary<Entity> = fc.oneof(
  fc.oneof(single4, subnet4, single6, subnet6).map((subnet): Entity => ({ kind: 'address', subnet })),
  connectionOf(single4), connectionOf(single6), flowOf(subnet4), flowOf(subnet6),
  mac.map((hardware): Entity => ({ kind: 'mac', mac: hardware })),
);

export const rule: fc.Arbitrary<Rule> = fc.tuple(
  entity, fc.constantFrom('drop', 'drop', 'whitelist', 'redirect', 'modify'), fc.constantFrom(-5, 0, 0, 0, 3, 2_147_483_647), fc.nat(3), fc.boolean(), some({ expire: fc.constantFrom(0.1, 1, 30, 3600) }),
).map(([of, type, priority, output, shunt, more]) => ({ entity: of, type, priority, output, shunt: shunt && type === 'drop', ...more }) as Rule);

const macs = fc.record({ source: mac, destination: mac });
const transport = fc.oneof(
  fc.record({ protocol: fc.constantFrom(6, 17), ports: fc.tuple(port, port) }),
  fc.record({ protocol: fc.constantFrom(6, 1, 58, 47) }),
  fc.constant({}),
);

export const packet: fc.Arbitrary<PacketFacts> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(address4, address4, transport, some({ macs })).map(([source, destination, rest, more]) => ({ version: 4, source: [source, 0, 0, 0], destination: [destination, 0, 0, 0], ...rest, ...more }) as PacketFacts) },
  { weight: 3, arbitrary: fc.tuple(address6, address6, transport, some({ macs })).map(([source, destination, rest, more]) => ({ version: 6, source, destination, ...rest, ...more }) as PacketFacts) },
  { weight: 1, arbitrary: some({ macs }).map((more) => ({ version: 0, source: [0, 0, 0, 0], destination: [0, 0, 0, 0], ...more }) as PacketFacts) },
);

/** Writes the key that the reader of packets makes of such a packet. */
export function writeKey(facts: PacketFacts, flags: number, keys: Uint32Array, at: number): void {
  keys.fill(0, at, at + 16);
  let meta: number = facts.version;
  facts.source.forEach((word, index) => { keys[at + KEY_SOURCE + index] = word; });
  facts.destination.forEach((word, index) => { keys[at + KEY_DESTINATION + index] = word; });
  if (facts.protocol !== undefined) meta |= META_PROTOCOL | (facts.protocol << 8);
  if (facts.ports) {
    meta |= META_PORTS;
    keys[at + KEY_PORTS] = (facts.ports[0] << 16) | facts.ports[1];
  }
  if (facts.macs) {
    meta |= META_MACS;
    const [high, low] = facts.macs.destination;
    const [sourceHigh, sourceLow] = facts.macs.source;
    keys.set([high, (low << 16) | (sourceHigh >>> 16), (sourceHigh << 16) | sourceLow], at + KEY_MACS);
  }
  keys[at] = meta;
  keys[at + KEY_FLAGS] = flags;
}
