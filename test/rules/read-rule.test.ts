/** Rules as people write them: what they mean, and what is wrong with those that mean nothing. */
import fc from 'fast-check';
import { parseHardwareAddress, parseSubnet, formatSubnet } from '../../src/rules/addresses';
import { formatEntity, parseEntity } from '../../src/rules/entity-text';
import { readRule } from '../../src/rules/read-rule';
import { parseRuleLines } from '../../src/rules/rule-lines';
import { entity } from './rule-arbitraries';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2.77/24', '192.0.2.0/24'],
  ['2001:DB8::', '2001:db8::'],
  ['2001:db8:0:0:1:0:0:1/128', '2001:db8::1:0:0:1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::/0', '::/0'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['02-00-00-00-00-aa', '02:00:00:00:00:aa'],
  ['10.0.0.1:1000<->10.0.0.2:80/tcp', '10.0.0.1:1000 <-> 10.0.0.2:80 tcp'],
  ['10.0.0.1:1000 <-> 10.0.0.2:80', '10.0.0.1:1000 <-> 10.0.0.2:80'],
  ['10.0.0.1 1000 10.0.0.2 80 udp', '10.0.0.1:1000 <-> 10.0.0.2:80 udp'],
  ['2001:db8::1,1000,2001:db8::2,80,tcp', '[2001:db8::1]:1000 <-> [2001:db8::2]:80 tcp'],
  ['10.0.0.0/8 -> *:53 udp', '10.0.0.0/8 -> *:53 udp'],
  ['* -> [2001:db8::/32]:443', '* -> [2001:db8::/32]:443'],
  ['* -> 2001:db8::/32', '* -> 2001:db8::/32'],
])('%s applies to %s', (text, expected) => {
  expect(formatEntity(parseEntity(text))).toBe(expected);
});

test.each([
  '', 'x', '10.0.0', '10.0.0.256', '10.0.0.1/33', '010.0.0.1', '10.0.0.1/', ':::', '1::2::3', '2001:db8::1/129', '1:2:3:4:5:6:7:8:9', '10.0.0.1:80', '02:00:00:00:00', '10.0.0.1 -> 2001:db8::1',
  '10.0.0.1:1 <-> 10.0.0.2', '10.0.0.0/8:1 <-> 10.0.0.2:1', '10.0.0.1:70000 -> *', '10.0.0.1 -> * nothing', '* <-> *', `10.0.0.1${' '.repeat(300)}-> *`, '10.0.0.1 1000 10.0.0.2 80 tcp more',
])('%j is refused', (text) => {
  expect(() => parseEntity(text)).toThrow();
});

test.each<[unknown, RegExp]>([
  [7, /must be a table, got 7/],
  [[], /must be a table, got a list/],
  [{}, /must say one of drop, whitelist, redirect, modify, shunt, got none/],
  [{ drop: '10.0.0.1', whitelist: '10.0.0.1' }, /got drop and whitelist/],
  [{ dorp: '10.0.0.1' }, /no field "dorp"/],
  [{ drop: '10.0.0.1', expire: -1 }, /expire must be a number from 0/],
  [{ drop: '10.0.0.1', expire: 'soon' }, /expire must be a number/],
  [{ drop: '10.0.0.1', priority: 0.5 }, /priority must be an integer/],
  [{ drop: '10.0.0.1', priority: 2 ** 31 }, /priority must be an integer/],
  [{ drop: '10.0.0.1', to: 1 }, /"to" means nothing/],
  [{ redirect: '10.0.0.1' }, /must say to which output/],
  [{ modify: '10.0.0.1' }, /must say what it sets/],
  [{ modify: '10.0.0.1', set: {} }, /must set something/],
  [{ modify: '10.0.0.1', set: { source: '10.0.0.0/8' } }, /single addresses/],
  [{ drop: '10.0.0.1', set: { source: '10.0.0.1' } }, /"set" means nothing/],
  [{ drop: '10.0.0.1', id: '' }, /id must be a string/],
  [{ drop: { source: 7 } }, /"source" must be an address/],
  [{ drop: { sauce: '10.0.0.1' } }, /no field "sauce"/],
  [{ drop: { source: '10.0.0.1', both: true } }, /Both ends of a connection/],
  [{ drop: ['10.0.0.1'] }, /must be a string or a table, got a list/],
  [JSON.parse('{"__proto__": {"drop": "10.0.0.1"}}'), /no field "__proto__"/],
])('the rule %j is refused', (given, expected) => {
  expect(() => readRule(given)).toThrow(expected);
});

test('a rule has defaults, and fields in either style', () => {
  expect(readRule('10.0.0.1')).toEqual(readRule({ drop: '10.0.0.1', expire: null }));
  expect(readRule({ drop: { source_port: 53, destination: '10.0.0.1', protocol: 'udp' } })).toEqual(readRule({ drop: { sourcePort: '53', destination: '10.0.0.1/32', protocol: 17 } }));
  expect(readRule({ shunt: '10.0.0.1:1 <-> 10.0.0.2:2' })).toMatchObject({ type: 'drop', shunt: true });
});

test('what any rule applies to is written as text that means the same', () => {
  fc.assert(fc.property(entity, (one) => {
    if (one.kind === 'flow' && (one.sourceMac ?? one.destinationMac ?? (one.source && one.destination && one.source.version !== one.destination.version))) return;
    const protocol = 'protocol' in one ? one.protocol : undefined;
    if (protocol === 1 || protocol === 58) return;
    const text = formatEntity(one);
    expect(formatEntity(parseEntity(text))).toBe(text);
  }), { numRuns: 500 });
});

test('any text is an address, or none, and never an error', () => {
  const pieces = fc.array(fc.constantFrom(':', '::', '.', '/', '0', '1', '255', '256', 'ffff', 'g', '-', '[', ']', ' ', '*', '->', '<->', 'tcp'), { maxLength: 20 }).map((list) => list.join(''));
  fc.assert(fc.property(fc.oneof(fc.string(), pieces), (text) => {
    const subnet = parseSubnet(text);
    if (subnet) expect(parseSubnet(formatSubnet(subnet))).toEqual(subnet);
    parseHardwareAddress(text);
    try {
      parseEntity(text);
    } catch (error) {
      expect((error as { code?: string }).code).toBe('E_RULE');
    }
  }), { numRuns: 3000 });
});

test('any value is a rule, or an error that says so', () => {
  const keys = fc.constantFrom('drop', 'whitelist', 'redirect', 'modify', 'shunt', 'to', 'set', 'priority', 'expire', 'id', 'location', 'source', 'both', 'protocol', '__proto__', 'toString');
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('10.0.0.1', '10.0.0.1 -> *', 1, true), fc.dictionary(keys, fc.oneof(fc.jsonValue(), fc.constantFrom('10.0.0.1', 80, 'tcp', true))));
  fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(keys, value)), (given) => {
    try {
      readRule(given);
    } catch (error) {
      expect((error as { code?: string }).code).toBe('E_RULE');
    }
  }), { numRuns: 3000 });
});

describe('rules in files', () => {
  const matches = (text: string): string[] => parseRuleLines(text).map((rule) => `${rule.type} ${formatEntity(rule.entity)}`);

  test('one a line, with comments', () => {
    expect(matches('# a list\n\n10.0.0.1\r\n 10.0.0.0/8 ; SBL123\n// more\n2001:db8::/32 # six\n02:00:00:00:00:01\n10.0.0.1:1 -> *:53 udp\n10.0.0.1 1000 10.0.0.2 80 tcp'))
      .toEqual(['drop 10.0.0.1', 'drop 10.0.0.0/8', 'drop 2001:db8::/32', 'drop 02:00:00:00:00:01', 'drop 10.0.0.1:1 -> *:53 udp', 'drop 10.0.0.1:1000 <-> 10.0.0.2:80 tcp']);
  });

  test('as CSV of addresses and ports', () => {
    expect(matches('"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"\n"2024-01-01 00:00:00","192.0.2.1","443","online","2024-01-02","Name"\n"2024-01-01","192.0.2.2","80","offline","","Other"'))
      .toEqual(['drop 192.0.2.1', 'drop 192.0.2.2']);
  });

  test('as JSON, a list or one a line', () => {
    expect(matches('[{"drop": "10.0.0.1"}, {"whitelist": "10.0.0.2", "priority": 3}]')).toEqual(['drop 10.0.0.1', 'whitelist 10.0.0.2']);
    expect(matches('{"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"ripencc"}\n{"type":"metadata","timestamp":1,"size":1}\n{"whitelist":"10.0.0.2"}')).toEqual(['drop 192.0.2.0/24', 'whitelist 10.0.0.2']);
    expect(matches('[]')).toEqual([]);
  });

  test.each<[string, RegExp]>([
    ['10.0.0.1\nnonsense', /^Line 2 is not a rule/],
    ['10.0.0.1\n{"drop": ', /^Line 2 is not a rule/],
    ['{"drop": "x"}', /^Line 1 is not a rule/],
    ['null', /^Line 1 is not a rule/],
    ['[{"drop": "10.0.0.1"}, {"drop": 5}]', /^Rule 2 of the list/],
    ['[{', /not valid JSON/],
  ])('with a mistake are refused whole, with its place: %j', (text, expected) => {
    expect(() => parseRuleLines(text)).toThrow(expected);
  });

  test('of any kind give rules or an error', () => {
    const line = fc.oneof(fc.string(), fc.constantFrom('10.0.0.1', '{}', '{"drop":"10.0.0.1"}', 'null', '[1]', '[', ',,,', '"', '10.0.0.1,80,10.0.0.2,81', '{"cidr":5}', '{"__proto__":1}'));
    fc.assert(fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      try {
        parseRuleLines(lines.join('\n'));
      } catch (error) {
        expect((error as { code?: string }).code).toBe('E_RULE');
      }
    }), { numRuns: 2000 });
  });
});
