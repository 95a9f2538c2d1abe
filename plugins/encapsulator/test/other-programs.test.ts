import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SAMPLES, TestBrick, bytesOf, ethernet, expectToConserve, interleaved, ipv4, runBrick, tcpConversation, udp, udpConversation, vlan, writePackets, type TestPacket } from 'packet-bricks/testing';
import { KERNEL, PEER, TUNNEL_KINDS, testWithKernel } from '../../../test/support/kernel-tunnels';
import { Encapsulator } from '../src/index';

const talks = [...interleaved(tcpConversation({ data: [{ from: 'client', content: 600 }, { from: 'server', content: 2000 }] }), udpConversation({ data: [{ from: 'client', content: 40 }] }))];
const frames = [...talks.map(({ bytes }) => bytes), ...SAMPLES.map(bytesOf)].filter(({ length }) => length <= 1400);
/** The kernel's tunnels, as this brick makes them. */
const KINDS = { [TUNNEL_KINDS.vxlan.name]: 'vxlan', [TUNNEL_KINDS.vxlan6.name]: 'vxlan', [TUNNEL_KINDS.geneve.name]: 'geneve', [TUNNEL_KINDS.gretap.name]: 'gre' } as const;

const root = join(__dirname, '../../..');

testWithKernel('the kernel takes out of the tunnel what was put in', [TUNNEL_KINDS.vxlan, TUNNEL_KINDS.vxlan6, TUNNEL_KINDS.geneve, TUNNEL_KINDS.gretap], async (tunnel) => {
  const { over } = tunnel.kind;
  const kind = KINDS[tunnel.kind.name];
  // The kernel drops what has a wrong checksum.
  const run = await runBrick(new Encapsulator({ kind, id: 42, destinations: [KERNEL[over]], source: PEER[over], sourceMac: PEER.hardware, nextHopMac: KERNEL.hardware, udpChecksum: true }), frames);
  expectToConserve(run);
  const received = await tunnel.captured('tunnel', frames.length, () => tunnel.send('vb', run.outputs[0]));
  expect(received.map(({ bytes }) => bytes.toString('hex'))).toEqual(frames.map((bytes) => bytes.toString('hex')));
});

testWithKernel('a program sends to a kernel on another machine, whose address it finds out, and not to one that does not answer', [TUNNEL_KINDS.vxlan], async (tunnel) => {
  const machine = `${tunnel.namespace.name}-sender`;
  const folder = mkdtempSync(join(tmpdir(), 'bricks-encapsulator-'));
  const input = writePackets(join(folder, 'in.pcap'), frames);
  const script = join(folder, 'send.lua');
  writeFileSync(script, [
    `e = Brick.new("Encapsulator", {destinations = {"${KERNEL.ipv4}", "10.9.0.3"}, source = "${PEER.ipv4}", id = 42})`,
    `e:connect_input("${input}")`, 'e:connect_output("vb")', 'engine = PktEngine.new("e0")', 'engine:link(e)', 'engine:start()',
  ].join('\n'));
  execFileSync('ip', ['netns', 'add', machine]);
  try {
    tunnel.namespace.ip('link', 'set', 'vb', 'netns', machine);
    execFileSync('ip', ['-n', machine, 'addr', 'add', `${PEER.ipv4}/24`, 'dev', 'vb']);
    execFileSync('ip', ['-n', machine, 'link', 'set', 'vb', 'up']);
    let said = '';
    const received = await tunnel.captured('tunnel', frames.length, () => {
      const words = ['netns', 'exec', machine, process.execPath, join(root, 'dist/src/cli/bricks.js'), '--backend', 'pcap', '--plugin', join(root, 'plugins/encapsulator'), '-f', script];
      said = spawnSync('ip', words, { encoding: 'utf8' }).stderr;
    });
    expect(said).toMatch(/10\.9\.0\.3 is down \(the MAC address of the next hop 10\.9\.0\.3 on vb is not known/);
    expect(received.map(({ bytes }) => bytes.toString('hex'))).toEqual(frames.map((bytes) => bytes.toString('hex')));
  } finally {
    spawnSync('ip', ['netns', 'del', machine]);
    rmSync(folder, { recursive: true });
  }
});

test('a program says in one line what is wrong with an option, before anything has started', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-encapsulator-'));
  const script = join(folder, 'wrong.lua');
  writeFileSync(script, 'e = Brick.new("Encapsulator", {destinations = {"sensor"}, source = "10.0.0.1"})\ne:connect_input("a")\ne:connect_output("b")\nPktEngine.new("e0"):link(e)\n');
  try {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'dist/src/cli/bricks.js'), '--backend', 'loopback', '--plugin', join(root, 'plugins/encapsulator'), '-f', script], { encoding: 'utf8' });
    expect(stderr).toMatch(/^bricks: .*wrong\.lua:4: link: Encapsulator: the option "destinations" has "sensor"; it must be an IP address, such as 10\.0\.0\.1 or fd00::1\. \[E_OPTION\]\n$/);
    expect(status).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const hasIp = spawnSync('ip', ['-j', 'route', 'get', '127.0.0.1']).status === 0;

(hasIp ? test : test.skip)('addresses of frames come from the routes and neighbours of this machine', async () => {
  const run = await TestBrick.open(new Encapsulator({ destinations: ['127.0.0.2'], source: '127.0.0.1', interval: 3_600_000 }));
  await run.send(frames[0]).end();
  expect(await run.call('destinations').catch(() => undefined)).toEqual([{ address: '127.0.0.2', up: true }]);
  // Those of the loopback interface.
  expect(run.outputs[0][0].bytes.subarray(0, 12)).toEqual(Buffer.alloc(12));
});

const withTshark = spawnSync('tshark', ['--version']).status === 0 ? test : test.skip;

withTshark('tshark reads each kind, with right checksums, and finds in it what was put in', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-encapsulator-'));
  const inner = ethernet({}, vlan({ id: 103, priority: 5 }, ipv4({ source: '192.0.2.77' }, udp({ destinationPort: 999 }, 'content'))));
  const fields = ['ip.src', 'ipv6.dst', 'ip.ttl', 'ip.dsfield.dscp', 'udp.dstport', 'vxlan.vni', 'geneve.vni', 'gre.key', 'gre.sequence_number', 'erspan.spanid', 'erspan.vlan', 'erspan.cos', 'gtp.teid', 'ip.checksum.status', 'udp.checksum.status', '_ws.malformed'];
  const ends = { sourceMac: '02:00:00:00:00:0a', nextHopMac: '02:00:00:00:00:0b', ttl: 9, dscp: 46, udpChecksum: true } as const;
  const over4 = { ...ends, destinations: ['10.0.0.2'], source: '10.0.0.1' } as const;
  const all = [
    { ...over4, id: 42 }, { ...ends, destinations: ['fd00::2'], source: 'fd00::1', id: 43 }, { ...over4, kind: 'geneve', id: 44 }, { ...over4, kind: 'gre', id: 45 }, { ...over4, kind: 'erspan', id: 46 }, { ...over4, kind: 'erspan3', id: 47 }, { ...over4, kind: 'gtp', id: 48 },
  ] as const;
  try {
    const packets: TestPacket[] = [];
    for (const options of all) packets.push(...(await runBrick(new Encapsulator(options), [inner])).outputs[0]);
    const words = ['-n', '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-r', writePackets(join(folder, 'out.pcap'), packets), '-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
    const rows = execFileSync('tshark', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n').slice(0, -1).map((line) => line.split('\t'));
    const read = rows.map((row) => Object.fromEntries(fields.map((field, index) => [field, row[index]]).filter(([, value]) => value !== '')));
    const outer = { 'ip.src': '10.0.0.1,192.0.2.77', 'ip.ttl': '9,64', 'ip.dsfield.dscp': '46,0', 'ip.checksum.status': '1,1' };
    const overUdp = (port: number): object => ({ 'udp.dstport': `${port},999`, 'udp.checksum.status': '1,1' });
    const overGre = { 'udp.dstport': '999', 'udp.checksum.status': '1' };
    expect(read).toEqual([
      { ...outer, ...overUdp(4789), 'vxlan.vni': '42' },
      { 'ip.src': '192.0.2.77', 'ipv6.dst': 'fd00::2', 'ip.ttl': '64', 'ip.dsfield.dscp': '0', 'ip.checksum.status': '1', ...overUdp(4789), 'vxlan.vni': '43' },
      { ...outer, ...overUdp(6081), 'geneve.vni': '0x00002c' },
      { ...outer, ...overGre, 'gre.key': '0x0000002d' },
      { ...outer, ...overGre, 'gre.sequence_number': '0', 'erspan.spanid': '46', 'erspan.vlan': '103', 'erspan.cos': '5' },
      { ...outer, ...overGre, 'gre.sequence_number': '0', 'erspan.spanid': '47', 'erspan.vlan': '103', 'erspan.cos': '5' },
      { ...outer, ...overUdp(2152), 'gtp.teid': '0x00000030' },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
