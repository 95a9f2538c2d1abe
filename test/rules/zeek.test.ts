/** NetControl over WebSockets: rules as Zeek sends them, as a server and as Zeek's client. */
import fc from 'fast-check';
import { WebSocket, WebSocketServer } from 'ws';
import { createSharedRules } from '../../src/rules/layout';
import { RuleBook, type RuleNote } from '../../src/rules/rule-book';
import { readRule } from '../../src/rules/read-rule';
import { RuleDesk } from '../../src/rules/rule-control';
import { openRuleSources } from '../../src/rules/rule-sources';
import { NetControlDesk } from '../../src/rules/zeek/net-control-desk';
import { CONNECTION, FLOW, MAC, add, answerOf, count, event, name, newDesk, none, remove, ruleOf, text, value, vector, type RuleFields, type Value } from './net-control-messages';
import { NetControlServer, PATH } from '../../src/rules/zeek/socket-server';
import { ZeekClient } from '../../src/rules/zeek/zeek-client';
import type { Logger } from '../../src/model/brick';

describe('rules of NetControl', () => {
  test.each<[string, RuleFields, object]>([
    ['a DROP of an address', {}, { type: 'drop', match: '192.0.2.1' }],
    ['a subnet of IPv6, with priority', { entity: vector(name('ADDRESS'), none, none, value('subnet', '2001:db8::/32'), none), priority: -4 }, { match: '2001:db8::/32', priority: -4 }],
    ['a WHITELIST of a connection', { type: 'WHITELIST', entity: CONNECTION }, { type: 'whitelist', match: '10.0.0.1:1000 <-> 10.0.0.2:80 tcp' }],
    ['a connection of newer versions', { entity: vector(name('CONNECTION'), vector(value('address', '10.0.0.1'), value('port', '1000/udp'), value('address', '10.0.0.2'), value('port', '80/udp'), count(17), vector()), none, none, none) }, { match: '10.0.0.1:1000 <-> 10.0.0.2:80 udp' }],
    ['a connection of another protocol, as newer versions say it', { entity: vector(name('CONNECTION'), vector(value('address', '10.0.0.1'), value('port', '0/?'), value('address', '10.0.0.2'), value('port', '0/?'), count(47), vector()), none, none, none) }, { match: '10.0.0.1:0 <-> 10.0.0.2:0 gre' }],
    ['a connection of ICMP', { entity: vector(name('CONNECTION'), vector(value('address', '2001:db8::1'), value('port', '128/icmp'), value('address', '2001:db8::2'), value('port', '129/icmp')), none, none, none) }, { match: '[2001:db8::1]:0 <-> [2001:db8::2]:0 icmp6' }],
    ['a REDIRECT of a flow', { type: 'REDIRECT', entity: FLOW, port: 3 }, { type: 'redirect', match: '10.0.0.0/8 -> *:53 udp', to: 3 }],
    ['a MAC', { entity: MAC, location: 'somewhere' }, { match: '02:00:00:00:00:01', location: 'somewhere' }],
    ['a MODIFY', { type: 'MODIFY', entity: CONNECTION, change: vector(none, count(99), value('address', '10.9.9.9'), none, none, none, count(2)) }, { type: 'modify', to: 2, set: { source_port: 99, destination: '10.9.9.9' } }],
    ['a rule with an expiry', { expire: value('timespan', '90000000000ns') }, { expires: 90 }],
    ['a rule whose interval of 0 means that it stays', { expire: value('timespan', '0ns') }, { priority: 0 }],
    ['a rule with fields that we do not know', { more: [text('new'), none] }, { match: '192.0.2.1' }],
  ])('%s is added, and the answer gives it back', (_name, fields, expected) => {
    const { desk, book } = newDesk();
    expect(answerOf(desk.take(add(fields)))).toEqual(['NetControl::broker_rule_added', count(7), ruleOf(fields), text('')]);
    expect(book.list()).toEqual([expect.objectContaining(expected)]);
    expect(answerOf(desk.take(add(fields)))?.[0]).toBe('NetControl::broker_rule_exists');
    expect(answerOf(desk.take(remove(fields)))).toEqual(['NetControl::broker_rule_removed', count(7), ruleOf(fields), text('')]);
    expect(answerOf(desk.take(remove(fields)))?.[0]).toBe('NetControl::broker_rule_error');
    expect(book.count).toBe(0);
  });

  test.each<[string, RuleFields | Value, RegExp]>([
    ['of an unknown type', { type: 'EXPLODE' }, /must be one of DROP, MODIFY/],
    ['of an unknown entity', { entity: vector(name('PLANET')) }, /must be one of ADDRESS/],
    ['without the address that it is about', { entity: vector(name('ADDRESS')) }, /must have an ip/],
    ['with an address that is none', { entity: vector(name('ADDRESS'), none, none, value('subnet', '300.0.0.0/8'), none) }, /must be an address or a subnet/],
    ['with a port that is none', { entity: vector(name('CONNECTION'), vector(value('address', '10.0.0.1'), value('port', '99999/tcp'), value('address', '10.0.0.2'), value('port', '1/tcp'))) }, /must be a port/],
    ['with a priority that is too large', { priority: 2 ** 40 }, /must have 32 bits/],
    ['with an expiry that is none', { expire: value('timespan', 'tomorrow') }, /must be a timespan/],
    ['that redirects nowhere', { type: 'REDIRECT' }, /must have an out_port/],
    ['that modifies nothing', { type: 'MODIFY', change: vector() }, /must set something/],
    ['that is no record', text('rule'), /must be a vector/],
  ])('a rule %s gets an error, and changes nothing', (_name, given, expected) => {
    const { desk, book } = newDesk();
    const record = 'data' in given ? given : ruleOf(given);
    const answer = answerOf(desk.take(event('broker_add_rule', count(7), record as Value)));
    expect(answer?.slice(0, 3)).toEqual(['NetControl::broker_rule_error', count(7), record]);
    expect((answer?.[3] as Value).data).toMatch(expected);
    expect(book.statistics()).toMatchObject({ rules: 0, refused: 1 });
  });

  test('a rule that cannot be put in place gets an error, and is counted once', () => {
    const { desk, book } = newDesk({}, 1);
    desk.take(add());
    expect(answerOf(desk.take(add({ id: 'r2', entity: MAC })))).toMatchObject({ 0: 'NetControl::broker_rule_error', 3: { data: expect.stringMatching(/There are 1 rules already/) } });
    expect(book.statistics()).toMatchObject({ added: 1, refused: 1 });
  });

  test('a rule for another filter is left to that; one for this, for all, or for nobody is taken', () => {
    const { desk, book } = newDesk();
    expect(desk.take(add({ location: 'eth3}5' }))).toBeUndefined();
    expect(desk.take(remove({ location: 'eth3}5' }))).toBeUndefined();
    for (const [index, location] of ['eth3}4', 'eth9}1', undefined].entries()) {
      expect(answerOf(desk.take(add({ id: `r${index}`, ...(location === undefined ? {} : { location }) })))?.[0]).toBe('NetControl::broker_rule_added');
    }
    expect(book.count).toBe(3);
  });

  test('a rule that expires is reported, with its counts', () => {
    const { desk, book, published } = newDesk();
    desk.take(add({ expire: value('timespan', '10s') }));
    book.advance(99);
    expect(published).toEqual([]);
    book.advance(100);
    const [kind, number, record, flow] = answerOf(published[0]) ?? [];
    expect([kind, number, record]).toEqual(['NetControl::broker_rule_timeout', count(7), ruleOf({ expire: value('timespan', '10s') })]);
    expect((flow as Value).data).toEqual([expect.objectContaining({ '@data-type': 'timespan' }), count(0), count(0)]);
    expect(answerOf(desk.take(add({ expire: value('timespan', '10s') })))?.[0]).toBe('NetControl::broker_rule_added');
  });

  test('on the monitoring path, connections are shunted where that is asked for', () => {
    const { desk, book } = newDesk({ shunt: true });
    desk.take(add({ entity: CONNECTION, target: 'MONITOR' }));
    desk.take(add({ entity: CONNECTION, id: 'r2' }));
    expect(book.list().map(({ type }) => type).sort()).toEqual(['drop', 'shunt']);
  });

  test('events of plugins with other names are answered by their names; those that are not about rules, not at all', () => {
    const { desk } = newDesk();
    expect(answerOf(desk.take(event('bricks_add_rule', count(0), ruleOf())))?.[0]).toBe('NetControl::bricks_rule_added');
    expect(desk.take(event('broker_rule_added', count(7), ruleOf(), text('')))).toBeUndefined();
    expect(desk.take(JSON.stringify({ type: 'data-message', topic: 't', '@data-type': 'vector', data: [] }))).toBeUndefined();
  });

  test('metadata at the end of an event is accepted', () => {
    const { desk } = newDesk();
    const message = JSON.parse(add()) as { data: Value[] };
    message.data.push(vector(vector(count(1), value('timestamp', '2025-01-01T00:00:00.000'))));
    expect(answerOf(desk.take(JSON.stringify(message)))?.[0]).toBe('NetControl::broker_rule_added');
  });

  test('any message, changed anywhere, is answered or refused, and never more', () => {
    const { desk, book } = newDesk();
    const samples = [add(), add({ entity: CONNECTION }), add({ entity: FLOW, type: 'REDIRECT', port: 1 }), add({ entity: MAC, change: vector() }), remove()];
    const changed = fc.tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.constantFrom('"', '{', '}', '[', ']', ',', ':', '0', '-', 'x', '\u0000', 'none', 'vector')), { maxLength: 3 }))
      .map(([sample, changes]) => changes.reduce((made, [at, part]) => made.slice(0, at % made.length) + part + made.slice((at % made.length) + 1), sample));
    const built = fc.letrec((tie) => ({
      value: fc.record({ '@data-type': fc.constantFrom('vector', 'count', 'string', 'none', 'enum-value', 'port', 'subnet', '__proto__'), data: fc.oneof({ depthSize: 'small' }, fc.jsonValue(), fc.array(tie('value'), { maxLength: 5 })) }),
    })).value;
    const messages = fc.oneof(fc.string(), fc.json(), changed, built.map((one) => event('broker_add_rule', count(1), one as Value)));
    fc.assert(fc.property(messages, (message) => {
      try {
        desk.take(message);
      } catch (error) {
        expect((error as { code?: string }).code).toBe('E_MESSAGE');
      }
    }), { numRuns: 4000 });
    expect(book.count).toBeLessThanOrEqual(100);
  });

  test.each([
    ['deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['deep as values', `{"type":"data-message","topic":"t","@data-type":"vector","data":${'[{"@data-type":"vector","data":'.repeat(200)}[]${'}]'.repeat(200)}}`],
    ['long', JSON.stringify({ type: 'data-message', topic: 'x'.repeat(1 << 18) })],
    ['wide', JSON.stringify(Array.from({ length: 10_000 }, () => ({})))],
  ])('a message that is too %s is refused', (_name, message) => {
    expect(() => newDesk().desk.take(message)).toThrow(/longer|deeper|more than/);
  });
});

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A WebSocket with its messages in a queue. */
class Peer {
  private readonly messages: string[] = [];
  private readonly waiting: ((message: string) => void)[] = [];

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => {
      const next = this.waiting.shift();
      if (next) next(String(data));
      else this.messages.push(String(data));
    });
  }

  next(): Promise<string> {
    const known = this.messages.shift();
    return known === undefined ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve(known);
  }
}

async function connect(port: number, options: { headers?: Record<string, string>; path?: string } = {}): Promise<Peer> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${options.path ?? PATH}`, { headers: options.headers ?? {} });
  const peer = new Peer(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  return peer;
}

describe('the server', () => {
  let server: NetControlServer;
  let made: ReturnType<typeof newDesk>;
  const open = async (token?: string): Promise<void> => {
    made = newDesk();
    server = await NetControlServer.open({ listen: '127.0.0.1:0', token }, made.desk, silent);
  };
  afterEach(() => server.close());

  test('acknowledges subscriptions, answers rules, and reports what is not a message', async () => {
    await open();
    const peer = await connect(server.port);
    peer.socket.send('["bricks/"]');
    expect(JSON.parse(await peer.next())).toEqual({ type: 'ack', endpoint: expect.stringMatching(/^[0-9a-f-]{36}$/), version: expect.any(String) });
    peer.socket.send(add());
    expect(answerOf(await peer.next())?.[0]).toBe('NetControl::broker_rule_added');
    peer.socket.send('{"type": "data-message"}');
    expect(JSON.parse(await peer.next())).toMatchObject({ type: 'error', code: 'deserialization_failed' });
    made.published.length = 0;
    server.publish('bricks/netcontrol', event('broker_rule_timeout'));
    expect(JSON.parse(await peer.next())).toMatchObject({ topic: 'bricks/netcontrol' });
    peer.socket.close();
  });

  test('refuses other paths, a wrong token, and pages in browsers', async () => {
    await open('secret');
    await expect(connect(server.port, { path: '/other' })).rejects.toThrow('404');
    await expect(connect(server.port)).rejects.toThrow('401');
    await expect(connect(server.port, { headers: { Authorization: 'Bearer wrong' } })).rejects.toThrow('401');
    (await connect(server.port, { headers: { Authorization: 'Bearer secret' } })).socket.close();
    await server.close();
    await open();
    await expect(connect(server.port, { headers: { Origin: 'https://example.com' } })).rejects.toThrow('403');
  });

  test('a message that is too long ends its connection, and no other', async () => {
    await open();
    const [bad, good] = [await connect(server.port), await connect(server.port)];
    const closed = new Promise((resolve) => bad.socket.once('close', resolve));
    bad.socket.on('error', () => undefined);
    bad.socket.send('x'.repeat(1 << 20));
    await closed;
    good.socket.send('[]');
    expect(JSON.parse(await good.next())).toMatchObject({ type: 'ack' });
    good.socket.close();
  });
});

test('a server that others can reach needs a token or a certificate', async () => {
  await expect(NetControlServer.open({ listen: '0.0.0.0:0' }, newDesk().desk, silent)).rejects.toThrow('can be reached from other machines');
  await expect(NetControlServer.open({ listen: 'nonsense' }, newDesk().desk, silent)).rejects.toThrow('must be HOST:PORT');
  expect(() => new ZeekClient({ zeek: 'http://x', topic: 't' }, newDesk().desk, silent)).toThrow('begins with ws:// or wss://');
});

test('where one source of rules cannot be opened, those before it are closed', async () => {
  const shared = createSharedRules(10);
  const log: string[] = [];
  const context = { name: 'f', engine: 'e', outputs: [], otherOutputs: [], shared, log: { ...silent, info: (line: string) => void log.push(line) }, post: () => undefined };
  const opened = openRuleSources({ listen: '127.0.0.1:0', zeek: 'http://x', topic: 't', eveExpire: 1, shunt: false }, new RuleDesk(new RuleBook(shared, 0), shared, false), context);
  await expect(opened).rejects.toThrow('begins with ws:// or wss://');
  const port = Number(/:(\d+)\//.exec(log[0])?.[1]);
  await expect(connect(port)).rejects.toThrow('ECONNREFUSED');
});

test('the client subscribes at Zeek, answers, and after a break connects again and reports the rules in place', async () => {
  const zeek = new WebSocketServer({ host: '127.0.0.1', port: 0, path: PATH });
  await new Promise((resolve) => zeek.once('listening', resolve));
  const { port } = zeek.address() as { port: number };
  const connected = (): Promise<[Peer, string | undefined]> => new Promise((resolve) => zeek.once('connection', (socket, request) => resolve([new Peer(socket), request.headers['x-application-name'] as string])));
  const first = connected();
  const { desk, book } = newDesk();
  const client = new ZeekClient({ zeek: `ws://127.0.0.1:${port}${PATH}`, topic: 'bricks/netcontrol' }, desk, silent);
  try {
    const [peer, application] = await first;
    expect(application).toBe('packet-bricks');
    expect(JSON.parse(await peer.next())).toEqual(['bricks/netcontrol']);
    const acknowledge = JSON.stringify({ type: 'ack', endpoint: '925c9110-5b87-57d9-9d80-b65568e87a44', version: '2.2.0-22' });
    peer.socket.send(acknowledge);
    peer.socket.send(add());
    expect(answerOf(await peer.next())?.[0]).toBe('NetControl::broker_rule_added');
    peer.socket.send('no message');
    peer.socket.send(JSON.stringify({ type: 'error', code: 'deserialization_failed', context: 'x' }));
    const second = connected();
    peer.socket.terminate();
    const [again] = await second;
    await again.next();
    expect(book.count).toBe(1);
    again.socket.send(acknowledge);
    expect(answerOf(await again.next())).toEqual(['NetControl::broker_rule_added', count(7), ruleOf(), text('in place')]);
    again.socket.send(remove());
    expect(answerOf(await again.next())?.[0]).toBe('NetControl::broker_rule_removed');
  } finally {
    client.close();
    zeek.close();
  }
});

test('a Zeek that accepts the connection and never acknowledges is left, said so, and tried again', async () => {
  const zeek = new WebSocketServer({ host: '127.0.0.1', port: 0, path: PATH });
  await new Promise((resolve) => zeek.once('listening', resolve));
  const warned: string[] = [];
  let connections = 0;
  const again = new Promise<void>((resolve) => zeek.on('connection', () => {
    if (++connections === 2) resolve();
  }));
  const client = new ZeekClient({ zeek: `ws://127.0.0.1:${(zeek.address() as { port: number }).port}${PATH}`, topic: 't' }, newDesk().desk, { ...silent, warn: (line) => void warned.push(line) }, 20);
  try {
    await again;
    expect(warned).toEqual([expect.stringContaining('it did not acknowledge the subscription. The rules stay; trying again.')]);
  } finally {
    client.close();
    zeek.close();
  }
});

test('rules that were kept over a restart are still those of NetControl: a rule in place exists, and can be removed', () => {
  const notes: RuleNote[] = [];
  const before = newDesk();
  before.book.journal = { entered: (_handle, note) => { if (note) notes.push(note); }, forgotten: () => undefined };
  before.desk.take(add());
  const shared = createSharedRules(100);
  const book = new RuleBook(shared, 0);
  const ruleDesk = new RuleDesk(book, shared, true);
  for (const note of notes.map((one) => JSON.parse(JSON.stringify(one)) as RuleNote)) ruleDesk.returned.push({ id: book.add(readRule({ drop: '192.0.2.1' })), note });
  const options = { names: [], otherNames: [], shunt: false };
  const other = new NetControlDesk(ruleDesk, { ...options, name: 'listen' }, () => undefined);
  const after = new NetControlDesk(ruleDesk, { ...options, name: 'zeek' }, () => undefined);
  expect([[...other.present()], [...after.present()].length]).toEqual([[], 1]);
  expect(answerOf(after.take(add()))?.[0]).toBe('NetControl::broker_rule_exists');
  expect(answerOf(after.take(remove()))?.[0]).toBe('NetControl::broker_rule_removed');
  expect(book.count).toBe(0);
});
