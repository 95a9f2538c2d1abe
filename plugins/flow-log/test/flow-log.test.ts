import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestBrick, ethernet, expectToConserve, expectToKeepOrder, expectToLeaveUnchanged, fuzzBrick, icmp, icmpv6, ipv4, ipv6, runBrick, tcpConversation, udp, writePackets, type TestPacket } from 'packet-bricks/testing';
import { countsByTshark, hasTshark, traffic } from '../../flow-meter/test/traffic';
import { FlowLog } from '../src/index';
import { destinationOf } from '../src/outputs';

const folder = mkdtempSync(join(tmpdir(), 'bricks-flow-log-'));
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

interface ZeekLine {
  readonly ts: number;
  readonly community_id: string;
  readonly 'id.orig_h': string;
  readonly 'id.orig_p': number;
  readonly 'id.resp_h': string;
  readonly 'id.resp_p': number;
  readonly ip_proto: number;
  readonly orig_pkts: number;
  readonly orig_ip_bytes: number;
  readonly resp_pkts: number;
  readonly resp_ip_bytes: number;
  readonly conn_state: string;
}

const linesOf = (text: string): ZeekLine[] => text.trimEnd().split('\n').map((line) => JSON.parse(line) as ZeekLine);

async function logged(name: string, packets: readonly TestPacket[], options: object = {}): Promise<ZeekLine[]> {
  const to = join(folder, name);
  const run = await runBrick(new FlowLog({ to, flows: 4096, ...options }), packets, { outputs: 1 });
  for (const check of [expectToConserve, expectToKeepOrder, expectToLeaveUnchanged]) check(run);
  return linesOf(readFileSync(to, 'utf8'));
}

const withTshark = hasTshark ? test : test.skip;

withTshark('each flow is a line with the packets and bytes that tshark counts', async () => {
  const lines = await logged('flows.json', traffic, { bidirectional: false });
  const expected = countsByTshark(writePackets(join(folder, 'traffic.pcap'), traffic));
  expect(Object.fromEntries(lines.map((line) => {
    const port = line.ip_proto === 1 || line.ip_proto === 58 ? line['id.orig_p'] * 256 + line['id.resp_p'] : line['id.resp_p'];
    return [`${line.ip_proto} ${line['id.orig_h']}:${line.ip_proto === 1 || line.ip_proto === 58 ? 0 : line['id.orig_p']} ${line['id.resp_h']}:${port}`, [line.orig_pkts, line.orig_ip_bytes]];
  }))).toEqual(Object.fromEntries([...expected].map(([flow, { packets, bytes }]) => [flow, [packets, bytes]])));
});

withTshark('the Community IDs are those of tshark, of all protocols and types of ICMP, in one direction or both', async () => {
  const types = [0, 3, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18];
  const packets = [
    ...traffic.map(({ bytes }) => bytes),
    ...types.flatMap((type) => [['10.9.0.1', '10.9.0.2'], ['10.9.0.2', '10.9.0.1']].map(([source, destination]) => ethernet({}, ipv4({ source, destination }, icmp({ type, code: type === 3 ? 1 : 0 }, Buffer.alloc(40)))).bytes)),
    ...[1, 128, 129, 130, 131, 133, 134, 135, 136, 139, 140, 144, 145].flatMap((type) => [['2001:db8::a', '2001:db8::b'], ['2001:db8::b', '2001:db8::a']].map(([source, destination]) => ethernet({}, ipv6({ source, destination }, icmpv6({ type }, Buffer.alloc(40)))).bytes)),
  ].map((bytes, index): TestPacket => ({ bytes, wireLength: bytes.length, seconds: 1_700_000_000, nanoseconds: index * 1000, linkType: 1 }));
  const file = writePackets(join(folder, 'identified.pcap'), packets);
  const rows = execFileSync('tshark', ['-n', '-r', file, '-o', 'ip.defragment:FALSE', '--enable-protocol', 'communityid', '-T', 'fields', '-e', 'communityid'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const expected = [...new Set(rows.split('\n').map((id) => id.trim()).filter((id) => id !== ''))].sort();
  for (const bidirectional of [false, true]) {
    const lines = await logged(`identified-${bidirectional}.json`, packets, { bidirectional });
    expect([...new Set(lines.map((line) => line.community_id))].sort()).toEqual(expected);
  }
  expect(expected.length).toBeGreaterThan(80);
});

test('the Community ID is the published one, whatever the direction', async () => {
  const ends = [{ address: '128.232.110.120', port: 34_855 }, { address: '66.35.250.204', port: 80 }];
  for (const [client, server] of [ends, [...ends].reverse()]) {
    expect((await logged(`published-${client.port}.json`, tcpConversation({ client, server })))[0].community_id).toBe('1:LQU9qZlK+B5F3KDmev6m5PMibrg=');
  }
});

test('lines are those of Zeek or of Suricata', async () => {
  const packets = tcpConversation({ client: { address: '2001:db8::1', port: 4000 }, server: { address: '2001:db8:0:1::', port: 443 }, data: [{ from: 'client', content: 10 }], vlan: 9, start: { seconds: 1_700_000_000, nanoseconds: 1000 } });
  const common = { community_id: '1:7qELGuFi6U0cZcn/KTBT2i3Z/kw=' };
  const [zeek] = await logged('zeek.json', packets);
  expect(zeek).toEqual({
    ...common, ts: 1_700_000_000.000001, 'id.orig_h': '2001:db8::1', 'id.orig_p': 4000, 'id.resp_h': '2001:db8:0:1::', 'id.resp_p': 443, proto: 'tcp', ip_proto: 6, duration: 0.007, conn_state: 'SF', orig_pkts: 5, orig_ip_bytes: 310,
    resp_pkts: 3, resp_ip_bytes: 180, vlan: 9, tcp_flags_ts: '1b', tcp_flags_tc: '13', end_reason: 'forced',
  });
  expect((await logged('eve.json', packets, { format: 'eve' }))[0]).toEqual({
    ...common, timestamp: '2023-11-14T22:13:20.007001+0000', event_type: 'flow', vlan: [9], src_ip: '2001:db8::1', src_port: 4000, dest_ip: '2001:db8:0:1::', dest_port: 443, proto: 'TCP',
    flow: { pkts_toserver: 5, pkts_toclient: 3, bytes_toserver: 310, bytes_toclient: 180, start: '2023-11-14T22:13:20.000001+0000', end: '2023-11-14T22:13:20.007001+0000', age: 0, state: 'closed', reason: 'shutdown' },
    tcp: { tcp_flags: '1b', tcp_flags_ts: '1b', tcp_flags_tc: '13' },
  });
  const states = await Promise.all((['reset', 'open'] as const).map(async (end) => (await logged(`${end}.json`, tcpConversation({ end })))[0].conn_state));
  expect([...states, (await logged('refused.json', tcpConversation({ end: 'open' }).slice(0, 1)))[0].conn_state]).toEqual(['RSTO', 'S1', 'S0']);
});

const datagrams = (first: number, count: number): Buffer[] => Array.from({ length: count }, (_, index) => ethernet({}, ipv4({}, udp({ sourcePort: first + index, destinationPort: 53 }, ''))).bytes);

test('a full file is renamed and followed by another; one that was moved away is made anew; the file that is there goes on', async () => {
  const to = join(folder, 'rotated', 'flows.json');
  await expect(TestBrick.open(new FlowLog({ to }))).rejects.toThrow(`Flows can't go to "${to}": ENOENT`);
  const here = join(folder, 'r.json');
  for (let run = 0; run < 3; run++) {
    // Evicted one after the other: about 1.1 MB.
    await runBrick(new FlowLog({ to: here, rotate: 1, keep: 2, flows: 8, queue: 8192 }), datagrams(1000, 3000));
  }
  const parts = readdirSync(folder).filter((name) => name.startsWith('r.json')).sort();
  expect(parts).toEqual(['r.json', 'r.json.1', 'r.json.2']);
  expect(parts.flatMap((name) => linesOf(readFileSync(join(folder, name), 'utf8'))).length).toBe(9000);
  const brick = await TestBrick.open(new FlowLog({ to: here, flows: 8 }));
  renameSync(here, join(folder, 'away.json'));
  await brick.send(...datagrams(1, 3)).end();
  expect(linesOf(readFileSync(here, 'utf8')).map((line) => line['id.orig_p']).sort()).toEqual([1, 2, 3]);
});

/** What a server on a socket gets until its client goes. */
async function receiver(listen: (server: Server) => void): Promise<{ server: Server; text: Promise<string> }> {
  const server = createServer();
  servers.push(server);
  const text = new Promise<string>((resolve) => server.on('connection', (socket) => {
    let all = '';
    socket.on('data', (data) => (all += String(data)));
    socket.on('end', () => resolve(all));
  }));
  listen(server);
  await once(server, 'listening');
  return { server, text };
}

test('a Unix or a TCP socket gets the lines, also if it opens later', async () => {
  const path = join(folder, 'flows.sock');
  const late = TestBrick.open(new FlowLog({ to: `unix:${path}`, flows: 64 })).then((brick) => brick.send(...datagrams(1, 20)));
  const run = await late;
  const ending = run.end();
  expect(existsSync(path)).toBe(false);
  const unix = await receiver((server) => server.listen(path));
  await ending;
  expect(linesOf(await unix.text)).toHaveLength(20);
  const tcp = await receiver((server) => server.listen(0, '127.0.0.1'));
  await runBrick(new FlowLog({ to: `tcp://127.0.0.1:${(tcp.server.address() as { port: number }).port}`, flows: 64 }), datagrams(1, 20));
  expect(linesOf(await tcp.text)).toHaveLength(20);
});

test('a receiver that is not there harms no packet, and what it has not got is in the log', async () => {
  const run = await runBrick(new FlowLog({ to: `unix:${join(folder, 'nobody.sock')}`, flows: 64 }), datagrams(1, 20), { outputs: 1 });
  expect(run.outputs[0]).toHaveLength(20);
  expect(run.log).toEqual(['FlowLog: 20 flow records could not be sent: nobody took them in time.']);
});

test('bricks run writes the lines to standard output, by the control half in its thread', () => {
  const file = writePackets(join(folder, 'small.pcap'), traffic.slice(0, 500));
  const plugins = join(__dirname, '..', '..');
  const output = execFileSync(process.execPath, [join(plugins, '..', 'dist', 'bundle', 'cli', 'bricks.js'), 'run', '--plugin', plugins, `${file} -> FlowLog(to = "-")`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 30_000 });
  expect(linesOf(output).reduce((sum, line) => sum + line.orig_pkts + line.resp_pkts, 0)).toBe(499);
});

test('where flows can\'t go is refused, with what to write', () => {
  const expected: Record<string, string> = {
    'nats://host:4222': 'there is no subject', 'nats://host:4222/a.*': '"a.*" is not a subject to publish to', 'kafka://host/flows': '"host" is not an address and a port', 'kafka://host:9092': 'there is no topic',
    'tcp://host:70000': '"host:70000" is not an address and a port', 'ftp://host:21/x': 'ftp:// is not known', 'unix:': 'there is no path', 'tcp://host:1/x': 'a path follows',
  };
  for (const [to, why] of Object.entries(expected)) {
    expect(() => destinationOf(to)).toThrow(`Flows can't go to "${to}": ${why}. Write a file, - for standard output, unix:/PATH, tcp://HOST:PORT, nats://HOST:PORT/SUBJECT or kafka://HOST:PORT/TOPIC.`);
  }
  expect(destinationOf('nats://me:p%40ss@h1:4222,[::1]:4223/net.flows')).toEqual({ kind: 'nats', servers: ['h1:4222', '[::1]:4223'], subject: 'net.flows', user: 'me', password: 'p@ss' });
  expect(destinationOf('kafka://h1:9092,h2:9092/flows')).toEqual({ kind: 'kafka', brokers: ['h1:9092', 'h2:9092'], topic: 'flows' });
});

test('no frame makes it fail', () => {
  fuzzBrick(() => new FlowLog({ to: '-', flows: 64, queue: 8, idle: 1 }), { frames: 3000, outputs: 1 });
});
