/** `bricks filter` on a daemon: rules added, listed and removed, and what it says where that can't be. */
import { writeFileSync } from 'node:fs';
import { TestDaemon } from '../daemon/support';
import { injectAll, loopback, until } from '../support/loopback-engine';
import { Workplace, type Outcome } from '../support/program';
import { packet } from '../rules/running-filter';

const place = new Workplace();
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  const client = await daemon.connect();
  await client.call('engine.create', { name: 'e0' });
  await client.call('engine.link', { name: 'e0', bricks: [{ kind: 'Filter', options: { rules: true, modify: true }, inputs: ['in'], outputs: ['a', 'b'] }, { kind: 'Filter', options: { drop: 'arp' }, inputs: ['in2'], outputs: ['c'] }] });
  await client.call('engine.start', { name: 'e0' });
});
afterAll(async () => {
  await daemon.stop();
  place.dispose();
});

const filter = (...words: string[]): Promise<Outcome> => place.run(['filter', ...words], { environment: { BRICKS_RUN_DIR: daemon.folder, BRICKS_NAME: 'bricks' } });

test('rules are added, listed with their counts, and removed', async () => {
  const added = await filter('add', '10.0.0.1', '192.0.2.0/24', '--priority', '5', '--expire', '600');
  expect(added).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^\d+\n\d+\n$/) as string });
  expect(await filter('add', '10.0.0.1:1000 <-> 10.0.0.2:80 tcp', '--type', 'redirect', '--to', '1', '--id', 'mine', '--location', 'eth3}4')).toMatchObject({ code: 0, stdout: 'mine\n' });
  expect(await filter('add', '10.9.9.9', '--type', 'modify', '--set', 'destination=10.9.9.8', '--set', 'source_port=7')).toMatchObject({ code: 0 });
  await injectAll('in', [packet(), packet({ source: '10.7.0.1' })]);
  await until(() => loopback.read('a').length > 0);
  const rows = (await filter('list')).stdout.trimEnd().split('\n').map((line) => line.split(/ {2,}/));
  expect(rows[0]).toEqual(['ID', 'TYPE', 'MATCH', 'TO', 'PRIORITY', 'EXPIRES', 'PACKETS', 'BYTES', 'IDLE', 'MORE']);
  const [first] = added.stdout.split('\n');
  expect(rows.find(([id]) => id === first)).toEqual([first, 'drop', '10.0.0.1', '-', '5', expect.stringMatching(/^5\d\d/), '1', expect.stringMatching(/^\d+$/), expect.stringMatching(/^\d+$/)]);
  expect(rows.find(([id]) => id === 'mine')).toEqual(['mine', 'redirect', '10.0.0.1:1000 <-> 10.0.0.2:80 tcp', '1', '0', '-', '0', '0', '-', 'eth3}4']);
  expect(rows.find(([, type]) => type === 'modify')?.slice(-1)).toEqual(['source_port=7 destination=10.9.9.8'].map(() => expect.stringContaining('destination=10.9.9.8') as string));
  expect(await filter('remove', 'mine', first)).toMatchObject({ code: 0, stdout: '', stderr: 'bricks: 2 rules removed\n' });
  expect(JSON.parse((await filter('remove', '--all', '--json')).stdout)).toEqual({ removed: 2 });
  expect(await filter('list')).toMatchObject({ code: 0, stdout: '' });
});

test('a list of rules that is longer than a message is loaded whole, or not at all', async () => {
  const lines = Array.from({ length: 20_000 }, (_, k) => `10.${k >> 16}.${(k >> 8) & 255}.${k & 255} # ${'x'.repeat(20)}`);
  writeFileSync(place.path('list.txt'), lines.join('\n'));
  writeFileSync(place.path('bad.txt'), [...lines, 'nonsense'].join('\n'));
  writeFileSync(place.path('list.json'), JSON.stringify(['192.0.2.1', { whitelist: '192.0.2.2', id: 'w' }]));
  expect(await filter('load', place.path('bad.txt'))).toMatchObject({ code: 1, stderr: expect.stringContaining('Line 20001 is not a rule') as string });
  expect(JSON.parse((await filter('stats', '--json')).stdout)).toMatchObject([{ engine: 'e0', brick: 'Filter', inputs: ['in'], outputs: ['a', 'b'], rules: 0 }]);
  expect(await filter('load', place.path('list.txt'))).toMatchObject({ code: 0, stderr: 'bricks: 20000 rules added\n' });
  expect(await filter('load', place.path('list.json'), '--engine', 'e0', '--brick', 'a')).toMatchObject({ code: 0, stderr: 'bricks: 2 rules added\n' });
  expect(await filter('load', place.path('list.json'))).toMatchObject({ code: 1, stderr: expect.stringContaining('There are two rules "w".') as string });
  const { stdout } = await filter('stats');
  expect(stdout).toMatch(/^Filter \(\d+\) of engine e0: in -> a, b\n {2}RULES +LIMIT/);
  expect(stdout).toMatch(/\n {2}20002 +1048576 /);
});

test('a list whose client has gone is given up', async () => {
  const client = await daemon.connect();
  const before = (await client.call('filter.statistics'))[0].rules;
  const { load, rules } = await client.call('filter.load', { text: '172.16.0.1\n172.16.0.2\n', last: false });
  expect(rules).toBe(2);
  await client.close();
  const other = await daemon.connect();
  await expect((async () => {
    for (;;) await other.call('filter.load', { text: '', load, last: false });
  })()).rejects.toMatchObject({ code: 'E_RULE', message: expect.stringContaining(`There is no list ${load} that is being loaded.`) as string });
  expect((await other.call('filter.statistics'))[0].rules).toBe(before);
});

test('mistakes are explained, with an exit code', async () => {
  const wrong: [string[], number, string][] = [
    [['ad', '10.0.0.1'], 2, 'bricks filter has no command "ad". Did you mean add?'],
    [['add'], 2, 'add needs what the rule matches'],
    [['add', '10.0.0.1', '--most', '3'], 2, 'The option --most does not apply to add.'],
    [['add', '10.0.0.1', '--type', 'block'], 2, '--type must be one of drop, whitelist'],
    [['add', '10.0.0.1', '10.0.0.2', '--id', 'x'], 2, '--id names one rule'],
    [['add', '10.0.0.1', '--set', 'x'], 2, '--set needs FIELD=VALUE'],
    [['remove'], 2, 'remove needs the ids of rules, or --all.'],
    [['remove', '1', '--all'], 2, 'remove takes ids, or --all, not both.'],
    [['list', 'x'], 2, 'Unexpected argument "x" for list.'],
    [['add', '10.0.0.1', '10.0.0.x'], 1, '"10.0.0.x" is not an address'],
    [['remove', 'nobody'], 1, 'There is no rule "nobody".'],
    [['load', place.path('missing')], 1, `Can't read ${place.path('missing')}`],
    [['list', '--brick', 'c'], 1, 'No filter that takes rules is called "c". There are: Filter ('],
    [['list', '--engine', 'e7'], 1, 'There is no engine e7.'],
  ];
  const outcomes = await Promise.all(wrong.map(([words]) => filter(...words)));
  expect(outcomes.map(({ code, stdout, stderr }) => [code, stdout, stderr])).toEqual(wrong.map(([, code, text]) => [code, '', expect.stringContaining(text)]));
});

test('where several filters take rules, one has to be named', async () => {
  const client = await daemon.connect();
  await client.call('engine.create', { name: 'e1' });
  await client.call('engine.link', { name: 'e1', bricks: [{ kind: 'Filter', options: { rules: true }, inputs: ['in5'], outputs: ['eth3{4'] }] });
  expect(await filter('add', '10.0.0.1')).toMatchObject({ code: 1, stderr: expect.stringMatching(/Several filters take rules: Filter \(\d+\) of engine e0, Filter \(\d+\) of engine e1\. Say which one.*\[E_NO_BRICK\]/) as string });
  expect(await client.call('filter.add', { brick: 'eth3}4', rules: ['10.0.0.1'] })).toHaveLength(1);
  expect((await client.call('filter.rules', { name: 'e1' })).map(({ match }) => match)).toEqual(['10.0.0.1']);
  await client.call('engine.delete', { name: 'e1' });
});
