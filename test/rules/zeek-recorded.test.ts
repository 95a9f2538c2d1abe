/** What a Zeek 8.0.10 sent to a Filter, word for word: rules of contrib/zeek/bricks-netcontrol.zeek over Zeek's own WebSocket server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocketServer, type WebSocket } from 'ws';
import { secondsOf } from '../../src/rules/zeek/broker-data';
import { PATH } from '../../src/rules/zeek/socket-server';
import { ZeekClient } from '../../src/rules/zeek/zeek-client';
import { answerOf, newDesk, value } from './net-control-messages';

const RECORDED = readFileSync(join(__dirname, 'recorded/zeek-8.0.10.jsonl'), 'utf8').trimEnd().split('\n');
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const namesOf = (message: string): string => answerOf(message)?.[0].replace('NetControl::', '') ?? '';

test('every rule is put in place and answered with the rule as it came, and removed when Zeek says so', () => {
  const { desk, book } = newDesk({ shunt: true });
  for (const message of RECORDED) {
    const [name, number, rule] = answerOf(message) ?? [''];
    const [answered, ...given] = answerOf(desk.take(message)) ?? [''];
    expect([answered, given[0], given[1]]).toEqual([name.replace(/(add|remove)_rule$/, (_all, what: string) => `rule_${what === 'add' ? 'added' : 'removed'}`), number, rule]);
  }
  expect(book.list().map(({ type, match, priority, expires, to, set }) => [type, match, priority, expires === undefined ? undefined : Math.ceil(expires), to, set])).toEqual(expect.arrayContaining([
    ['drop', '10.0.0.9', 0, 4, undefined, undefined],
    ['drop', '2001:db8::9', 0, 4, undefined, undefined],
    ['shunt', '10.0.0.3:1000 -> 10.0.0.4:443 tcp', 0, 60, undefined, undefined],
    ['whitelist', '10.0.0.5', 5, 60, undefined, undefined],
    ['whitelist', '2001:db8::/32', 5, 60, undefined, undefined],
    ['redirect', '10.0.0.6:1000 -> 10.0.0.7:53 udp', 0, 60, 1, undefined],
    ['drop', '02:00:00:00:00:09', 0, 60, undefined, undefined],
    ['drop', '10.0.0.1:0 <-> 10.0.0.2:0 icmp', 0, undefined, undefined, undefined],
    ['modify', '10.0.0.20 -> 10.0.0.21:53 udp', 5, 30, 0, { destination: '10.0.0.22' }],
    ['modify', '10.0.0.21:53 -> 10.0.0.20 udp', 5, 30, 0, { source: '10.0.0.21' }],
    ['drop', '10.0.0.59', 0, 3596, undefined, undefined],
  ]));
  expect(book.statistics()).toMatchObject({ refused: 0, added: RECORDED.filter((message) => namesOf(message).endsWith('add_rule')).length, removed: 3 });
});

test.each([['0s', 0], ['4s', 4], ['1500ms', 1.5], ['3595127599us', 3595.127599], ['27740026950ns', 27.74002695], ['2min', 120]])('%s is %f seconds', (data, seconds) => {
  expect(secondsOf(value('timespan', data), 'It')).toBeCloseTo(seconds, 9);
});

/** Plays Zeek as far as its greeting: the endpoints as Zeek's own server and Broker's named themselves to one client after the other. */
test.each([
  ['9e27ee9a-d23e-56c2-a987-3ed65be948cc-websocket-0', '9e27ee9a-d23e-56c2-a987-3ed65be948cc-websocket-7', true],
  ['9e27ee9a-d23e-56c2-a987-3ed65be948cc-websocket-0', '16458bc6-1f0d-54d5-a053-8c9b2f061b4f-websocket-0', false],
  ['zeromq__vm_30850_NSDSjCyqI1h2-websocket-0', 'zeromq__vm_30850_NSDSjCyqI1h2-websocket-1', true],
  ['ceeaa892-8807-5b5c-a7f0-3bc3979a6c68', 'f589d557-a3b2-57e2-9693-914eeb841752', false],
])('after %s, %s is the same Zeek: %p', async (first, second, same) => {
  const zeek = new WebSocketServer({ host: '127.0.0.1', port: 0, path: PATH });
  await new Promise((resolve) => zeek.once('listening', resolve));
  const { desk, book } = newDesk();
  /** Greets one connection; resolves with it and with what it says after that, up to the answer to a rule. */
  const greet = (endpoint: string, rule: string): Promise<[WebSocket, string[]]> => new Promise((resolve) => zeek.once('connection', (socket) => {
    const said: string[] = [];
    socket.on('message', (data) => {
      if (String(data).startsWith('[')) {
        socket.send(`{"type":"ack","endpoint":"${endpoint}","version":"8.0.10"}`);
        socket.send(rule);
      } else {
        said.push(String(data));
        if (answerOf(said.at(-1))?.[3] !== undefined && !String(data).includes('in place"')) resolve([socket, said]);
      }
    });
  }));
  const greeted = greet(first, RECORDED[0]);
  const client = new ZeekClient({ zeek: `ws://127.0.0.1:${(zeek.address() as { port: number }).port}${PATH}`, topic: 'bricks/netcontrol' }, desk, silent);
  try {
    const [socket] = await greeted;
    const again = greet(second, RECORDED[1]);
    socket.terminate();
    const [, said] = await again;
    expect(said.map(namesOf)).toEqual([...(same ? ['bricks_rule_added'] : []), 'bricks_rule_added']);
    expect(book.count).toBe(2);
  } finally {
    client.close();
    zeek.close();
  }
});
