/** Rules that survive a restart. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { closeEngines, until } from '../support/loopback-engine';
import { KeptRules } from '../../src/rules/kept-rules';
import { createSharedRules } from '../../src/rules/layout';
import { RuleBook, type ListedRule } from '../../src/rules/rule-book';
import type { Rule } from '../../src/rules/rule';
import { rule } from './rule-arbitraries';
import { hex, packet, running } from './running-filter';

const folder = mkdtempSync(join(tmpdir(), 'bricks-kept-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(closeEngines);

let files = 0;
const newFile = (): string => join(folder, `${++files}.rules`);
const logged: string[] = [];
const log = { debug: () => undefined, info: (text: string) => void logged.push(text), warn: (text: string) => void logged.push(text), error: (text: string) => void logged.push(text) };

function bookOf(path: string, retry?: number): { readonly book: RuleBook; readonly kept: KeptRules } {
  const book = new RuleBook(createSharedRules(1000), 100);
  const kept = new KeptRules(path, book, log, retry);
  const rules = kept.read();
  book.journal = kept;
  for (const one of rules) book.add(one.rule, one.note);
  kept.open();
  return { book, kept };
}

/** What a list says of rules, but for numbers that are given anew and the time that has passed. */
const essence = (rules: readonly ListedRule[]): string[] => rules.map(({ id, expires, ...rest }) => JSON.stringify([typeof id === 'string' ? id : 0, expires === undefined ? 'stays' : Math.ceil(expires), rest])).sort();

test('any rules come back as they were, after any changes', () => {
  fc.assert(fc.property(fc.array(rule.filter(isWritten), { minLength: 1, maxLength: 20 }), fc.array(fc.nat(19), { maxLength: 5 }), (rules, removed) => {
    const path = newFile();
    const first = bookOf(path);
    const ids = rules.map((one, index) => first.book.add({ ...one, ...(one.expire === undefined ? {} : { expire: 1000 + index }), ...(one.type === 'modify' ? { modification: { destinationPort: 7, sourceMac: [0x02000000, 1] } } : {}) }));
    for (const index of new Set(removed)) if (ids[index] !== undefined) first.book.remove(ids[index]);
    first.kept.close();
    const second = bookOf(path);
    expect(essence(second.book.list())).toEqual(essence(first.book.list()));
    second.kept.close();
  }), { numRuns: 60 });
});

test('a filter has its rules again after a restart, and those that have expired are gone', async () => {
  const keep = newFile();
  const first = await running({ keep });
  await first.filter.call('add', { drop: '10.0.0.1', id: 'x' });
  await first.filter.call('add', { redirect: '10.5.0.0/16', to: 1, expire: 3600, priority: 2, location: 'here' });
  const gone = await first.filter.call('add', { drop: '10.0.0.2' });
  await first.filter.call('add', { drop: '10.0.0.3', expire: 0.2 });
  await first.filter.call('remove', gone);
  expect(await first.send(packet())).toEqual([[], []]);
  await closeEngines();
  await until(() => Date.now() / 1000 > Math.max(...[...readFileSync(keep, 'utf8').matchAll(/"10\.0\.0\.3".*"until":([\d.]+)/g)].map(([, time]) => Number(time)), 0));
  const second = await running({ keep });
  const rules = (await second.filter.call('rules') as ListedRule[]).sort((a, b) => a.priority - b.priority);
  expect(rules).toEqual([
    { id: 'x', type: 'drop', match: '10.0.0.1', priority: 0, packets: 0, bytes: 0 },
    { id: expect.any(Number) as number, type: 'redirect', match: '10.5.0.0/16', priority: 2, to: 1, location: 'here', expires: expect.any(Number) as number, packets: 0, bytes: 0 },
  ]);
  expect(rules[1].expires).toBeLessThanOrEqual(3600);
  const other = packet({ source: '10.5.0.1', destination: '10.6.0.1' });
  expect(await second.send(packet(), other)).toEqual([[], [hex(other)]]);
});

test('rules of a watched file come from that file alone', async () => {
  const [file, keep] = [newFile(), newFile()];
  writeFileSync(file, '10.0.0.1\n');
  const { filter } = await running({ keep, file });
  await filter.call('load', '10.0.0.9');
  await closeEngines();
  expect(readFileSync(keep, 'utf8').match(/"drop":"[^"]*"/g)).toEqual(['"drop":"10.0.0.9"']);
});

test('what a crash has cut off or damaged costs nothing but itself', () => {
  const path = newFile();
  const first = bookOf(path);
  for (const id of ['a', 'b']) first.book.add({ ...DROP, id });
  first.kept.close();
  appendFileSync(path, 'nonsense\n{"key":1,"rule":{"drop":"10.9.9.9","id":"c"}}\n{"key":2,"rule":{"drop":"10.9');
  const second = bookOf(path);
  expect(second.book.list().map(({ id }) => id).sort()).toEqual(['a', 'b', 'c']);
  expect(logged.at(-1)).toBe(`${path}: 1 lines are damaged and were left out.`);
  second.kept.close();
});

test('a file that is not one of kept rules is left alone', async () => {
  const keep = newFile();
  writeFileSync(keep, '192.0.2.1\n');
  await expect(running({ keep })).rejects.toMatchObject({ message: expect.stringContaining('is not a file of kept rules of this version') as string });
  expect(readFileSync(keep, 'utf8')).toBe('192.0.2.1\n');
  await expect(running({ keep: join(folder, 'missing', 'x') })).rejects.toMatchObject({ message: expect.stringContaining("Can't write the file of kept rules") as string });
});

test('a failure to write is logged once and shown, and everything is written once that is possible again', async () => {
  mkdirSync(join(folder, 'disk'));
  const path = join(folder, 'disk', 'x.rules');
  const { book, kept } = bookOf(path, 10);
  rmSync(join(folder, 'disk'), { recursive: true });
  logged.length = 0;
  book.add({ ...DROP, id: 'a' });
  await until(() => kept.problem !== undefined);
  book.add({ ...DROP, id: 'b' });
  mkdirSync(join(folder, 'disk'));
  await until(() => kept.problem === undefined);
  expect(logged).toEqual([expect.stringContaining('Rules that change from now on are not kept until it can be written.'), `${path}: rules are kept again`]);
  kept.close();
  expect(bookOf(path).book.list().map(({ id }) => id).sort()).toEqual(['a', 'b']);
});

test('a file that two filters write is reported, and not overwritten', async () => {
  const path = newFile();
  const first = bookOf(path);
  const second = bookOf(path);
  second.book.add({ ...DROP, id: 'second' });
  first.book.add({ ...DROP, id: 'first' });
  await until(() => first.kept.problem !== undefined);
  expect(first.kept.problem).toContain('was replaced: something else writes it. Give each filter a file of its own.');
  first.kept.close();
  second.kept.close();
  expect(bookOf(path).book.list().map(({ id }) => id)).toEqual(['second']);
});

test('a file with many rules that are gone is rewritten without them', () => {
  const path = newFile();
  const { book, kept } = bookOf(path);
  for (let round = 0; round < 40; round++) book.addAll(Array.from({ length: 500 }, () => DROP_ONE())).forEach((id) => book.remove(id));
  kept.close();
  expect(readFileSync(path, 'utf8').split('\n').length).toBeLessThan(5);
});

/** Nobody can write ICMP of the other version. */
function isWritten({ entity }: Rule): boolean {
  const source = entity.kind === 'flow' || entity.kind === 'connection' ? entity.source ?? entity.destination : undefined;
  return !(source?.version === 6 && 'protocol' in entity && entity.protocol === 1);
}

const DROP = { entity: { kind: 'address', subnet: { version: 4, words: [0x0a000001, 0, 0, 0], length: 32 } }, type: 'drop', priority: 0, output: 0, shunt: false } as const;
let lastAddress = 0;
const DROP_ONE = (): typeof DROP => ({ ...DROP, entity: { kind: 'address', subnet: { version: 4, words: [++lastAddress as never, 0, 0, 0], length: 32 } } });
