/** The bricks of docs/writing-a-plugin.md, run as the page says; writing-a-brick.test.ts compiles them. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCaptureFile } from 'packet-bricks';
import { bytesOf, ethernet, icmp, ipv4, udp, viewOf, vxlan, writePackets } from 'packet-bricks/testing';
import { wholeBricks } from '../support/page-examples';
import { Workplace } from '../support/program';

const root = join(__dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'writing-a-plugin.md'), 'utf8');
const blocks = wholeBricks(page);
const place = new Workplace();
afterAll(() => place.dispose());
const files = blocks.map((text, index) => {
  const file = place.path(`brick-${index}.ts`);
  writeFileSync(file, text);
  return file;
});
const fileOf = (name: string): string => files[blocks.findIndex((text) => text.includes(`export const ${name}`))];

const withTshark = spawnSync('tshark', ['--version']).status === 0 ? test : test.skip;

withTshark('the one that sends to other machines wraps packets as tshark reads them, each flow to one analyser', async () => {
  const frames = Array.from({ length: 40 }, (_, index) => bytesOf(ethernet({}, ipv4({}, udp({ sourcePort: 1000 + index % 8, destinationPort: 9999 }, `content ${index}`)))));
  const input = writePackets(place.path('in.pcap'), frames);
  writeFileSync(place.path('set-up.lua'), [
    `Brick.load("${fileOf('Tzsp')}")`, 't = Brick.new("Tzsp", {to = {"10.0.0.1", "10.0.0.2"}, source = "10.0.0.9", sourceMac = "02:00:00:00:00:01", nextHopMac = "02:00:00:00:00:02"})',
    `PktEngine.new("e0"):link(t:connect_input("${input}"):connect_output("out.pcap")):start()`,
  ].join('\n'));
  expect(await place.run(['--backend', 'loopback', '-f', 'set-up.lua'])).toMatchObject({ code: 0, stderr: expect.stringContaining('40 packets received, 0 dropped') });
  const packets = [...readCaptureFile(place.path('out.pcap'))];
  expect(packets.map(({ bytes }) => Buffer.from(bytes.slice(47)).toString('hex'))).toEqual(frames.map((bytes) => bytes.toString('hex')));
  const words = ['-n', '-o', 'ip.check_checksum:TRUE', '-r', place.path('out.pcap'), '-T', 'fields', ...['ip.dst', 'tzsp.type', 'udp.srcport', 'ip.checksum.status'].flatMap((field) => ['-e', field])];
  const rows = spawnSync('tshark', words, { encoding: 'utf8' }).stdout.trimEnd().split('\n').map((line) => line.split('\t').map((value) => value.split(',')));
  const destinations = new Map<string, Set<string>>();
  for (const [to, type, ports, checksums] of rows) {
    expect([type, checksums]).toEqual([['0'], ['1', '1']]);
    destinations.set(ports[1], (destinations.get(ports[1]) ?? new Set()).add(to[0]));
  }
  expect(destinations.size).toBe(8);
  expect([...destinations.values()].every(({ size }) => size === 1)).toBe(true);
});

test('the one that writes lines does so, and says where they can go', async () => {
  const input = writePackets(place.path('flows.pcap'), [1, 2, 2].map((last) => bytesOf(ethernet({}, ipv4({ source: `192.0.2.${last}`, destination: '198.51.100.1' }, udp({}, ''))))));
  const script = (to: string): string => `Brick.load("${fileOf('FlowText')}")\nPktEngine.new("e0"):link(Brick.new("FlowText", {to = "${to}", flows = 64}):connect_input("${input}")):start()`;
  writeFileSync(place.path('lines.lua'), script('-'));
  const { code, stdout } = await place.run(['--backend', 'loopback', '-f', 'lines.lua']);
  expect([code, stdout.trimEnd().split('\n').sort()]).toEqual([0, ['192.0.2.1 198.51.100.1 1', '192.0.2.2 198.51.100.1 2']]);
  writeFileSync(place.path('wrong.lua'), script('nats://h:1/x'));
  expect(await place.run(['--backend', 'loopback', '-f', 'wrong.lua'])).toMatchObject({
    code: 1, stderr: expect.stringContaining('Flows can\'t go to "nats://h:1/x": nats:// is not known. Write a file, - for standard output, unix:/PATH or tcp://HOST:PORT. [X_FLOW_TEXT]'),
  });
});

test('the backend brings its packets, at a rate, to their end', async () => {
  mkdirSync(place.path('plugin'));
  writeFileSync(place.path('plugin', 'package.json'), JSON.stringify({ name: 'bricks-plugin-queries', version: '1.0.0', type: 'module', 'packet-bricks': { contract: 1, backends: { queries: './index.ts' } } }));
  writeFileSync(place.path('plugin', 'index.ts'), readFileSync(fileOf('queries')));
  writeFileSync(place.path('queries.lua'), 'PktEngine.new("e0"):link(Brick.new("Duplicator"):connect_input("eth0"):connect_output("queries.pcap", "eth1")):start()');
  const run = await place.run(['--plugin', place.path('plugin'), '--backend', 'queries', '-o', 'count=50', '-o', 'clients=4', '-o', 'rate=10000', '-f', 'queries.lua']);
  expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining('50 packets received, 0 dropped') });
  const packets = [...readCaptureFile(place.path('queries.pcap'))].map(({ bytes, seconds, nanoseconds }) => {
    const { sourceIpv4, isUdp, destinationPort } = viewOf({ bytes: Buffer.from(bytes), wireLength: bytes.length, seconds, nanoseconds, linkType: 1 });
    return { sourceIpv4, isUdp, destinationPort, time: seconds * 1e9 + nanoseconds };
  });
  expect(new Set(packets.map(({ sourceIpv4 }) => sourceIpv4)).size).toBe(4);
  expect(packets.every(({ isUdp, destinationPort }) => isUdp && destinationPort === 53)).toBe(true);
  // 100 µs apart, but for rounding of large numbers.
  expect(packets.slice(1).every(({ time }, index) => Math.abs(time - packets[index].time - 100_000) < 2000)).toBe(true);
});

test('the one that changes fields does so in tunnels and in ICMP errors, too, and checksums follow', async () => {
  const inside = (address: string): ReturnType<typeof ipv4> => ipv4({ source: address, destination: '198.51.100.1' }, udp({}, 'content'));
  const frames = (address: string): string[] => [ethernet({}, inside(address)), ethernet({}, ipv4({}, vxlan({ checksum: 'right' }, ethernet({}, inside(address))))), ethernet({}, ipv4({}, icmp({ type: 3, identifier: 0, sequence: 0 }, inside(address))))].map((one) => bytesOf(one).toString('hex'));
  const input = writePackets(place.path('named.pcap'), frames('203.0.113.5').map((one) => Buffer.from(one, 'hex')));
  writeFileSync(place.path('renamed.lua'), `Brick.load("${fileOf('Renamed')}")\nPktEngine.new("e0"):link(Brick.new("Renamed", {from = "203.0.113.5", to = "203.0.113.77"}):connect_input("${input}"):connect_output("renamed.pcap")):start()`);
  expect(await place.run(['--backend', 'loopback', '-f', 'renamed.lua'])).toMatchObject({ code: 0 });
  expect([...readCaptureFile(place.path('renamed.pcap'))].map(({ bytes }) => Buffer.from(bytes).toString('hex'))).toEqual(frames('203.0.113.77'));
});
