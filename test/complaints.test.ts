/** What users of the original asked for and never got. Each of their sentences is the name of a test, here or beside those of its subject. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeCaptureFile } from 'packet-bricks';
import { Namespace, describeInNamespace } from './pcap/namespace';
import { Workplace } from './support/program';
import { udpPacket } from './support/udp-packets';

const COMPLAINTS = [
  'killing a reader of a pipe crashes the whole machine',
  'splitting over more than 20 pipes crashes',
  'Packet drop count: 25704741, and no way to know why',
  'the daemon exits when the script ends',
  'a loop in the script takes a whole core and starves the engine',
  'bricks-shell fails at run time when the script path is wrong',
  'nothing arrives on two of four identical network cards',
  'how many filter rules, and how many packets per second with them?',
  'can it send to veth interfaces instead of pipes?',
  'how does it compare with Snabb?',
];

const tests = readdirSync(__dirname, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.ts')).map((name) => readFileSync(join(__dirname, name), 'utf8')).join('\n');
test.each(COMPLAINTS)('"%s" is the name of a test', (complaint) => {
  expect(tests).toMatch(new RegExp(`\\btest\\('"${complaint.replace(/[?.]/g, '\\$&')}"`));
});

const performance = readFileSync(join(__dirname, '../docs/performance.md'), 'utf8');

test('"how many filter rules, and how many packets per second with them?" is answered by a table, up to a million', () => {
  const [section] = /^### Rules of a Filter$[^]*?(?=^###? )/m.exec(performance) ?? [''];
  const rows = [...section.matchAll(/^\| ([\d,]+) \| ([\d.]+) \(/gm)].map(([, rules, nanoseconds]) => [Number(rules.replace(/,/g, '')), Number(nanoseconds)]);
  expect(rows.map(([rules]) => rules)).toEqual([10, 1000, 100_000, 1_000_000]);
  // It stays flat: a hundred thousand times as many rules cost less than twice as much.
  expect(rows[3][1]).toBeLessThan(2 * rows[0][1]);
});

test('"how does it compare with Snabb?" is answered by figures', () => {
  expect(performance).toMatch(/^## Compared with other programs$/m);
  expect(performance).toMatch(/^\| Snabb.* \| [\d.]+ .*\|$/m);
});

describeInNamespace('a tap', () => {
  test('"can it send to veth interfaces instead of pipes?": a load balancer splits over the interfaces of four containers', async () => {
    const PACKETS = 400;
    const place = new Workplace();
    const namespace = new Namespace();
    const containers = [0, 1, 2, 3].map((index) => `${namespace.name}-${index}`);
    try {
      for (const [index, container] of containers.entries()) {
        execFileSync('ip', ['netns', 'add', container]);
        namespace.ip('link', 'add', `tap${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', container);
        namespace.run('sysctl', '-qw', `net.ipv6.conf.tap${index}.disable_ipv6=1`);
        execFileSync('ip', ['netns', 'exec', container, 'sysctl', '-qw', 'net.ipv6.conf.eth0.disable_ipv6=1']);
        execFileSync('ip', ['-n', container, 'link', 'set', 'eth0', 'up']);
        namespace.ip('link', 'set', `tap${index}`, 'up');
      }
      writeCaptureFile(place.path('in.pcap'), Array.from({ length: PACKETS }, (_, number) => ({ seconds: 0, nanoseconds: number, bytes: udpPacket(1024 + number) })));
      const { code, stderr } = await place.run(['run', 'in.pcap -> LoadBalancer(4) -> tap0, tap1, tap2, tap3', '--backend', 'pcap'], { wrap: ['ip', 'netns', 'exec', namespace.name] });
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^bricks: e0: 400 packets received, 0 dropped\n$/) as string });
      const received = containers.map((container) => Number(execFileSync('ip', ['netns', 'exec', container, 'cat', '/sys/class/net/eth0/statistics/rx_packets'], { encoding: 'utf8' })));
      expect(received.reduce((sum, count) => sum + count, 0)).toBe(PACKETS);
      expect(Math.min(...received)).toBeGreaterThan(0);
    } finally {
      for (const container of containers) execFileSync('ip', ['netns', 'del', container]);
      await namespace.dispose();
      place.dispose();
    }
  });
});
