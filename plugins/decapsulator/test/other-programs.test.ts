import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SAMPLES, bytesOf, ethernet, expectToConserve, interleaved, ipv6, mpls, pppoe, runBrick, tcpConversation, udp, udpConversation, writePackets } from 'packet-bricks/testing';
import { TUNNEL_KINDS, testWithKernel } from '../../../test/support/kernel-tunnels';
import { Decapsulator } from '../src/index';

const talks = [...interleaved(tcpConversation({ data: [{ from: 'client', content: 600 }, { from: 'server', content: 2000 }] }), udpConversation({ data: [{ from: 'client', content: 40 }] }))];
const frames = [...talks.map(({ bytes }) => bytes), ...SAMPLES.map(bytesOf)].filter(({ length }) => length <= 1400);

testWithKernel('what the kernel puts into a tunnel comes out as it went in', Object.values(TUNNEL_KINDS), async (tunnel) => {
  const packets = await tunnel.captured('vb', frames.length, () => tunnel.send('tunnel', frames), tunnel.kind.filter);
  const run = await runBrick(new Decapsulator(), packets);
  expectToConserve(run);
  expect(run.outputs[0].map(({ bytes }) => bytes.toString('hex'))).toEqual(frames.map((bytes) => bytes.toString('hex')));
});

const withTshark = spawnSync('tshark', ['--version']).status === 0 ? test : test.skip;

withTshark('tshark sees in what comes out what it saw innermost before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-decapsulator-'));
  const fields = ['ip.dst', 'ipv6.dst', 'tcp.dstport', 'udp.dstport', 'eth.type', '_ws.malformed'];
  const read = (name: string, packets: Parameters<typeof writePackets>[1]): string[][] => (
    execFileSync('tshark', ['-n', '--disable-protocol', 'dns', '-d', 'udp.port==8472,vxlan', '-d', 'udp.port==4754,gre', '-r', writePackets(join(folder, name), packets), '-T', 'fields', ...fields.flatMap((field) => ['-e', field])], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n').slice(0, -1).map((line) => line.split('\t'))
  );
  try {
    const inner = ipv6({ destination: '2001:db8:99::1' }, udp({ destinationPort: 999 }, 'content'));
    const packets = [...SAMPLES.map(bytesOf), ...[mpls({ labels: [100, 200] }, inner), pppoe({}, inner)].map((packet) => bytesOf(ethernet({}, packet)))];
    const run = await runBrick(new Decapsulator({ layers: 16 }), packets);
    const before = read('before.pcap', packets);
    const after = read('after.pcap', run.outputs[0]);
    const last = (list: string): string => list.split(',').pop() as string;
    let stripped = 0;
    run.outputs[0].forEach(({ bytes }, index) => {
      if (bytes.equals(packets[index])) return;
      stripped++;
      const [ip, ip6, tcp, udpPort, , malformed] = after[index];
      expect(malformed).toBe('');
      // Nothing is in a tunnel any more.
      expect(`${ip} ${ip6}`).not.toContain(',');
      // By IPv6 if the last one is, as what is around it is of the other version.
      const [ipBefore, ip6Before, tcpBefore, udpBefore] = before[index].map(last);
      // It does not see the control word behind some labels.
      if (ipBefore === '' && ip6Before === '') return;
      if (ip !== '') expect(ip).toBe(ipBefore);
      if (ip6 !== '') expect(ip6).toBe(ip6Before);
      if (tcp !== '') expect(tcp).toBe(tcpBefore);
      if (udpPort !== '') expect(udpPort).toBe(udpBefore);
    });
    expect(stripped).toBeGreaterThan(60);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
