/** The native reader's one call for a batch, beside keys read and matched in TypeScript. */
import fc from 'fast-check';
import { packetMemory } from '../../src/model/packet-batch';
import { parseSubnet } from '../../src/rules/addresses';
import { KEY_META, KEY_WORDS, META_UNREAD, createSharedRules } from '../../src/rules/layout';
import { nativeRules, type NativeLists } from '../../src/rules/native-rules';
import { readPacketKey } from '../../src/rules/packet-key';
import { RuleReader } from '../../src/rules/rule-reader';
import { RuleStore } from '../../src/rules/rule-store';
import { bytesOf, ethernet, ipv4, ipv6, tcp, text, udp } from '../support/packets';

const ROWS = 200;
const STRIDE = 128;
const LINK_ETHERNET = 1;

const facts = fc.record({
  // The last two kinds are left to TypeScript, and seldom, so that some lists are decided whole and some in part.
  kind: fc.oneof({ weight: 200, arbitrary: fc.constantFrom('tcp', 'udp', 'six') }, { weight: 1, arbitrary: fc.constantFrom('arp', 'short') }),
  source: fc.nat(15),
  destination: fc.nat(15),
});
type Facts = typeof facts extends fc.Arbitrary<infer T> ? T : never;

function frameOf({ kind, source, destination }: Facts): Uint8Array {
  if (kind === 'arp') return Uint8Array.of(...new Uint8Array(12).fill(2), 8, 6, ...new Uint8Array(40));
  if (kind === 'short') return new Uint8Array(20);
  if (kind === 'six') {
    const ends = { source: `2001:db8::${source}`, destination: `2001:db8::${destination}`, sourcePort: 1, destinationPort: 2 };
    return bytesOf(ethernet({}, ipv6(ends, udp(ends, text('x')))));
  }
  const ends = { source: `10.0.0.${source}`, destination: `10.0.0.${destination}`, sourcePort: 1000, destinationPort: 80 };
  return bytesOf(ethernet({}, ipv4(ends, kind === 'tcp' ? tcp(ends, text('x')) : udp(ends, text('x')))));
}

function createLists(): NativeLists {
  return { rows: new Uint16Array(ROWS), keys: new Uint32Array(ROWS * KEY_WORDS), bytes: new Uint32Array(ROWS), hits: new Uint32Array(ROWS), next: new Uint16Array(ROWS), outputs: 1 };
}

test('one call for a batch finds what is found packet by packet, up to the first rows that it leaves to TypeScript', () => {
  const shared = createSharedRules(64);
  const store = new RuleStore(shared, 0, 7);
  for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.12/30', '2001:db8::4']) {
    const subnet = parseSubnet(address);
    if (!subnet) throw new Error(address);
    store.add({ entity: { kind: 'address', subnet }, type: 'drop', priority: 0, output: 0, shunt: false });
  }
  const columns = { offset: Uint32Array.from({ length: ROWS }, (_, row) => row * STRIDE), length: new Uint32Array(ROWS), wireLength: new Uint32Array(ROWS) };
  const [lists, plain] = [createLists(), createLists()];
  const native = nativeRules(shared, columns, lists, false);
  if (!native) return;
  const memory = packetMemory(new ArrayBuffer(ROWS * STRIDE));
  const rows = new Uint16Array(ROWS);
  const next = new Uint16Array(ROWS);
  native.bind(memory.bytes, rows, next);
  const reader = new RuleReader(shared, plain);
  let [whole, parts] = [0, 0];
  fc.assert(fc.property(fc.array(facts, { minLength: 1, maxLength: ROWS, size: 'max' }), (packets) => {
    const count = packets.length;
    packets.forEach((packet, index) => {
      // In another order than they lie in memory.
      const row = count - 1 - index;
      const bytes = frameOf(packet);
      memory.bytes.set(bytes, row * STRIDE);
      columns.length[row] = columns.wireLength[row] = bytes.length;
      rows[index] = row;
      readPacketKey(memory, row * STRIDE, bytes.length, LINK_ETHERNET, false, plain.keys, index * KEY_WORDS);
      plain.bytes[index] = bytes.length;
    });
    reader.match(0, count, 1, 0);
    const decided = native.select(count, 1, 0) >>> 1;
    const unread = packets.map(({ kind }) => kind === 'arp' || kind === 'short');
    const first = unread.indexOf(true);
    expect(decided).toBe(first < 0 ? count : first - (first % 64));
    for (let index = decided; index < count; index++) {
      expect(lists.keys[index * KEY_WORDS + KEY_META] === META_UNREAD).toBe(unread[index]);
      if (unread[index]) lists.keys.set(plain.keys.subarray(index * KEY_WORDS, (index + 1) * KEY_WORDS), index * KEY_WORDS);
    }
    expect(next.subarray(0, decided)).toEqual(plain.next.subarray(0, decided));
    if (decided < count) native.match(decided, count, 1, 0);
    expect(lists.hits.subarray(0, count)).toEqual(plain.hits.subarray(0, count));
    expect(lists.next.subarray(0, count)).toEqual(plain.next.subarray(0, count));
    expect(lists.keys.subarray(decided * KEY_WORDS, count * KEY_WORDS)).toEqual(plain.keys.subarray(decided * KEY_WORDS, count * KEY_WORDS));
    if (decided === count) whole++;
    else parts++;
  }), { numRuns: 60 });
  expect(Math.min(whole, parts)).toBeGreaterThan(3);
});

test('a packet that does not lie in its memory is refused, and the tables can be changed afterwards', () => {
  const shared = createSharedRules(64);
  const columns = { offset: Uint32Array.of(0, 100), length: Uint32Array.of(60, 60), wireLength: Uint32Array.of(60, 60) };
  const native = nativeRules(shared, columns, createLists(), false);
  if (!native) return;
  native.bind(new Uint8Array(128), Uint16Array.of(0, 1), new Uint16Array(2));
  expect(() => native.select(2, 0, 1)).toThrow('a packet lies outside of its memory');
  expect(() => native.select(3, 0, 1)).toThrow('more packets than the lists have room for');
  expect(Atomics.load(new Int32Array(shared.control), 0) % 2).toBe(0);
});
