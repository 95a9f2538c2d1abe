/** What the native reader has ways of its own for: rules of one kind, or of several, beside the reader in TypeScript over tables of the same content. */
import fc from 'fast-check';
import { packetMemory } from '../../src/model/packet-batch';
import { CONTROL_TOTALS, KEY_META, KEY_WORDS, META_UNREAD, createSharedRules, type SharedRules } from '../../src/rules/layout';
import { nativeRules, type NativeLists } from '../../src/rules/native-rules';
import { readPacketKey } from '../../src/rules/packet-key';
import type { Entity, Rule } from '../../src/rules/rule';
import { RuleReader } from '../../src/rules/rule-reader';
import { RuleStore, type RuleHandle } from '../../src/rules/rule-store';
import { bytesOf, ethernet, icmp, ipv4, ipv6, tcp, text, udp, vlan, type Layered } from '../support/packets';
import { subnetOf } from './rule-arbitraries';

/** 100,000 by BRICKS_RULE_CASES for a thorough run. */
const CASES = Number(process.env['BRICKS_RULE_CASES'] ?? 1500);
const ROWS = 150;
const STRIDE = 128;
const LINK_ETHERNET = 1;
const OUTPUTS = 3;
/** Few enough that packets often meet a rule, or two of them, and enough that lines of the table are full. */
const HOSTS = 60;

const host = fc.nat(HOSTS - 1);
const port = fc.constantFrom(1, 80, 1000);
const protocol = fc.constantFrom(6, 17);
const single = (at: number) => subnetOf(4, [0x0a000000 + at, 0, 0, 0], 32);
const mac = (at: number) => [0x02000000, at % 8] as const;

const address: fc.Arbitrary<Entity> = host.map((at): Entity => ({ kind: 'address', subnet: single(at) }));
const connection: fc.Arbitrary<Entity> = fc.tuple(host, port, host, port, fc.option(fc.constantFrom(6, 17, 1), { nil: undefined }))
  .map(([source, sourcePort, destination, destinationPort, of]) => ({ kind: 'connection', source: single(source % 6), sourcePort, destination: single(destination % 6), destinationPort, ...(of === undefined ? {} : { protocol: of }) }) as Entity);
const hardware: fc.Arbitrary<Entity> = host.map((at): Entity => ({ kind: 'mac', mac: mac(at) }));
const subnet: fc.Arbitrary<Entity> = fc.tuple(host, fc.constantFrom(8, 24, 27, 30, 31)).map(([at, length]): Entity => ({ kind: 'address', subnet: subnetOf(4, [0x0a000000 + at, 0, 0, 0], length) }));
const wide: fc.Arbitrary<Entity> = host.map((at): Entity => ({ kind: 'address', subnet: subnetOf(6, [0x20010db8, 0, 0, at], 128) }));

const KINDS = [address, connection, hardware, subnet, fc.oneof(address, connection), fc.oneof(address, subnet), fc.oneof(address, wide), fc.oneof(connection, hardware), fc.oneof(address, connection, hardware, subnet, wide)];

type Step =
  | { readonly kind: 'add' | 'exchange'; readonly rules: Rule[] }
  | { readonly kind: 'remove'; readonly which: number; readonly count: number }
  | { readonly kind: 'packets'; readonly packets: Facts[]; readonly ticks: number };

const facts = fc.record({
  // The last kind is left to TypeScript.
  kind: fc.oneof({ weight: 300, arbitrary: fc.constantFrom('four', 'four', 'four', 'tagged', 'six', 'icmp') }, { weight: 1, arbitrary: fc.constant('short') }),
  source: host, destination: host, sourcePort: port, destinationPort: port, protocol, flags: fc.constantFrom(16, 16, 2, 17, 4), tail: fc.nat(20),
});
type Facts = typeof facts extends fc.Arbitrary<infer T> ? T : never;

const ruleOf = (of: fc.Arbitrary<Entity>): fc.Arbitrary<Rule> => fc.tuple(
  of, fc.constantFrom('drop', 'drop', 'drop', 'whitelist', 'redirect', 'modify'), fc.constantFrom(0, 0, 0, 3, -1), fc.nat(OUTPUTS), fc.nat(4), fc.constantFrom(undefined, undefined, 1, 30),
).map(([entity, type, priority, output, shunt, expire]) => ({ entity, type, priority, output, shunt: shunt === 0 && type === 'drop', ...(expire === undefined ? {} : { expire }) }) as Rule);

const stepOf = (of: fc.Arbitrary<Entity>): fc.Arbitrary<Step> => fc.oneof(
  { weight: 2, arbitrary: fc.array(ruleOf(of), { minLength: 1, maxLength: 40, size: 'max' }).map((rules): Step => ({ kind: 'add', rules })) },
  { weight: 1, arbitrary: fc.array(ruleOf(of), { maxLength: 6 }).map((rules): Step => ({ kind: 'exchange', rules })) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(100), fc.nat(60)).map(([which, count]): Step => ({ kind: 'remove', which, count })) },
  { weight: 3, arbitrary: fc.tuple(fc.array(facts, { minLength: 1, maxLength: ROWS, size: 'max' }), fc.constantFrom(0, 9, 400, 700_000)).map(([packets, ticks]): Step => ({ kind: 'packets', packets, ticks })) },
);

function frameOf({ kind, source, destination, sourcePort, destinationPort, protocol: of, flags, tail }: Facts): Uint8Array {
  if (kind === 'short') return new Uint8Array(20);
  const ports = { sourcePort, destinationPort };
  const payload = text('x'.repeat(tail));
  const transport = kind === 'icmp' ? icmp({}, payload) : of === 6 ? tcp({ ...ports, flags }, payload) : udp(ports, payload);
  const four = (): Layered => ipv4({ source: `10.0.0.${kind === 'four' ? source % 6 : source}`, destination: `10.0.0.${kind === 'icmp' ? destination : destination % 6}` }, transport);
  const packet = kind === 'six' ? ipv6({ source: `2001:db8::${source.toString(16)}`, destination: `2001:db8::${destination.toString(16)}` }, of === 6 ? transport : udp(ports, payload)) : four();
  const macs = { source: `02:00:00:00:00:0${source % 8}`, destination: `02:00:00:00:00:0${destination % 8}` };
  return bytesOf(ethernet(macs, kind === 'tagged' ? vlan({ id: 7 }, packet) : packet));
}

function createLists(): NativeLists {
  return { rows: new Uint16Array(ROWS), keys: new Uint32Array(ROWS * KEY_WORDS), bytes: new Uint32Array(ROWS), hits: new Uint32Array(ROWS), next: new Uint16Array(ROWS), outputs: OUTPUTS };
}

/** What readers write: of the control block the totals. */
function writtenBy({ records, firsts, control }: SharedRules): Buffer[] {
  return [...records, ...firsts].map((buffer) => Buffer.from(buffer)).concat(Buffer.from(control, CONTROL_TOTALS * 4));
}

/** Packets are read and matched in one call on one side, one by one on the other. */
class Comparison {
  private readonly tables = [createSharedRules(400), createSharedRules(400)] as const;
  private readonly stores: readonly RuleStore[];
  private readonly handles: RuleHandle[] = [];
  private readonly lists = [createLists(), createLists()] as const;
  private readonly columns = { offset: Uint32Array.from({ length: ROWS }, (_, row) => row * STRIDE), length: new Uint32Array(ROWS), wireLength: new Uint32Array(ROWS) };
  private readonly memory = packetMemory(new ArrayBuffer(ROWS * STRIDE));
  private readonly rows = new Uint16Array(ROWS);
  private readonly next = new Uint16Array(ROWS);
  private readonly native;
  private readonly reader: RuleReader;
  private now = 1000;

  constructor(seed: number) {
    this.stores = this.tables.map((shared) => new RuleStore(shared, this.now, seed));
    this.native = nativeRules(this.tables[0], this.columns, this.lists[0], false);
    this.native?.bind(this.memory.bytes, this.rows, this.next);
    this.reader = new RuleReader(this.tables[1], this.lists[1]);
  }

  run(step: Step): void {
    if (step.kind === 'packets') {
      this.compare(step.packets);
      this.now += step.ticks;
      for (const store of this.stores) store.advance(this.now, (handle) => void (this.handles.includes(handle) && this.handles.splice(this.handles.indexOf(handle), 1)));
    } else if (step.kind === 'remove') {
      for (let count = 0; count < step.count && this.handles.length > 0; count++) {
        const [handle] = this.handles.splice(step.which % this.handles.length, 1);
        for (const store of this.stores) store.remove(handle);
      }
    } else if (this.handles.length + step.rules.length < 390) {
      const leaving = step.kind === 'exchange' ? this.handles.splice(0, 3) : [];
      const added = this.stores.map((store) => (step.kind === 'exchange' ? store.exchange(step.rules, leaving) : step.rules.map((rule) => store.add(rule))));
      expect(added[0]).toEqual(added[1]);
      this.handles.push(...added[0]);
    }
  }

  private compare(packets: readonly Facts[]): void {
    const { native, lists: [lists, plain], columns, memory, rows, next } = this;
    if (!native) return;
    const count = packets.length;
    packets.forEach((packet, index) => {
      // In another order than they lie in memory.
      const row = count - 1 - index;
      const bytes = frameOf(packet);
      memory.bytes.set(bytes, row * STRIDE);
      columns.length[row] = bytes.length;
      plain.bytes[index] = columns.wireLength[row] = bytes.length + packet.tail;
      rows[index] = row;
      readPacketKey(memory, row * STRIDE, bytes.length, LINK_ETHERNET, false, plain.keys, index * KEY_WORDS);
    });
    const plainSpecial = this.reader.match(0, count, this.now, 1);
    const outcome = native.select(count, this.now, 1);
    const decided = outcome >>> 1;
    let special = outcome & 1;
    lists.next.set(next.subarray(0, decided));
    for (let index = decided; index < count; index++) {
      if (lists.keys[index * KEY_WORDS + KEY_META] === META_UNREAD) lists.keys.set(plain.keys.subarray(index * KEY_WORDS, (index + 1) * KEY_WORDS), index * KEY_WORDS);
    }
    if (decided < count) special += native.match(decided, count, this.now, 1);
    expect(lists.hits.subarray(0, count)).toEqual(plain.hits.subarray(0, count));
    expect(lists.next.subarray(0, count)).toEqual(plain.next.subarray(0, count));
    expect(special > 0).toBe(plainSpecial > 0);
    const [written, expected] = this.tables.map(writtenBy);
    written.forEach((bytes, index) => expect(bytes.equals(expected[index])).toBe(true));
  }
}

test.each(KINDS.map((kind, index) => [['addresses', 'connections', 'hardware addresses', 'subnets', 'addresses and connections', 'addresses and subnets', 'both versions', 'connections and hardware addresses', 'all kinds'][index], kind] as const))(
  'rules about %s, which come and go, are found and counted by one call for a batch as one by one', (_, kind) => {
    fc.assert(fc.property(fc.integer(), fc.array(stepOf(kind), { minLength: 4, maxLength: 12 }), (seed, steps) => {
      const comparison = new Comparison(seed);
      steps.forEach((step) => comparison.run(step));
    }), { numRuns: Math.ceil(CASES / 150) });
  }, 3_600_000,
);
