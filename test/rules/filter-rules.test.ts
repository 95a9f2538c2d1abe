/** The Filter with rules, in an engine. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Filter } from 'packet-bricks';
import { closeEngines, newEngine, until } from '../support/loopback-engine';
import { bytesOf, ethernet, ipv4, ipv4Fragments, udp, vxlan, type Layered } from '../support/packets';
import { A, hex, packet, running, type Ends } from './running-filter';

const folder = mkdtempSync(join(tmpdir(), 'bricks-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(closeEngines);

const OTHER = packet({ source: '10.1.0.1', destination: '10.1.0.2' });

test('rules come and go while packets flow', async () => {
  const { filter, send, counters } = await running({ rules: true });
  expect(await send(packet())).toEqual([[hex(packet())], []]);
  const id = await filter.call('add', { drop: '10.0.0.0/24', expire: 600 });
  expect(await send(packet(), OTHER)).toEqual([[hex(OTHER)], []]);
  expect(await filter.call('rules')).toEqual([expect.objectContaining({ id, type: 'drop', match: '10.0.0.0/24', packets: 1, bytes: bytesOf(packet()).length, idle: 0 })]);
  expect(counters()).toMatchObject({ ruleDrop: 1, ruleWhitelist: 0 });
  expect(await filter.call('remove', id)).toBe(true);
  await expect(filter.call('remove', id)).rejects.toThrow(/There is no rule/);
  expect(await send(packet())).toEqual([[hex(packet())], []]);
});

test('the rule of the largest priority decides, and whitelists before drops of the same', async () => {
  const { filter, send } = await running({ rules: true });
  await filter.call('add', { id: 'all', drop: '0.0.0.0/0' });
  await filter.call('add', { id: 'web', whitelist: '10.0.0.2' });
  expect(await send(packet(), OTHER)).toEqual([[hex(packet())], []]);
  await filter.call('add', { id: 'pair', redirect: '10.0.0.1:1000 <-> 10.0.0.2:80 udp', to: 1, priority: 5 });
  const answer = packet({ source: '10.0.0.2', destination: '10.0.0.1', sourcePort: 80, destinationPort: 1000 });
  expect(await send(packet(), answer, OTHER)).toEqual([[], [hex(packet()), hex(answer)]]);
  expect(await filter.call('replace', 'pair', { drop: '02:00:00:00:00:99', priority: 9 })).toBe('pair');
  expect(await send(packet(), OTHER)).toEqual([[hex(packet())], []]);
  expect(await filter.call('statistics')).toMatchObject({ rules: 3, added: 4, totals: { drop: { packets: 3 }, redirect: { packets: 2 }, whitelist: { packets: 2 } } });
  expect(await filter.call('clear')).toBe(3);
  expect(await send(OTHER)).toEqual([[hex(OTHER)], []]);
});

test('expressions decide what no rule is about, and accept comes before rules', async () => {
  const { filter, send } = await running({ rules: true, accept: 'host 10.0.0.9', drop: 'udp port 53' });
  await filter.call('add', { drop: '10.0.0.0/24' });
  await filter.call('add', { whitelist: '10.0.0.7' });
  const accepted = packet({ source: '10.0.0.9' });
  const dns = packet({ source: '10.1.0.1', destination: '10.1.0.2', destinationPort: 53 });
  const whitelisted = packet({ source: '10.0.0.7', destination: '10.1.0.2', destinationPort: 53 });
  expect(await send(accepted, dns, packet(), OTHER, whitelisted)).toEqual([[hex(accepted), hex(OTHER), hex(whitelisted)], []]);
});

describe('MODIFY', () => {
  test.each<[string, Partial<Ends>, object, Partial<Ends>]>([
    ['addresses of IPv4', {}, { source: '192.0.2.1', destination: '192.0.2.200' }, { source: '192.0.2.1', destination: '192.0.2.200' }],
    ['ports', {}, { source_port: 65_535, destinationPort: 1 }, { sourcePort: 65_535, destinationPort: 1 }],
    ['addresses of IPv6', { source: '2001:db8::1', destination: '2001:db8::2' }, { destination: '2001:db8:ffff::9', source_port: 7 }, { source: '2001:db8::1', destination: '2001:db8:ffff::9', sourcePort: 7 }],
  ])('writes %s, with right checksums', async (_name, ends, set, expected) => {
    const { filter, send, counters } = await running({ rules: true, modify: true });
    await filter.call('add', { modify: '* -> *:80', set, to: 1 });
    const packets = (['tcp', 'udp'] as const).map((protocol) => packet(ends, 'some content', protocol));
    const changed = (['tcp', 'udp'] as const).map((protocol) => hex(packet(expected, 'some content', protocol)));
    expect(await send(...packets)).toEqual([[], changed]);
    expect(counters()).toMatchObject({ ruleModify: 2 });
  });

  test('writes hardware addresses', async () => {
    const { filter, send } = await running({ rules: true, modify: true });
    await filter.call('add', { modify: '10.0.0.1', set: { source_mac: '02:00:00:00:00:aa', destination_mac: '02:00:00:00:00:bb' } });
    const [[changed]] = await send(packet());
    expect(changed).toBe(`0200000000bb0200000000aa${hex(packet()).slice(24)}`);
  });

  test('is refused where the filter changes nothing', async () => {
    const { filter } = await running({ rules: true });
    await expect(filter.call('add', { modify: '10.0.0.1', set: { source_port: 1 } })).rejects.toThrow('This filter does not change packets.');
    await expect(filter.call('add', { redirect: '10.0.0.1', to: 2 })).rejects.toThrow('The filter has no output 2; it has 2');
    await expect(filter.call('load', '10.0.0.1\nno rule at all\n')).rejects.toThrow('Line 2 is not a rule');
    expect(await filter.call('statistics')).toMatchObject({ rules: 0, refused: 3 });
  });
});

test('fragments go with their datagram, and inner packets of tunnels count where that is asked for', async () => {
  const { filter, send, counters } = await running({ rules: true, inner: true });
  await filter.call('add', { drop: '10.0.0.1:1000 -> 10.0.0.2:80 udp' });
  const parts = (ends: Ends, identification: number): Layered[] => ipv4Fragments({ ...ends, identification }, udp(ends, Buffer.alloc(184)), 64).map((part) => ethernet({}, part));
  const kept = { ...A, destinationPort: 81 };
  const [first, ...rest] = parts(A, 1);
  // Later fragments before the first one of a batch, too.
  const found = await send(...rest, first, ...parts(kept, 2));
  expect(found[0].slice(-3)).toEqual(parts(kept, 2).map(hex));
  expect(found[0].length + counters()['ruleDrop']).toBe(6);
  expect(await send(...parts(A, 3))).toEqual([[], []]);
  const tunnel = (ends: Ends): Layered => ethernet({}, ipv4({ source: '192.0.2.1', destination: '192.0.2.2' }, vxlan({}, packet(ends))));
  expect(await send(tunnel(A), tunnel(kept))).toEqual([[hex(tunnel(kept))], []]);
});

test('a shunt drops the bulk of a connection, and passes its beginning and end', async () => {
  const { filter, send } = await running({ rules: true });
  await filter.call('add', { id: 'bulk', shunt: '10.0.0.1:1000 <-> 10.0.0.2:80 tcp' });
  const segment = (flags: number): Layered => {
    const one = packet({}, 'x', 'tcp');
    one.bytes[14 + 20 + 13] = flags;
    return one;
  };
  const packets = [0x02, 0x10, 0x18, 0x11, 0x04].map(segment);
  expect(await send(...packets)).toEqual([[packets[0], packets[3], packets[4]].map(hex), []]);
  expect(await filter.call('rule', 'bulk')).toMatchObject({ type: 'shunt', packets: 5, tcpFlags: 'FIN,SYN,RST,PSH,ACK', duration: 0 });
});

test('a file of rules is reloaded when it changes: whole, or not at all', async () => {
  const file = join(folder, 'rules.txt');
  writeFileSync(file, '# a list\n10.0.0.1\n{"drop": "10.1.0.0/16", "id": "net"}\n');
  const { filter, send } = await running({ file });
  expect(await send(packet(), OTHER)).toEqual([[], []]);
  const rewrite = async (text: string, expected: (rules: readonly { match: string }[]) => boolean): Promise<void> => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    for (;;) {
      const rules = await filter.call('rules') as { match: string }[];
      if (expected(rules)) return;
    }
  };
  await rewrite('10.0.0.1\n10.2.0.1\n', (rules) => rules.length === 2 && rules.some(({ match }) => match === '10.2.0.1'));
  expect(await filter.call('rules')).toContainEqual(expect.objectContaining({ match: '10.0.0.1', packets: 1 }));
  writeFileSync(`${file}.new`, '10.0.0.3\nno rule at all\n');
  renameSync(`${file}.new`, file);
  await rewrite('10.0.0.4', (rules) => rules.length === 1 && rules[0].match === '10.0.0.4');
  expect(await send(packet(), OTHER)).toEqual([[hex(packet()), hex(OTHER)], []]);
});

test('what becomes of a watched file is logged: what was loaded, a line that is not a rule, and its end', async () => {
  const file = join(folder, 'logged.txt');
  writeFileSync(file, '10.0.0.1\n');
  const engine = newEngine();
  const notices: string[] = [];
  engine.on('notice', (text, level) => notices.push(`${level}: ${text}`));
  const replace = (text: string): void => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  const logged = (begin: string): Promise<void> => until(() => notices.some((text) => text.startsWith(begin)));
  await engine.link(new Filter({ file }).connectInput('in').connectOutput('out'));
  await logged(`info: Filter: ${file}: 1 rule (1 new, 0 gone)`);
  replace('10.0.0.1\n10.0.0.2\n');
  await logged(`info: Filter: ${file}: 2 rules (1 new, 0 gone)`);
  replace('10.0.0.1\nnonsense\n');
  await logged(`error: Filter: ${file}: Line 2 is not a rule: `);
  rmSync(file);
  await logged(`warn: Filter: ${file} is gone. Its rules stay as they are`);
  replace('10.0.0.3\n');
  await logged(`info: Filter: ${file}: 1 rule (1 new, 2 gone)`);
  expect(notices).toHaveLength(5);
});

test('a file that is not one of rules is refused when the engine is linked, with its line', async () => {
  const file = join(folder, 'wrong.txt');
  writeFileSync(file, '10.0.0.1\n10.0.0.256\n');
  await expect(running({ file })).rejects.toThrow(`${file}: Line 2 is not a rule`);
});

test('a filter without rules has no methods, and one output', async () => {
  const { filter } = await running({ drop: 'udp' }, 1);
  await expect(filter.call('add', { drop: '10.0.0.1' })).rejects.toThrow('has no control half');
  await expect(running({ drop: 'udp' }, 2)).rejects.toThrow('it takes at most 1');
});

test('rules are the same where nothing native was built', async () => {
  process.env['BRICKS_RULES_IN_TYPESCRIPT'] = '1';
  try {
    const { filter, send } = await running({ rules: true });
    await filter.call('add', { drop: '10.0.0.0/24' });
    expect(await send(packet(), OTHER)).toEqual([[hex(OTHER)], []]);
  } finally {
    delete process.env['BRICKS_RULES_IN_TYPESCRIPT'];
  }
});

test('tcp without ports that were captured, and frames that are no IP, pass', async () => {
  const { filter, send } = await running({ rules: true });
  await filter.call('add', { drop: '10.0.0.1:1000 <-> 10.0.0.2:80 tcp' });
  const arp = ethernet({}, { starts: 'data', type: 0x0806, bytes: Buffer.alloc(40) } as Layered);
  expect(await send(arp)).toEqual([[hex(arp)], []]);
  await filter.call('add', { drop: '* -> *' });
  expect(await send(arp)).toEqual([[], []]);
});
