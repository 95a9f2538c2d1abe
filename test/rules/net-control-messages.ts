/** Messages of NetControl in Broker's JSON, as tests send them, and what stands in the answers. */
import { createSharedRules } from '../../src/rules/layout';
import { RuleBook } from '../../src/rules/rule-book';
import { RuleDesk } from '../../src/rules/rule-control';
import { NetControlDesk } from '../../src/rules/zeek/net-control-desk';

export interface Value { '@data-type': string; data: unknown }
export const value = (type: string, data: unknown): Value => ({ '@data-type': type, data });
export const none = value('none', {});
export const vector = (...data: Value[]): Value => value('vector', data);
export const text = (data: string): Value => value('string', data);
export const count = (data: number): Value => value('count', data);
export const name = (data: string): Value => value('enum-value', `NetControl::${data}`);

export interface RuleFields { type?: string; target?: string; entity?: Value; expire?: Value; priority?: number; location?: string; port?: number; change?: Value; id?: string; number?: number; more?: Value[] }

export const ADDRESS = vector(name('ADDRESS'), none, none, value('subnet', '192.0.2.1/32'), none);
export const CONNECTION = vector(name('CONNECTION'), vector(value('address', '10.0.0.1'), value('port', '1000/tcp'), value('address', '10.0.0.2'), value('port', '80/tcp')), none, none, none);
export const FLOW = vector(name('FLOW'), none, vector(value('subnet', '10.0.0.0/8'), none, none, value('port', '53/udp'), none, none), none, none);
export const MAC = vector(name('MAC'), none, none, none, text('02:00:00:00:00:01'));

export function ruleOf({ type = 'DROP', target = 'FORWARD', entity = ADDRESS, expire = none, priority = 0, location, port, change = none, id = 'r1', number = 2, more = [] }: RuleFields = {}): Value {
  return vector(name(type), name(target), entity, expire, value('integer', priority), location === undefined ? none : text(location), port === undefined ? none : count(port), change, text(id), count(number), ...more);
}

export function event(kind: string, ...values: Value[]): string {
  return JSON.stringify({ type: 'data-message', topic: 'bricks/netcontrol', ...vector(count(1), count(1), vector(text(`NetControl::${kind}`), vector(...values))) });
}

/** Name and arguments of an answer. */
export function answerOf(message: string | undefined): [string, ...unknown[]] | undefined {
  if (message === undefined) return undefined;
  const parsed = JSON.parse(message) as { type: string; topic: string; '@data-type': string; data: [Value, Value, { data: [Value, { data: Value[] }] }] };
  expect(parsed).toMatchObject({ type: 'data-message', topic: 'bricks/netcontrol', '@data-type': 'vector' });
  const [kind, values] = parsed.data[2].data;
  return [String(kind.data), ...values.data];
}

export function newDesk(options: Partial<ConstructorParameters<typeof NetControlDesk>[1]> = {}, limit = 100): { desk: NetControlDesk; book: RuleBook; published: string[] } {
  const shared = createSharedRules(limit);
  const book = new RuleBook(shared, 0);
  const published: string[] = [];
  const desk = new NetControlDesk(new RuleDesk(book, shared, true), { name: 'zeek', names: ['eth3{4', 'eth3}4'], otherNames: ['eth3}5'], shunt: false, ...options }, (_topic, message) => published.push(message));
  book.onExpired = (rule) => desk.expired(rule);
  return { desk, book, published };
}

export const add = (fields?: RuleFields): string => event('broker_add_rule', count(7), ruleOf(fields));
export const remove = (fields?: RuleFields): string => event('broker_remove_rule', count(7), ruleOf(fields), text('done'));
