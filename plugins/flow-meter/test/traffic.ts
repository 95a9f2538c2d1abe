/** Traffic of all kinds that a meter tells apart, and tshark's account of it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { arp, ethernet, icmp, icmpv6, interleaved, ipv4, ipv4Fragments, ipv6, sctp, tcpConversation, udp, udpConversation, type TestPacket } from 'packet-bricks/testing';

const connections = Array.from({ length: 40 }, (_, number) => tcpConversation({
  client: number % 2 ? { address: `10.0.0.${number}`, port: 2000 + number } : { address: `2001:db8::1:${number.toString(16)}`, port: 2000 },
  server: number % 2 ? { address: '10.0.0.200', port: 80 } : { address: '2001:db8::80', port: 443 },
  data: [{ from: 'client', content: 100 }, { from: 'server', content: number * 300 }], end: number % 5 === 0 ? 'reset' : number % 7 === 0 ? 'open' : 'close', interval: 7, ...(number % 6 === 1 ? { vlan: 7 } : {}),
}));
const names = Array.from({ length: 8 }, (_, number) => udpConversation({
  client: { address: `10.1.0.${number}`, port: 5353 }, server: { address: '10.1.0.53', port: 53 }, data: [{ from: 'client', content: 40 }, { from: 'server', content: 200 + number }], interval: 3,
}));
const there = { source: '10.2.0.1', destination: '10.2.0.2' };
const back = { source: '10.2.0.2', destination: '10.2.0.1' };
const others = [
  ethernet({}, ipv4(there, icmp({ type: 8 }, 'ping'))), ethernet({}, ipv4(back, icmp({ type: 0 }, 'ping'))), ethernet({}, ipv4(there, icmp({ type: 3, code: 1 }, Buffer.alloc(32)))),
  ethernet({}, ipv6({}, icmpv6({ type: 128 }, 'ping'))), ethernet({}, ipv4(there, sctp({ sourcePort: 9, destinationPort: 10 }, Buffer.alloc(16)))), ethernet({}, ipv4({ ...there, protocol: 89 }, 'routes')),
  ...ipv4Fragments(there, udp({ sourcePort: 1, destinationPort: 2 }, Buffer.alloc(3000)), 1000).map((packet) => ethernet({}, packet)), ethernet({}, arp('10.2.0.1', '10.2.0.2')),
].map(({ bytes }, index): TestPacket => ({ bytes, wireLength: bytes.length, seconds: 1_700_000_000, nanoseconds: index * 11_000_000, linkType: 1 }));

/** ARP is the last packet that is not IP. */
export const traffic = interleaved(...connections, ...names, others);

export const hasTshark = spawnSync('tshark', ['-v']).error === undefined;

/** Counts of one direction of a flow. */
export interface Counts {
  packets: number;
  bytes: number;
  start: number;
  end: number;
}

const FIELDS = ['frame.time_epoch', 'ip.src', 'ipv6.src', 'ip.dst', 'ipv6.dst', 'ip.proto', 'ipv6.nxt', 'tcp.srcport', 'udp.srcport', 'sctp.srcport', 'tcp.dstport', 'udp.dstport', 'sctp.dstport', 'ip.len', 'ipv6.plen', 'icmp.type', 'icmp.code', 'icmpv6.type', 'icmpv6.code'];

/** What tshark says of each packet, added up by flow, each direction by itself: `protocol source:port destination:port`. */
export function countsByTshark(file: string): Map<string, Counts> {
  const output = execFileSync('tshark', ['-n', '-r', file, '-o', 'ip.defragment:FALSE', '-T', 'fields', '-E', 'occurrence=f', ...FIELDS.flatMap((field) => ['-e', field])], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const counts = new Map<string, Counts>();
  for (const line of output.trimEnd().split('\n')) {
    const value = Object.fromEntries(line.split('\t').map((text, index) => [FIELDS[index], text]));
    const first = (...names: string[]): string => names.map((name) => value[name]).find((text) => text !== '') ?? '';
    const protocol = first('ip.proto', 'ipv6.nxt');
    if (protocol === '') continue;
    const type = first('icmp.type', 'icmpv6.type');
    const port = type === '' ? first('tcp.dstport', 'udp.dstport', 'sctp.dstport') || '0' : String(Number(type) * 256 + Number(first('icmp.code', 'icmpv6.code')));
    const flow = `${protocol} ${first('ip.src', 'ipv6.src')}:${first('tcp.srcport', 'udp.srcport', 'sctp.srcport') || '0'} ${first('ip.dst', 'ipv6.dst')}:${port}`;
    const time = Math.floor(Number(first('frame.time_epoch').slice(0, -6)) * 1000 + 0.5);
    const known = counts.get(flow) ?? { packets: 0, bytes: 0, start: time, end: time };
    known.packets++;
    known.bytes += value['ip.len'] === '' ? Number(value['ipv6.plen']) + 40 : Number(value['ip.len']);
    known.end = time;
    counts.set(flow, known);
  }
  return counts;
}
