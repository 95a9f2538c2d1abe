/** How another program reads the same packets: the innermost addresses and ports that tshark shows are those of the inner flow. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS } from '../../src/flow/flow-fields';
import { CONSTANT_PORTS } from '../../src/flow/hash';
import { captureNames, capturesFolder, readCapture } from '../support/captures';
import { bytesOf, ipv4Address, ipv6Address } from '../support/packets';
import { writeCapture } from '../support/write-capture';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';
import { flowOf } from './support';

/** Each packet by itself, and by its headers alone. */
const PREFERENCES = ['-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE', '-o', 'tcp.desegment_tcp_streams:FALSE', '-d', 'udp.port==8472,vxlan'];
const FIELDS = ['frame.protocols', 'ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', 'tcp.srcport', 'tcp.dstport', 'udp.srcport', 'udp.dstport'];
const PACKETS_OF_A_CAPTURE = 100;

interface Ends { readonly kind: number; readonly addresses: number; readonly ports: number }

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
const describeWithTshark = hasTshark ? describe : describe.skip;

/** What tshark finds innermost in each packet; nothing where it finds no IP. */
function endsByTshark(packets: readonly Buffer[], folder: string): (Ends | undefined)[] {
  const file = writeCapture(join(folder, 'packets.pcap'), packets.map((bytes) => ({ bytes })));
  const command = ['-n', '-r', file, ...PREFERENCES, '-T', 'fields', '-E', 'occurrence=a', ...FIELDS.flatMap((field) => ['-e', field])];
  const output = execFileSync('tshark', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 });
  return output.split('\n').slice(0, packets.length).map((line) => innermost(line.split('\t')));
}

function innermost([names, ...values]: string[]): Ends | undefined {
  const [source4, destination4, source6, destination6, sourceTcp, destinationTcp, sourceUdp, destinationUdp] = values.map((value) => value.split(','));
  const protocols = names.split(':');
  // An error message quotes a packet of another flow.
  const error = protocols.findIndex((name) => name === 'icmp' || name === 'icmpv6');
  if (error >= 0) protocols.length = error;
  const last = Math.max(protocols.lastIndexOf('ip'), protocols.lastIndexOf('ipv6'));
  // A frame without IP within a tunnel goes by its hardware addresses.
  if (last < 0 || protocols.lastIndexOf('eth') > last) return undefined;
  const nth = (name: string, end: number): number => protocols.slice(0, end).filter((protocol) => protocol === name).length - 1;
  const isIpv4 = protocols[last] === 'ip';
  const header = nth(protocols[last], last + 1);
  const addresses = isIpv4
    ? [ipv4Address(source4[header]), ipv4Address(destination4[header])] : [ipv6Address(source6[header]), ipv6Address(destination6[header])];
  const folded = foldWords(Buffer.concat(addresses));
  const transport = protocols.findIndex((name, index) => index > last && (name === 'tcp' || name === 'udp'));
  if (transport < 0) return { kind: FLOW_WITHOUT_PORTS, addresses: folded, ports: CONSTANT_PORTS };
  const ports = protocols[transport] === 'tcp' ? [sourceTcp, destinationTcp] : [sourceUdp, destinationUdp];
  const [source, destination] = ports.map((port) => Number(port[nth(protocols[transport], transport + 1)]));
  return { kind: FLOW_WITH_PORTS, addresses: folded, ports: source * 65_536 + destination };
}

function foldWords(bytes: Buffer): number {
  let folded = 0;
  for (let at = 0; at < bytes.length; at += 2) folded ^= bytes.readUInt16BE(at);
  return folded;
}

describeWithTshark(`what tshark reads${hasTshark ? '' : ' (skipped: no tshark)'}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bricks-tshark-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function compare(packets: readonly Buffer[]): void {
    const read = endsByTshark(packets, folder);
    expect(read).toHaveLength(packets.length);
    const others = packets.filter((packet, index) => {
      const ends = read[index];
      const { kind, addresses, ports } = flowOf(packet, { inner: true });
      return ends !== undefined && (ends.kind !== kind || ends.addresses !== addresses || ends.ports !== ports);
    });
    expect(others.map((packet) => packet.toString('hex'))).toEqual([]);
    expect(read.filter((ends) => ends !== undefined).length).toBeGreaterThan(packets.length / 2);
  }

  test('of every kind of packet is the inner flow', () => compare(SAMPLES.map(bytesOf)));

  const captures = capturesFolder();
  (captures === undefined ? test.skip : test)('of real packets is the inner flow', () => {
    const names = captureNames(captures ?? '');
    compare(names.flatMap((name) => readCapture(join(captures ?? '', name)).filter(({ linkType }) => linkType === 1).slice(0, PACKETS_OF_A_CAPTURE).map(({ bytes }) => bytes)));
  });
});
