/** Which key of a packet rules are looked up by: read natively and in TypeScript. */
import fc from 'fast-check';
import { packetMemory } from '../../src/model/packet-batch';
import { KEY_FLAGS, KEY_PORTS, KEY_SOURCE, META_MACS, META_PORTS, META_PROTOCOL, META_UNREAD, createSharedRules } from '../../src/rules/layout';
import { nativeRules } from '../../src/rules/native-rules';
import { readPacketKey } from '../../src/rules/packet-key';
import { RuleStore } from '../../src/rules/rule-store';
import { bytesOf, ethernet, ipv4, ipv6, tcp, text, udp, vlan, vxlan, type Payload } from '../support/packets';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';

const OFFSET = 8;

/** The key of a packet between other bytes. */
function keyOf(packet: Uint8Array, linkType: number, inner: boolean, garbage: number): Uint32Array {
  const memory = packetMemory(new ArrayBuffer((OFFSET + packet.length + 64 + 3) & ~3));
  memory.bytes.fill(garbage);
  memory.bytes.set(packet, OFFSET);
  const keys = new Uint32Array(16);
  readPacketKey(memory, OFFSET, packet.length, linkType, inner, keys, 0);
  return keys;
}

const shared = createSharedRules(1);
// With a rule about a hardware address native code reads whole keys.
new RuleStore(shared, 0).add({ entity: { kind: 'mac', mac: [0x02aabbcc, 0xddee] }, type: 'drop', priority: 0, output: 0, shunt: false });
const columns = { offset: new Uint32Array([OFFSET]), length: new Uint32Array(1), wireLength: new Uint32Array([1]) };
const lists = { rows: new Uint16Array(1), keys: new Uint32Array(16), bytes: new Uint32Array(1), hits: new Uint32Array(1), next: new Uint16Array(1), outputs: 1 };

/** The same natively; undefined where it leaves the packet to TypeScript, or was not built. */
function nativeKeyOf(packet: Uint8Array, inner: boolean): Uint32Array | undefined {
  const native = nativeRules(shared, columns, lists, inner);
  if (!native) return undefined;
  const bytes = new Uint8Array(OFFSET + packet.length);
  bytes.set(packet, OFFSET);
  columns.length[0] = packet.length;
  native.bind(bytes, new Uint16Array(1), new Uint16Array(1));
  return native.select(1, 0, 0) >>> 1 === 1 ? lists.keys.slice() : undefined;
}

const changed: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 120 }),
  fc.tuple(fc.constantFrom(...SAMPLES), fc.array(fc.tuple(fc.nat(80), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }), fc.nat(400)).map(([sample, changes, length]) => {
    const bytes = bytesOf(sample);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes.subarray(0, length);
  }),
);

test('any bytes have a key, whatever lies around them, and the native code reads the same where it reads one', () => {
  let native = 0;
  fc.assert(fc.property(changed, fc.boolean(), (packet, inner) => {
    const key = keyOf(packet, 1, inner, 0xff);
    expect(key).toEqual(keyOf(packet, 1, inner, 0x00));
    const other = nativeKeyOf(packet, inner);
    if (!other) return;
    native++;
    expect(other).toEqual(key);
  }), { numRuns: 2000 });
  if (nativeRules(shared, columns, lists, false)) expect(native).toBeGreaterThan(50);
});

test('any bytes of other link types have a key, too', () => {
  fc.assert(fc.property(changed, fc.constantFrom(0, 9, 12, 101, 105, 113, 228, 229, 276), fc.boolean(), (packet, linkType, inner) => {
    expect(keyOf(packet, linkType, inner, 0xff)).toEqual(keyOf(packet, linkType, inner, 0x00));
  }), { numRuns: 1000 });
});

const FLOW = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1000, destinationPort: 80 };
const PLAIN: [string, Payload, number][] = [
  ['IPv4', ethernet({}, ipv4(FLOW, tcp(FLOW, text('x')))), 0x0a000001],
  ['IPv4 with a VLAN tag', ethernet({}, vlan({ id: 5 }, ipv4(FLOW, udp(FLOW, text('x'))))), 0x0a000001],
  ['IPv6', ethernet({}, ipv6({ source: '2001:db8::1', destination: '2001:db8::2' }, udp(FLOW, text('x')))), 0x20010db8],
];

test.each(PLAIN)('a key has addresses, ports and protocol: %s', (_name, packet, source) => {
  const key = keyOf(bytesOf(packet), 1, false, 0);
  expect(key[0] & (META_PORTS | META_MACS | META_PROTOCOL | META_UNREAD)).toBe(META_PORTS | META_MACS | META_PROTOCOL);
  expect(key[KEY_SOURCE]).toBe(source);
  expect(key[KEY_PORTS]).toBe((1000 << 16) | 80);
});

test('flags of TCP are read', () => {
  const packet = bytesOf(PLAIN[0][1]);
  packet[14 + 20 + 13] = 0x12;
  expect(keyOf(packet, 1, false, 0)[KEY_FLAGS]).toBe(0x12);
});

test('inside of a tunnel is looked where that is asked for', () => {
  const inner = { source: '192.0.2.1', destination: '192.0.2.2', sourcePort: 7, destinationPort: 9 };
  const packet = bytesOf(ethernet({}, ipv4(FLOW, vxlan({}, ethernet({}, ipv4(inner, udp(inner, text('x'))))))));
  expect(keyOf(packet, 1, false, 0)[KEY_SOURCE]).toBe(0x0a000001);
  expect(keyOf(packet, 1, true, 0)[KEY_SOURCE]).toBe(0xc0000201);
  expect(keyOf(packet, 1, true, 0)[KEY_PORTS]).toBe((7 << 16) | 9);
});
