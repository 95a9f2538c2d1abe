/** Zeek is started again: it counts its rules from the beginning, and knows nothing of those that it made before. */
import { NetControlDesk } from '../../src/rules/zeek/net-control-desk';
import { createSharedRules } from '../../src/rules/layout';
import { readRule } from '../../src/rules/read-rule';
import { RuleBook, type RuleNote } from '../../src/rules/rule-book';
import { RuleDesk } from '../../src/rules/rule-control';
import { MAC, add, answerOf, name, newDesk, none, remove, value, vector } from './net-control-messages';

const OTHER = vector(name('ADDRESS'), none, none, value('subnet', '198.51.100.7/32'), none);
const kindOf = (answer: string | undefined): string | undefined => answerOf(answer)?.[0];

test('a rule that has the number of an earlier one, but is about something else, is put in place beside it', () => {
  const { desk, book } = newDesk();
  desk.take(add());
  expect(kindOf(desk.take(remove({ entity: OTHER })))).toBe('NetControl::broker_rule_error');
  expect(kindOf(desk.take(add({ entity: OTHER })))).toBe('NetControl::broker_rule_added');
  expect(kindOf(desk.take(add({ entity: OTHER })))).toBe('NetControl::broker_rule_exists');
  expect(book.list().map(({ match }) => match).sort()).toEqual(['192.0.2.1', '198.51.100.7']);
  expect(kindOf(desk.take(remove({ entity: OTHER })))).toBe('NetControl::broker_rule_removed');
  expect(book.list().map(({ match }) => match)).toEqual(['192.0.2.1']);
});

test("another Zeek is not told of an earlier one's rules, neither that they are there nor that they expire; they last as long as they were made for", () => {
  const { desk, book, published } = newDesk();
  desk.connected('first');
  desk.take(add({ expire: value('timespan', '600s') }));
  expect([...desk.present()]).toHaveLength(1);
  desk.connected('first');
  expect([...desk.present()]).toHaveLength(1);
  desk.connected('second');
  expect([[...desk.present()], book.count]).toEqual([[], 1]);
  book.advance(10 * 601);
  expect([published, book.count]).toEqual([[], 0]);
});

test("another Zeek's rule about the same takes the place of the earlier one", () => {
  const { desk, book } = newDesk();
  desk.connected('first');
  desk.take(add({ id: '2', number: 2 }));
  desk.connected('second');
  expect(kindOf(desk.take(add({ id: '9', number: 9 })))).toBe('NetControl::broker_rule_added');
  expect(book.count).toBe(1);
  expect(kindOf(desk.take(remove({ id: '9', number: 9 })))).toBe('NetControl::broker_rule_removed');
  expect(book.count).toBe(0);
});

test('rules that were kept over a restart of ours belong to the Zeek that made them', () => {
  const notes: RuleNote[] = [];
  const before = newDesk();
  before.book.journal = { entered: (_handle, note) => { if (note) notes.push(note); }, forgotten: () => undefined };
  before.desk.connected('first');
  before.desk.take(add());
  before.desk.connected('second');
  before.desk.take(add({ entity: MAC }));
  const after = (peer: string): string[] => {
    const shared = createSharedRules(100);
    const book = new RuleBook(shared, 0);
    const ruleDesk = new RuleDesk(book, shared, true);
    for (const [index, note] of notes.entries()) ruleDesk.returned.push({ id: book.add(readRule({ drop: `192.0.2.${index}` })), note: JSON.parse(JSON.stringify(note)) as RuleNote });
    const desk = new NetControlDesk(ruleDesk, { name: 'zeek', names: [], otherNames: [], shunt: false }, () => undefined);
    desk.connected(peer);
    return [...desk.present()];
  };
  expect(after('second').map((message) => message.includes('02:00:00:00:00:01'))).toEqual([true]);
  expect(after('third')).toEqual([]);
});
