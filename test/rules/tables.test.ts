/** The rule tables against rules applied one by one; the native reader against the one in TypeScript. */
import fc from 'fast-check';
import { coreAddon } from '../../src/native/core-addon';
import { createSharedRules, type SharedRules } from '../../src/rules/layout';
import { nativeRules, type NativeLists } from '../../src/rules/native-rules';
import type { Rule } from '../../src/rules/rule';
import { RuleReader, type RuleMatcher } from '../../src/rules/rule-reader';
import { RuleBook } from '../../src/rules/rule-book';
import { RuleStore, TICKS, type RuleHandle } from '../../src/rules/rule-store';
import { parseSubnet } from '../../src/rules/addresses';
import { PlainRules, type PacketFacts } from './plain-rules';
import { packet, rule, writeKey } from './rule-arbitraries';

/** 100,000 by BRICKS_RULE_CASES for a thorough run. */
const CASES = Number(process.env['BRICKS_RULE_CASES'] ?? 1500);
const ROWS = 64;

function createLists(): NativeLists {
  return {
    rows: new Uint16Array(ROWS), keys: new Uint32Array(ROWS * 16), bytes: new Uint32Array(ROWS), hits: new Uint32Array(ROWS), next: new Uint16Array(ROWS), outputs: 3,
  };
}

const COLUMNS = { offset: new Uint32Array(ROWS), length: new Uint32Array(ROWS), wireLength: new Uint32Array(ROWS) };

/** Both readers, or the one in TypeScript where nothing native was built; each with lists of its own. */
function readersOf(shared: SharedRules): { readonly matcher: RuleMatcher; readonly lists: NativeLists }[] {
  const [plain, native] = [createLists(), createLists()];
  const found = nativeRules(shared, COLUMNS, native, false);
  return [{ matcher: new RuleReader(shared, plain), lists: plain }, ...(found ? [{ matcher: found, lists: native }] : [])];
}

/** What to do next: rules come, go and are exchanged; time passes; packets come. */
type Step =
  | { readonly kind: 'add'; readonly rule: Rule }
  | { readonly kind: 'remove'; readonly which: number }
  | { readonly kind: 'exchange'; readonly rules: Rule[]; readonly which: number[] }
  | { readonly kind: 'time'; readonly ticks: number }
  | { readonly kind: 'packets'; readonly packets: { readonly facts: PacketFacts; readonly bytes: number; readonly flags: number }[] };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: rule.map((one): Step => ({ kind: 'add', rule: one })) },
  { weight: 2, arbitrary: fc.nat(50).map((which): Step => ({ kind: 'remove', which })) },
  { weight: 1, arbitrary: fc.tuple(fc.array(rule, { maxLength: 5 }), fc.array(fc.nat(50), { maxLength: 5 })).map(([rules, which]): Step => ({ kind: 'exchange', rules, which })) },
  { weight: 1, arbitrary: fc.constantFrom(1, 9, 300, 40_000, 700_000).map((ticks): Step => ({ kind: 'time', ticks })) },
  { weight: 4, arbitrary: fc.array(fc.record({ facts: packet, bytes: fc.nat(1500), flags: fc.constantFrom(0, 1, 2, 4, 16) }), { minLength: 1, maxLength: 20 }).map((packets): Step => ({ kind: 'packets', packets })) },
);

class Comparison {
  private readonly shared = createSharedRules(200);
  private readonly plain = new PlainRules();
  private readonly handles: RuleHandle[] = [];
  private readonly store: RuleStore;
  private readonly readers: ReturnType<typeof readersOf>;
  private now = 1000;

  constructor(seed: number) {
    this.store = new RuleStore(this.shared, this.now, seed);
    this.readers = readersOf(this.shared);
  }

  run(one: Step): void {
    switch (one.kind) {
      case 'add':
        this.added(this.store.add(one.rule), one.rule);
        break;
      case 'remove':
        this.removed(one.which, (handle) => expect(this.store.remove(handle)).toBe(true));
        break;
      case 'exchange': {
        const leaving: RuleHandle[] = [];
        for (const which of one.which) this.removed(which, (handle) => { leaving.push(handle); });
        this.store.exchange(one.rules, leaving).forEach((handle, index) => this.added(handle, one.rules[index]));
        break;
      }
      case 'time':
        this.now += one.ticks;
        this.store.advance(this.now, (handle) => {
          const gone = this.plain.rules.find(({ name }) => name === handle);
          expect(gone?.deadline).toBeLessThanOrEqual(this.now);
          this.plain.remove(handle);
          this.handles.splice(this.handles.indexOf(handle), 1);
        });
        expect(this.plain.rules.every(({ deadline }) => deadline === undefined || deadline > this.now)).toBe(true);
        break;
      case 'packets':
        this.compare(one.packets, this.now);
        // The engine's clock may be ahead of the control half, which may be stuck: rules that are due do nothing more.
        this.compare(one.packets, this.now + 20);
    }
    expect(this.store.count).toBe(this.plain.rules.length);
  }

  /** All rules are listed with what they were made of, and have counted what they should. */
  checkCounts(): void {
    const listed: RuleHandle[] = [];
    this.store.forEach((handle) => listed.push(handle) > 0);
    expect(listed.sort()).toEqual([...this.handles].sort());
    for (const { name, rule: made, packets, bytes, flags, first, last } of this.plain.rules) {
      const stored = this.store.describe(name);
      expect({ packets: stored.packets, bytes: stored.bytes }).toEqual({ packets: packets * this.readers.length, bytes: bytes * this.readers.length });
      expect({ flags: stored.tcpFlags, duration: stored.duration }).toEqual({ flags, duration: packets > 0 && made.shunt ? last - first : undefined });
      expect(stored.action.type).toBe(made.type);
      expect(stored.entity.kind).toBe(made.entity.kind);
      if (made.entity.kind === 'address') expect(stored.entity).toEqual(made.entity);
    }
  }

  private added(handle: RuleHandle, made: Rule): void {
    this.handles.push(handle);
    this.plain.add(handle, made, this.now);
  }

  private removed(which: number, remove: (handle: RuleHandle) => void): void {
    if (this.handles.length === 0) return;
    const [handle] = this.handles.splice(which % this.handles.length, 1);
    this.plain.remove(handle);
    remove(handle);
  }

  private compare(packets: Extract<Step, { kind: 'packets' }>['packets'], now: number): void {
    const expected = packets.map(({ facts, bytes, flags }) => {
      const found = this.plain.match(facts, now);
      if (!found) return { handle: 0, next: 0 };
      found.hit(bytes, flags, Math.floor(now / 10));
      const { type, output, shunt } = found.rule;
      return { handle: found.name, next: type === 'drop' && !(shunt && (flags & 7) !== 0) ? 0xffff : output < 3 ? output : 0 };
    });
    for (const { matcher, lists } of this.readers) {
      packets.forEach(({ facts, bytes, flags }, index) => {
        writeKey(facts, flags, lists.keys, index * 16);
        lists.bytes[index] = bytes;
      });
      matcher.match(0, packets.length, now, 1);
      const found = packets.map((_, index) => ({ handle: this.handleOf(lists.hits[index]), next: lists.next[index] }));
      expect(found).toEqual(expected);
    }
  }

  private handleOf(hit: number): number {
    return hit === 0 ? 0 : this.handles.find((handle) => handle % 2 ** 25 === hit) ?? -1;
  }
}

test('the tables find, for any rules and packets, with rules changing in between, what rules applied one by one find', () => {
  fc.assert(fc.property(fc.integer(), fc.array(step, { minLength: 5, maxLength: 40 }), (seed, steps) => {
    const comparison = new Comparison(seed);
    steps.forEach((one) => comparison.run(one));
    comparison.checkCounts();
  }), { numRuns: Math.ceil(CASES / 10) });
}, 3_600_000);

function addressRule(text: string, more: Partial<Rule> = {}): Rule {
  const subnet = parseSubnet(text);
  if (!subnet) throw new Error(text);
  return { entity: { kind: 'address', subnet }, type: 'drop', priority: 0, output: 0, shunt: false, ...more };
}

/** Whether the reader drops packets to these addresses. */
function dropped(reader: ReturnType<typeof readersOf>[number], addresses: readonly number[], now: number): boolean[] {
  const { matcher, lists } = reader;
  addresses.forEach((address, index) => writeKey({ version: 4, source: [0x01010101, 0, 0, 0], destination: [address, 0, 0, 0] }, 0, lists.keys, index * 16));
  matcher.match(0, addresses.length, now, 0);
  return addresses.map((_, index) => lists.next[index] === 0xffff);
}

test('of a shunt, the time from its first hit to its last is known, or that it is 65,535 s or more', () => {
  const shared = createSharedRules(10);
  const store = new RuleStore(shared, 0, 7);
  for (const reader of readersOf(shared)) {
    const shunt = store.add(addressRule('10.0.0.1', { shunt: true }));
    const durations = [1, 1, 61, 30_061, 65_536, 65_537, 90_000, 600_000, 599_990, 500_000].map((second) => {
      writeKey({ version: 4, source: [0x0a000001, 0, 0, 0], destination: [0, 0, 0, 0] }, 2, reader.lists.keys, 0);
      reader.matcher.match(0, 1, second * 10, 1);
      return store.counts(shunt).duration;
    });
    expect(durations).toEqual([0, 0, 60, 30_060, 65_535, 65_535, 65_535, 65_535, 65_525, 0]);
    store.remove(shunt);
  }
});

describe('many rules', () => {
  const COUNT = 30_000;
  const shared = createSharedRules(COUNT);
  const store = new RuleStore(shared, 0, 7);
  const handles: RuleHandle[] = [];
  const addressOf = (index: number): number => (0x0b000000 + Math.imul(index, 2_654_435_761) % 0x1000000) >>> 0;
  const textOf = (index: number): string => [24, 16, 8, 0].map((shift) => (addressOf(index) >>> shift) & 255).join('.');

  test('are all found while the tables grow, and no others', () => {
    const seen = new Set<number>();
    for (let index = 0; index < COUNT - 1; index++) {
      if (seen.has(addressOf(index))) continue;
      seen.add(addressOf(index));
      handles.push(store.add(addressRule(textOf(index), { expire: 10 + (index % 50) })));
    }
    for (const reader of readersOf(shared)) {
      for (let index = 0; index + ROWS < COUNT - 1; index += ROWS) {
        const addresses = Array.from({ length: ROWS }, (_, k) => (k % 4 === 3 ? 0x0d000000 + k : addressOf(index + k)));
        expect(dropped(reader, addresses, 1)).toEqual(addresses.map((_, k) => k % 4 !== 3));
      }
    }
  });

  test('that are too many are refused, with what to do', () => {
    while (store.count < COUNT) store.add(addressRule(`192.0.${store.count % 200}.0/24`));
    expect(() => store.add(addressRule('192.0.2.1'))).toThrow(`There are ${COUNT} rules already.`);
  });

  test('expire in time, and make room', () => {
    let gone = 0;
    store.advance(99, () => { gone++; });
    expect(gone).toBe(0);
    store.advance(100, () => { gone++; });
    expect(gone).toBeGreaterThan(500);
    for (let now = 101; now <= 600; now += 7) store.advance(now, () => { gone++; });
    store.advance(600, () => { gone++; });
    expect(gone).toBe(handles.length);
    expect(dropped(readersOf(shared)[0], [addressOf(1)], 1)).toEqual([false]);
    const again = store.add(addressRule('192.0.2.1'));
    expect(handles).not.toContain(again);
  });

  test('never expire before their time, however long ago the store was told the time', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 9.99, noNaN: true }), fc.double({ min: 0.05, max: 50, noNaN: true }), (late, expire) => {
      const clock = { ticks: 100 + late };
      const timed = new RuleStore(createSharedRules(10), 100, 9, () => clock.ticks);
      const handle = timed.add(addressRule('192.0.2.1', { expire }));
      expect(timed.describe(handle).remaining).toBeLessThan(expire + 1 / TICKS);
      const end = clock.ticks + expire * TICKS;
      for (let now = 101; now <= Math.ceil(end); now++) {
        timed.advance(now, () => expect(now).toBeGreaterThanOrEqual(end));
        expect(timed.has(handle)).toBe(now < end);
      }
    }));
  });

  test('of one entity have a limit', () => {
    expect(() => { for (let k = 0; k < 300; k++) store.add(addressRule('198.51.100.1', { priority: k })); }).toThrow('256 rules for the same addresses');
  });

  test('that come and go without end leave nothing behind', () => {
    const other = createSharedRules(1000);
    const churned = new RuleStore(other, 0, 9);
    const [reader] = readersOf(other);
    for (let round = 0; round < 50_000; round++) {
      const handle = churned.add(addressRule(`10.${round & 255}.${(round >> 8) & 255}.1${round % 3 === 0 ? '' : '/24'}`, { expire: 1000 }));
      if (round % 500 === 0) expect(dropped(reader, [(0x0a000001 | ((round & 255) << 16) | (((round >> 8) & 255) << 8)) >>> 0], 1)).toEqual([true]);
      expect(churned.remove(handle)).toBe(true);
      expect(churned.remove(handle)).toBe(false);
    }
    expect(churned.count).toBe(0);
  });
});

test('a set of rules takes the place of another at once: no batch sees half of it', () => {
  const shared = createSharedRules(1000);
  const store = new RuleStore(shared, 0, 3);
  const readers = readersOf(shared);
  const addresses = Array.from({ length: 30 }, (_, k) => 0x0a000000 + k);
  let handles = addresses.map((_, k) => store.add(addressRule(`10.0.0.${k}`)));
  for (let round = 0; round < 20; round++) {
    const whitelist = round % 2 === 0;
    handles = store.exchange(addresses.map((_, k) => addressRule(`10.0.0.${k}`, whitelist ? { type: 'whitelist' } : {})), handles);
    for (const reader of readers) expect(dropped(reader, addresses, 1)).toEqual(addresses.map(() => !whitelist));
  }
  expect(store.count).toBe(30);
});

test('an exchange that does not fit changes nothing', () => {
  const shared = createSharedRules(10);
  const store = new RuleStore(shared, 0, 3);
  const kept = store.add(addressRule('10.0.0.1'));
  expect(() => store.exchange(Array.from({ length: 11 }, (_, k) => addressRule(`10.1.0.${k}`)), [kept])).toThrow('There are 10 rules already.');
  expect(store.count).toBe(1);
  for (const reader of readersOf(shared)) expect(dropped(reader, [0x0a000001, 0x0a010001], 1)).toEqual([true, false]);
});

test('no rule takes the id of another one, and what is gone is not removed once more', () => {
  const book = new RuleBook(createSharedRules(10), 0);
  for (const id of ['a', 'b']) book.add({ ...addressRule('10.0.0.1'), id });
  expect(() => book.replace('a', { ...addressRule('10.0.0.2'), id: 'b' })).toThrow('There are two rules "b".');
  expect(book.replace('a', { ...addressRule('10.0.0.2'), id: 'c' })).toBe('c');
  book.remove('c');
  expect(book.has('b')).toBe(true);
  const handles = book.exchange([addressRule('10.0.0.3'), addressRule('10.0.0.4')], []);
  book.remove(handles[0]);
  book.exchange([], handles);
  expect(book.statistics()).toMatchObject({ rules: 1, removed: 3 });
});

test('the native reader refuses what does not fit', () => {
  const addon = coreAddon();
  if (!addon) return;
  const shared = createSharedRules(10);
  const native = nativeRules(shared, COLUMNS, createLists(), false);
  expect(() => native?.match(0, ROWS + 1, 0, 1)).toThrow('more packets than the lists have room for');
  expect(() => native?.match(0, -1, 0, 1)).toThrow('more packets than the lists have room for');
  expect(() => new addon.NativeRules(COLUMNS, {}, createLists(), 10, 1, false)).toThrow('not a typed array of the right kind');
});
