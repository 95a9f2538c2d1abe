/** The frames of `packet-bricks/testing`, as another program reads them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  SAMPLES, arp, bytesOf, erspan, ethernet, extension, geneve, gre, gtp, icmp, icmpv6, ipv4, ipv4Fragments, ipv6, ipv6Fragments, mpls, pppoe, sctp, tcp, udp, vlan, vxlan, writePackets,
  type Layered,
} from 'packet-bricks/src/testing';

const CHECKED = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]).concat('-o', 'sctp.checksum:crc-32c', '-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE');
const STATUSES = ['ip.checksum.status', 'tcp.checksum.status', 'udp.checksum.status', 'icmp.checksum.status', 'icmpv6.checksum.status', 'sctp.checksum.status'];
const GOOD = '1';
const BAD = '0';

const withTshark = spawnSync('tshark', ['--version']).status === 0 ? describe : describe.skip;

withTshark('tshark reads', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bricks-frames-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function read(frames: readonly Layered[], fields: readonly string[]): string[][] {
    const file = writePackets(join(folder, 'frames.pcap'), frames.map((frame, second) => ({ bytes: bytesOf(frame), wireLength: frame.bytes.length, seconds: second, nanoseconds: 0, linkType: 1 })));
    const output = execFileSync('tshark', ['-n', '-r', file, ...CHECKED, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });
    return output.split('\n').slice(0, frames.length).map((line) => line.split('\t'));
  }

  test('every kind of header', () => {
    const kinds: [string, Layered, string][] = [
      ['a tag', vlan({ id: 5 }, ipv4({}, tcp({}, 'x'))), 'eth:ethertype:vlan:ethertype:ip:tcp'],
      ['MPLS', mpls({ labels: [16, 17] }, ipv6({}, udp({ destinationPort: 9 }, 'x'))), 'eth:ethertype:mpls:ipv6:udp'],
      ['PPPoE', pppoe({}, ipv4({}, udp({ destinationPort: 9 }, 'x'))), 'eth:ethertype:pppoes:ppp:ip:udp'],
      ['ARP', arp('192.0.2.1', '192.0.2.2', { operation: 2 }), 'eth:ethertype:arp'],
      ['IPv4 with options', ipv4({ options: Uint8Array.of(0x94, 4, 0, 0) }, icmp({}, 'ping')), 'eth:ethertype:ip:icmp'],
      ['IPv6 extension headers', ipv6({}, extension('hopByHop', {}, extension('destination', { extra: 1 }, icmpv6({}, 'ping')))), 'eth:ethertype:ipv6:ipv6.hopopts:ipv6.dstopts:icmpv6'],
      ['SCTP', ipv4({}, sctp({ destinationPort: 9 }, 'message')), 'eth:ethertype:ip:sctp'],
      ['GRE', ipv4({}, gre({ key: 7 }, ipv4({}, udp({ destinationPort: 9 }, 'x')))), 'eth:ethertype:ip:gre:ip:udp'],
      ['ERSPAN', ipv4({}, erspan({ version: 2 }, ethernet({}, ipv4({}, tcp({}, 'x'))))), 'eth:ethertype:ip:gre:erspan:eth:ethertype:ip:tcp'],
      ['VXLAN', ipv4({}, vxlan({}, ethernet({}, ipv6({}, tcp({}, 'x'))))), 'eth:ethertype:ip:udp:vxlan:eth:ethertype:ipv6:tcp'],
      ['GENEVE', ipv6({}, geneve({ optionBytes: 8 }, ethernet({}, ipv4({}, tcp({}, 'x'))))), 'eth:ethertype:ipv6:udp:geneve:eth:ethertype:ip:tcp'],
      ['GTP-U', ipv4({}, gtp({ sequence: 1 }, ipv4({}, tcp({}, 'x')))), 'eth:ethertype:ip:udp:gtp:ip:tcp'],
    ];
    const rows = read(kinds.map(([, packet]) => ethernet({}, packet)), ['frame.protocols', '_ws.malformed']);
    const found = rows.map(([protocols, malformed], index) => [kinds[index][0], protocols.replace(/:(data|http|discard)$/, ''), malformed]);
    expect(found).toEqual(kinds.map(([name, , protocols]) => [name, protocols, '']));
  });

  test('right checksums in every sample, fragments aside', () => {
    // Of FabricPath tshark takes the last bytes for a checksum of the frame.
    const wrong = read(SAMPLES, ['frame.protocols', ...STATUSES]).filter(([protocols, ...statuses]) => !protocols.includes('cfp') && statuses.some((status) => status.split(',').includes(BAD)));
    expect(wrong).toEqual([]);
  });

  test('right and wrong checksums as they were asked for', () => {
    const kinds = (checksum: 'right' | 'wrong'): Layered[] => [
      ipv4({ checksum }, 'x'), ipv4({}, tcp({ checksum }, 'xyz')), ipv6({}, udp({ checksum, destinationPort: 9 }, 'x')), ipv4({}, icmp({ checksum }, 'x')), ipv6({}, icmpv6({ checksum }, 'x')),
      ipv4({}, sctp({ checksum, destinationPort: 9 }, 'x')),
    ];
    const own = (row: readonly string[], index: number): string => row[index];
    for (const [checksum, expected] of [['right', GOOD], ['wrong', BAD]] as const) {
      const rows = read(kinds(checksum).map((packet) => ethernet({}, packet)), STATUSES);
      expect(rows.map(own)).toEqual(rows.map(() => expected));
    }
  });

  test('fragments that become the datagram again', () => {
    const datagram = udp({ destinationPort: 9 }, Buffer.alloc(3000, 'fragment'));
    const frames = [...ipv4Fragments({}, datagram, 1000), ...ipv6Fragments({ identification: 9 }, datagram, 1000)].map((packet) => ethernet({}, packet));
    const file = writePackets(join(folder, 'fragments.pcap'), frames.map((frame) => ({ bytes: bytesOf(frame), wireLength: frame.bytes.length, seconds: 1, nanoseconds: 0, linkType: 1 })));
    const output = execFileSync('tshark', ['-n', '-r', file, '-Y', 'udp', '-T', 'fields', '-e', 'udp.length', '-e', 'ip.reassembled.length', '-e', 'ipv6.reassembled.length'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(output).toBe('3008\t3008\t\n3008\t\t3008\n');
  });
});
