/** Whole connections, packet by packet, as a tap between the two ends sees them. */
import { ethernet, vlan } from './frames/link';
import { ipv4, ipv6 } from './frames/ip';
import { TCP_FLAGS, tcp, udp } from './frames/transport';
import { bytesOf, type Layered } from './frames/layers';
import { FIRST_SECOND, type TestPacket } from './packets';

const { ACK, FIN, PSH, RST, SYN } = TCP_FLAGS;

export interface Conversation {
  /** Address and port of the end that opens the connection; IPv4 or IPv6. */
  readonly client?: { readonly address: string; readonly port: number };
  readonly server?: { readonly address: string; readonly port: number };
  /** What is said, in turns: bytes, text, or a number of bytes to be made up. */
  readonly data?: readonly { readonly from: 'client' | 'server'; readonly content: string | Uint8Array | number }[];
  /** Bytes of a segment, at most. */
  readonly segment?: number;
  /** Numbers of segments with data, from 0, that are lost on their way past the tap, and come again later. */
  readonly lost?: readonly number[];
  /** How a TCP connection ends: both say so, one breaks it off, or not at all. */
  readonly end?: 'close' | 'reset' | 'open';
  /** All frames have this VLAN tag. */
  readonly vlan?: number;
  /** The time of the first packet, and milliseconds from each to the next. */
  readonly start?: { readonly seconds: number; readonly nanoseconds?: number };
  readonly interval?: number;
}

const CLIENT = { address: '192.0.2.1', port: 40_000 };
const SERVER = { address: '198.51.100.2', port: 80 };
const HARDWARE = { client: '02:00:00:00:00:01', server: '02:00:00:00:00:02' } as const;
const SEGMENT = 1460;

type Side = 'client' | 'server';

class Tap {
  readonly packets: TestPacket[] = [];
  private nanoseconds: number;

  constructor(private readonly talk: Conversation) {
    this.nanoseconds = talk.start?.nanoseconds ?? 0;
  }

  sees(from: Side, transport: Layered): void {
    const { client = CLIENT, server = SERVER } = this.talk;
    const to: Side = from === 'client' ? 'server' : 'client';
    const ends = { source: (from === 'client' ? client : server).address, destination: (from === 'client' ? server : client).address };
    const network = client.address.includes(':') ? ipv6(ends, transport) : ipv4({ ...ends, identification: this.packets.length + 1 }, transport);
    const inner = this.talk.vlan === undefined ? network : vlan({ id: this.talk.vlan }, network);
    const bytes = bytesOf(ethernet({ source: HARDWARE[from], destination: HARDWARE[to] }, inner));
    const seconds = (this.talk.start?.seconds ?? FIRST_SECOND) + Math.floor(this.nanoseconds / 1e9);
    this.packets.push({ bytes, wireLength: bytes.length, seconds, nanoseconds: this.nanoseconds % 1e9, linkType: 1 });
    this.nanoseconds += Math.round((this.talk.interval ?? 1) * 1e6);
  }

  ports(from: Side): { sourcePort: number; destinationPort: number } {
    const { client = CLIENT, server = SERVER } = this.talk;
    return from === 'client' ? { sourcePort: client.port, destinationPort: server.port } : { sourcePort: server.port, destinationPort: client.port };
  }
}

/** What is said, in pieces of at most so many bytes. */
function pieces({ data = [], segment = SEGMENT }: Conversation): { from: Side; content: Buffer }[] {
  return data.flatMap(({ from, content }) => {
    const bytes = typeof content === 'number' ? Buffer.from(Uint8Array.from({ length: content }, (_, at) => at)) : Buffer.from(content);
    const parts: { from: Side; content: Buffer }[] = [];
    for (let at = 0; at < bytes.length; at += segment) parts.push({ from, content: bytes.subarray(at, at + segment) });
    return parts;
  });
}

/** A TCP connection: handshake, data with its acknowledgments, end. Sequence numbers and checksums are right. */
export function tcpConversation(talk: Conversation = {}): TestPacket[] {
  const tap = new Tap(talk);
  const next: Record<Side, number> = { client: 1000, server: 5000 };
  const other = (side: Side): Side => (side === 'client' ? 'server' : 'client');
  const segment = (from: Side, flags: number, content: Uint8Array = new Uint8Array(0), sequence = next[from]): void => {
    tap.sees(from, tcp({ ...tap.ports(from), sequence, acknowledgment: flags & ACK ? next[other(from)] : 0, flags }, content));
  };
  segment('client', SYN);
  next.client++;
  segment('server', SYN | ACK);
  next.server++;
  segment('client', ACK);
  const lost: { from: Side; content: Buffer; sequence: number }[] = [];
  pieces(talk).forEach(({ from, content }, number) => {
    const sequence = next[from];
    if (talk.lost?.includes(number)) lost.push({ from, content, sequence });
    else segment(from, PSH | ACK, content, sequence);
    next[from] += content.length;
    // Whoever misses something acknowledges no more than what is before it.
    const missing = lost.find((one) => one.from === from);
    tap.sees(other(from), tcp({ ...tap.ports(other(from)), sequence: next[other(from)], acknowledgment: missing?.sequence ?? next[from], flags: ACK }, ''));
  });
  for (const { from, content, sequence } of lost) {
    segment(from, PSH | ACK, content, sequence);
    segment(other(from), ACK);
  }
  const { end = 'close' } = talk;
  if (end === 'reset') segment('client', RST | ACK);
  if (end === 'close') {
    segment('client', FIN | ACK);
    next.client++;
    segment('server', FIN | ACK);
    next.server++;
    segment('client', ACK);
  }
  return tap.packets;
}

/** Datagrams in turns. */
export function udpConversation(talk: Conversation = {}): TestPacket[] {
  const tap = new Tap(talk);
  pieces(talk).forEach(({ from, content }, number) => {
    if (!talk.lost?.includes(number)) tap.sees(from, udp(tap.ports(from), content));
  });
  return tap.packets;
}

/** Packets of several conversations, one of each in turn, a few nanoseconds apart. */
export function interleaved(...conversations: readonly (readonly TestPacket[])[]): TestPacket[] {
  const most = Math.max(0, ...conversations.map(({ length }) => length));
  return Array.from({ length: most }, (_, at) => conversations.flatMap((packets, index) => {
    const packet = packets[at];
    if (packet === undefined) return [];
    const nanoseconds = packet.nanoseconds + index;
    return { ...packet, seconds: packet.seconds + Math.floor(nanoseconds / 1e9), nanoseconds: nanoseconds % 1e9 };
  })).flat();
}
