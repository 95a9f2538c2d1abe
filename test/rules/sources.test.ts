/** Rules from Zeek and from Suricata's log, from their message to the packets. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer, type WebSocket } from 'ws';
import fc from 'fast-check';
import { closeEngines } from '../support/loopback-engine';
import { bytesOf } from '../support/packets';
import { formatEntity } from '../../src/rules/entity-text';
import { ruleOfEveLine } from '../../src/rules/eve-file';
import { hex, packet, running } from './running-filter';

const folder = mkdtempSync(join(tmpdir(), 'bricks-sources-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(closeEngines);

const OTHER = packet({ source: '10.1.0.1', destination: '10.1.0.2' });

interface Value { '@data-type': string; data: unknown }
const value = (type: string, data: unknown): Value => ({ '@data-type': type, data });
const vector = (...data: Value[]): Value => value('vector', data);
const none = value('none', {});

test('a rule of Zeek drops packets, and its timeout tells how many', async () => {
  const zeek = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => zeek.once('listening', resolve));
  const { port } = zeek.address() as { port: number };
  const connection = new Promise<WebSocket>((resolve) => zeek.once('connection', resolve));
  try {
    const { send, filter } = await running({ zeek: `ws://127.0.0.1:${port}/v1/messages/json` });
    const socket = await connection;
    const events = new Map<string, (values: Value[]) => void>();
    const heard = (kind: string): Promise<Value[]> => new Promise((resolve) => events.set(`NetControl::broker_rule_${kind}`, resolve));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { data?: [Value, Value, { data: [Value, { data: Value[] }] }] };
      const event = message.data?.[2].data;
      if (event) events.get(String(event[0].data))?.(event[1].data);
    });
    const rule = vector(
      value('enum-value', 'NetControl::DROP'), value('enum-value', 'NetControl::FORWARD'),
      vector(value('enum-value', 'NetControl::ADDRESS'), none, none, value('subnet', '10.0.0.1/32'), none),
      value('timespan', '1s'), value('integer', 0), none, none, none, value('string', 'x'), value('count', 2),
    );
    const [added, timeout] = [heard('added'), heard('timeout')];
    socket.send(JSON.stringify({ type: 'ack', endpoint: 'e', version: 'v' }));
    socket.send(JSON.stringify({
      type: 'data-message', topic: 'bricks/netcontrol',
      ...vector(value('count', 1), value('count', 1), vector(value('string', 'NetControl::broker_add_rule'), vector(value('count', 3), rule))),
    }));
    expect((await added).slice(0, 2)).toEqual([value('count', 3), rule]);
    expect(await send(packet(), packet(), OTHER)).toEqual([[hex(OTHER)], []]);
    const [, back, flow] = await timeout;
    expect(back).toEqual(rule);
    expect((flow.data as Value[]).slice(1)).toEqual([value('count', 2), value('count', 2 * bytesOf(packet()).length)]);
    expect(await filter.call('rules')).toEqual([]);
    expect(await send(packet())).toEqual([[hex(packet())], []]);
  } finally {
    zeek.close();
  }
});

const alert = JSON.stringify({ timestamp: '2025-01-01T00:00:00.000000+0000', event_type: 'alert', src_ip: '10.0.0.1', src_port: 1000, dest_ip: '10.0.0.2', dest_port: 80, proto: 'UDP', alert: { action: 'allowed', signature_id: 1 } });

test.each<[string, object, string | undefined]>([
  ['an alert', JSON.parse(alert) as object, 'drop 10.0.0.1:1000 <-> 10.0.0.2:80 udp'],
  ['an alert of ICMP', { event_type: 'alert', src_ip: '2001:db8::1', dest_ip: '2001:db8::2', proto: 'IPv6-ICMP' }, 'drop [2001:db8::1]:0 <-> [2001:db8::2]:0 icmp6'],
  ['a bypassed flow', { event_type: 'flow', src_ip: '10.0.0.1', src_port: 1, dest_ip: '10.0.0.2', dest_port: 2, proto: 'TCP', flow: { state: 'bypassed', bypass: 'local' } }, 'shunt 10.0.0.1:1 <-> 10.0.0.2:2 tcp'],
  ['another flow', { event_type: 'flow', src_ip: '10.0.0.1', src_port: 1, dest_ip: '10.0.0.2', dest_port: 2, proto: 'TCP', flow: { state: 'closed' } }, undefined],
  ['statistics', { event_type: 'stats' }, undefined],
  ['an alert without addresses', { event_type: 'alert' }, undefined],
])('eve.json: %s', (_name, record, expected) => {
  const rule = ruleOfEveLine(JSON.stringify(record), { expire: 60 });
  expect(rule && `${rule.shunt ? 'shunt' : rule.type} ${formatEntity(rule.entity)}`).toBe(expected);
});

test('eve.json: any line is a rule, or none', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.dictionary(fc.constantFrom('event_type', 'src_ip', 'dest_ip', 'proto', 'flow', 'src_port'), fc.oneof(fc.jsonValue(), fc.constantFrom('alert', 'flow', '10.0.0.1', 'TCP', 80))).map((one) => JSON.stringify(one))), (line) => {
    ruleOfEveLine(line, { expire: 60 });
  }), { numRuns: 1000 });
});

test('alerts that are written to eve.json from now on drop their connection, also after the file was rotated', async () => {
  const file = join(folder, 'eve.json');
  writeFileSync(file, `${alert.replace('10.0.0.1', '10.1.0.1')}\n`);
  const { filter, send } = await running({ eve: file });
  const rules = async (count: number): Promise<void> => {
    for (;;) if ((await filter.call('statistics') as { rules: number }).rules === count) return;
  };
  expect(await send(packet(), OTHER)).toEqual([[hex(packet()), hex(OTHER)], []]);
  appendFileSync(file, `{"event_type": "stats"}\nnonsense\n${alert}`);
  appendFileSync(file, '\n');
  await rules(1);
  expect(await send(packet(), OTHER)).toEqual([[hex(OTHER)], []]);
  renameSync(file, `${file}.1`);
  writeFileSync(file, `${alert.replace('1000', '1001')}\n`);
  await rules(2);
  expect(await send(packet({ sourcePort: 1001 }))).toEqual([[], []]);
});
