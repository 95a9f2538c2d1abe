/**
 * Packets for tests, built from the inside out. Each function takes the payload last and returns
 * header and payload:
 *
 *     ethernet({}, vlan({ id: 5 }, ipv4({ source: '10.0.0.1' }, udp({ destinationPort: 53 }, text('hello')))))
 *
 * Each packet remembers which protocol it starts with, so that the header before it names the right
 * type unless it is told one. Checksums of IPv4, UDP and TCP are right.
 */

/** The protocol that bytes start with. */
export type Starts = 'ethernet' | 'vlan' | 'mpls' | 'pppoe' | 'ppp' | 'ipv4' | 'ipv6' | 'extension' | 'tcp' | 'udp' | 'icmp' | 'icmpv6' | 'gre' | 'data';

export interface Layered {
  readonly bytes: Buffer;
  readonly starts: Starts;
  /** The type field that announces it, where its kind has several (VLAN tags, extension headers, MPLS). */
  readonly type: number | undefined;
}

export type Payload = Layered | Uint8Array;

/** 48 bits, written `02:00:00:00:00:01`. */
export type HardwareAddress = string;

function layered(starts: Starts, bytes: Buffer, type?: number): Layered {
  return { bytes, starts, type };
}

function layerOf(payload: Payload): Layered {
  return payload instanceof Uint8Array ? layered('data', Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)) : payload;
}

/** The bytes of a packet, in an own Buffer. */
export function bytesOf(payload: Payload): Buffer {
  return Buffer.from(layerOf(payload).bytes);
}

export function text(content: string): Layered {
  return layered('data', Buffer.from(content));
}

function etherType(payload: Layered): number {
  if (payload.type !== undefined) return payload.type;
  switch (payload.starts) {
    case 'ipv4': return 0x0800;
    case 'ipv6': return 0x86dd;
    case 'ethernet': return 0x6558;
    case 'ppp': return 0x880b;
    default: return 0x88b5;
  }
}

function ipProtocol(payload: Layered): number {
  switch (payload.starts) {
    case 'ipv4': return 4;
    case 'ipv6': return 41;
    case 'tcp': return 6;
    case 'udp': return 17;
    case 'icmp': return 1;
    case 'icmpv6': return 58;
    case 'gre': return 47;
    case 'extension': return payload.type ?? 59;
    default: return 253;
  }
}

/** 6 bytes. */
export function hardwareAddress(address: HardwareAddress): Buffer {
  return Buffer.from(address.split(':').map((part) => parseInt(part, 16)));
}

/** 4 bytes of `192.0.2.1`. */
export function ipv4Address(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

/** 16 bytes of `2001:db8::1`; no dotted form. */
export function ipv6Address(address: string): Buffer {
  const [before, after] = address.split('::');
  const head = before ? before.split(':') : [];
  const tail = after ? after.split(':') : [];
  const groups = address.includes('::') ? [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail] : head;
  return words(...groups.map((group) => parseInt(group, 16)));
}

/** 16-bit words, most significant byte first. */
export function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => bytes.writeUInt16BE(value & 0xffff, index * 2));
  return bytes;
}

function onesComplementSum(...parts: Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += (part[at] << 8) | (at + 1 < part.length ? part[at + 1] : 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return sum;
}

// ---- link layers

export interface EthernetOptions { source?: HardwareAddress; destination?: HardwareAddress; type?: number }

export function ethernet(options: EthernetOptions, payload: Payload): Layered {
  const inner = layerOf(payload);
  const source = hardwareAddress(options.source ?? '02:00:00:00:00:01');
  const destination = hardwareAddress(options.destination ?? '02:00:00:00:00:02');
  return layered('ethernet', Buffer.concat([destination, source, words(options.type ?? etherType(inner)), inner.bytes]));
}

/** 802.3 with LLC and SNAP. */
export function snap(options: EthernetOptions, payload: Payload): Layered {
  const inner = layerOf(payload);
  const body = Buffer.concat([words(0xaaaa, 0x0300, 0x0000, options.type ?? etherType(inner)), inner.bytes]);
  return ethernet({ ...options, type: body.length }, body);
}

/** One tag; `tag` is its own type: 0x8100, 0x88a8 or 0x9100. */
export function vlan(options: { id?: number; priority?: number; tag?: number; type?: number }, payload: Payload): Layered {
  const inner = layerOf(payload);
  const control = ((options.priority ?? 0) << 13) | (options.id ?? 1);
  return layered('vlan', Buffer.concat([words(control, options.type ?? etherType(inner)), inner.bytes]), options.tag ?? 0x8100);
}

/** A label stack, its last one marked as such; `controlWord` puts the one of a pseudowire behind it. */
export function mpls(options: { labels?: number[]; multicast?: boolean; controlWord?: boolean }, payload: Payload): Layered {
  const labels = options.labels ?? [16];
  const stack = Buffer.alloc(labels.length * 4);
  labels.forEach((label, index) => stack.writeUInt32BE(((label << 12) | (index === labels.length - 1 ? 0x100 : 0) | 64) >>> 0, index * 4));
  const control = options.controlWord ? Buffer.alloc(4) : Buffer.alloc(0);
  return layered('mpls', Buffer.concat([stack, control, layerOf(payload).bytes]), options.multicast ? 0x8848 : 0x8847);
}

function pppProtocol(payload: Layered): number {
  switch (payload.starts) {
    case 'ipv4': return 0x0021;
    case 'ipv6': return 0x0057;
    case 'mpls': return payload.type === 0x8848 ? 0x0283 : 0x0281;
    default: return 0xc021;
  }
}

/** `addressAndControl` writes FF 03 in front, `compressed` the protocol in one byte. */
export function ppp(options: { protocol?: number; addressAndControl?: boolean; compressed?: boolean }, payload: Payload): Layered {
  const inner = layerOf(payload);
  const protocol = options.protocol ?? pppProtocol(inner);
  const head = options.addressAndControl ? words(0xff03) : Buffer.alloc(0);
  return layered('ppp', Buffer.concat([head, options.compressed ? Buffer.from([protocol]) : words(protocol), inner.bytes]));
}

/** A PPPoE session frame with PPP inside; the payload may be IP or MPLS, or a `ppp` of its own. */
export function pppoe(options: { session?: number; code?: number }, payload: Payload): Layered {
  const inner = layerOf(payload);
  const frame = inner.starts === 'ppp' ? inner : ppp({}, inner);
  return layered('pppoe', Buffer.concat([words(0x1100 | (options.code ?? 0), options.session ?? 7, frame.bytes.length), frame.bytes]), 0x8864);
}

/** Linux cooked, version 1 or 2. */
export function cooked(options: { version?: 1 | 2; type?: number }, payload: Payload): Layered {
  const inner = layerOf(payload);
  const type = words(options.type ?? etherType(inner));
  const address = hardwareAddress('02:00:00:00:00:01');
  const header = options.version === 2
    ? Buffer.concat([type, words(0, 0, 3, 1, 0x0006), address, words(0)])
    : Buffer.concat([words(0, 1, 6), address, words(0), type]);
  return layered('data', Buffer.concat([header, inner.bytes]));
}

/** An ARP request, for frames without IP. */
export function arp(sender: string, target: string): Layered {
  const hardware = hardwareAddress('02:00:00:00:00:01');
  return layered('data', Buffer.concat([words(1, 0x0800, 0x0604, 1), hardware, ipv4Address(sender), Buffer.alloc(6), ipv4Address(target)]), 0x0806);
}

// ---- IP

export interface Ipv4Options {
  source?: string;
  destination?: string;
  protocol?: number;
  identification?: number;
  /** In bytes, a multiple of 8. */
  fragmentOffset?: number;
  moreFragments?: boolean;
  dontFragment?: boolean;
  timeToLive?: number;
  /** Header options, a multiple of 4 bytes. */
  options?: Uint8Array;
}

export function ipv4(options: Ipv4Options, payload: Payload): Layered {
  const inner = layerOf(payload);
  const extra = options.options ?? new Uint8Array(0);
  const header = Buffer.concat([Buffer.alloc(20), extra]);
  const fragment = ((options.fragmentOffset ?? 0) >>> 3) | (options.moreFragments ? 0x2000 : 0) | (options.dontFragment ? 0x4000 : 0);
  header[0] = 0x40 | (header.length >>> 2);
  header.writeUInt16BE((header.length + inner.bytes.length) & 0xffff, 2);
  header.writeUInt16BE(options.identification ?? 1, 4);
  header.writeUInt16BE(fragment, 6);
  header[8] = options.timeToLive ?? 64;
  header[9] = options.protocol ?? ipProtocol(inner);
  ipv4Address(options.source ?? '192.0.2.1').copy(header, 12);
  ipv4Address(options.destination ?? '198.51.100.2').copy(header, 16);
  header.writeUInt16BE(~onesComplementSum(header) & 0xffff, 10);
  const body = Buffer.from(inner.bytes);
  if (fragment === 0 || fragment === 0x4000) writeTransportChecksum(inner, body, header.subarray(12, 20), header[9]);
  return layered('ipv4', Buffer.concat([header, body]));
}

export interface Ipv6Options { source?: string; destination?: string; nextHeader?: number; hopLimit?: number }

export function ipv6(options: Ipv6Options, payload: Payload): Layered {
  const inner = layerOf(payload);
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(inner.bytes.length & 0xffff, 4);
  header[6] = options.nextHeader ?? ipProtocol(inner);
  header[7] = options.hopLimit ?? 64;
  ipv6Address(options.source ?? '2001:db8::1').copy(header, 8);
  ipv6Address(options.destination ?? '2001:db8:1::2').copy(header, 24);
  const body = Buffer.from(inner.bytes);
  writeTransportChecksum(inner, body, header.subarray(8, 40), header[6]);
  return layered('ipv6', Buffer.concat([header, body]));
}

function writeTransportChecksum(inner: Layered, body: Buffer, addresses: Uint8Array, protocol: number): void {
  const at = inner.starts === 'udp' ? 6 : inner.starts === 'tcp' ? 16 : -1;
  if (at < 0 || body.length < at + 2) return;
  body.writeUInt16BE(0, at);
  const sum = ~onesComplementSum(addresses, words(0, protocol, 0, body.length), body) & 0xffff;
  body.writeUInt16BE(sum === 0 ? 0xffff : sum, at);
}

/** IPv6 extension headers by their protocol numbers. */
export const EXTENSION_HEADERS = { hopByHop: 0, routing: 43, authentication: 51, destination: 60, mobility: 135, hip: 139, shim6: 140 } as const;

/** An extension header of 8 bytes, or of `extra` times 8 more (authentication: times 4). */
export function extension(kind: keyof typeof EXTENSION_HEADERS, options: { extra?: number; nextHeader?: number }, payload: Payload): Layered {
  const inner = layerOf(payload);
  const protocol = EXTENSION_HEADERS[kind];
  const extra = options.extra ?? 0;
  const header = Buffer.alloc(8 + extra * (protocol === 51 ? 4 : 8));
  header[0] = options.nextHeader ?? ipProtocol(inner);
  header[1] = extra;
  return layered('extension', Buffer.concat([header, inner.bytes]), protocol);
}

/** An IPv6 fragment header; `fragmentOffset` in bytes, a multiple of 8. */
export function fragmentHeader(
  options: { fragmentOffset?: number; moreFragments?: boolean; identification?: number; nextHeader?: number }, payload: Payload,
): Layered {
  const inner = layerOf(payload);
  const header = Buffer.alloc(8);
  header[0] = options.nextHeader ?? ipProtocol(inner);
  header.writeUInt16BE((options.fragmentOffset ?? 0) | (options.moreFragments ? 1 : 0), 2);
  header.writeUInt32BE(options.identification ?? 1, 4);
  return layered('extension', Buffer.concat([header, inner.bytes]), 44);
}

/** The fragments of an IPv4 datagram, each with `size` bytes of payload (a multiple of 8) but the last. */
export function ipv4Fragments(options: Ipv4Options, payload: Payload, size: number): Layered[] {
  const { bytes, protocol } = { bytes: bytesOf(payload), protocol: options.protocol ?? ipProtocol(layerOf(payload)) };
  const fragments: Layered[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const moreFragments = at + size < bytes.length;
    fragments.push(ipv4({ ...options, protocol, fragmentOffset: at, moreFragments }, bytes.subarray(at, at + size)));
  }
  return fragments;
}

/** The same over IPv6. */
export function ipv6Fragments(options: Ipv6Options & { identification?: number }, payload: Payload, size: number): Layered[] {
  const bytes = bytesOf(payload);
  const nextHeader = ipProtocol(layerOf(payload));
  const identification = options.identification ?? 1;
  const fragments: Layered[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const moreFragments = at + size < bytes.length;
    const part = bytes.subarray(at, at + size);
    fragments.push(ipv6(options, fragmentHeader({ fragmentOffset: at, moreFragments, identification, nextHeader }, part)));
  }
  return fragments;
}

// ---- transport

export interface PortOptions { sourcePort?: number; destinationPort?: number }

export function udp(options: PortOptions, payload: Payload): Layered {
  const inner = layerOf(payload);
  const length = 8 + inner.bytes.length;
  return layered('udp', Buffer.concat([words(options.sourcePort ?? 40000, options.destinationPort ?? 53, length, 0), inner.bytes]));
}

export interface TcpOptions extends PortOptions {
  sequence?: number;
  acknowledgment?: number;
  /** The flag bits: 1 FIN, 2 SYN, 4 RST, 8 PSH, 16 ACK. */
  flags?: number;
}

export function tcp(options: TcpOptions, payload: Payload): Layered {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(options.sourcePort ?? 40000, 0);
  header.writeUInt16BE(options.destinationPort ?? 80, 2);
  header.writeUInt32BE(options.sequence ?? 1, 4);
  header.writeUInt32BE(options.acknowledgment ?? 0, 8);
  header[12] = 0x50;
  header[13] = options.flags ?? 16;
  header.writeUInt16BE(65535, 14);
  return layered('tcp', Buffer.concat([header, layerOf(payload).bytes]));
}

/** An ICMP echo request or, as type 0, reply. */
export function icmp(options: { type?: number; identifier?: number }, payload: Payload): Layered {
  const bytes = Buffer.concat([words((options.type ?? 8) << 8, 0, options.identifier ?? 1, 1), layerOf(payload).bytes]);
  bytes.writeUInt16BE(~onesComplementSum(bytes) & 0xffff, 2);
  return layered('icmp', bytes);
}

/** ICMPv6; its checksum is left 0. */
export function icmpv6(options: { type?: number; identifier?: number }, payload: Payload): Layered {
  return layered('icmpv6', Buffer.concat([words((options.type ?? 128) << 8, 0, options.identifier ?? 1, 1), layerOf(payload).bytes]));
}

// ---- tunnels

export interface GreOptions { key?: number; sequence?: number; checksum?: boolean; type?: number }

/** Version 0; NVGRE is one with a key and an Ethernet frame as payload. */
export function gre(options: GreOptions, payload: Payload): Layered {
  const inner = layerOf(payload);
  const flags = (options.checksum ? 0x8000 : 0) | (options.key !== undefined ? 0x2000 : 0) | (options.sequence !== undefined ? 0x1000 : 0);
  const parts = [words(flags, options.type ?? etherType(inner))];
  if (options.checksum) parts.push(Buffer.alloc(4));
  if (options.key !== undefined) parts.push(words(options.key >>> 16, options.key));
  if (options.sequence !== undefined) parts.push(words(options.sequence >>> 16, options.sequence));
  return layered('gre', Buffer.concat([...parts, inner.bytes]));
}

/** Version 1, as PPTP uses it; `acknowledgment` is optional. */
export function pptp(options: { call?: number; sequence?: number; acknowledgment?: number }, payload: Payload): Layered {
  const inner = layerOf(payload);
  const frame = inner.starts === 'ppp' ? inner : ppp({ addressAndControl: true }, inner);
  const acknowledged = options.acknowledgment !== undefined;
  const header = words(0x3001 | (acknowledged ? 0x80 : 0), 0x880b, frame.bytes.length, options.call ?? 1, 0, options.sequence ?? 1);
  return layered('gre', Buffer.concat([header, acknowledged ? words(0, options.acknowledgment ?? 0) : Buffer.alloc(0), frame.bytes]));
}

/** ERSPAN in GRE around an Ethernet frame, of type 1, 2 or 3; `long` adds the optional 8 bytes of type 3. */
export function erspan(options: { version: 1 | 2 | 3; session?: number; long?: boolean }, payload: Payload): Layered {
  const session = options.session ?? 1;
  const { bytes } = layerOf(payload);
  if (options.version === 1) return gre({ type: 0x88be }, bytes);
  if (options.version === 2) return gre({ type: 0x88be, sequence: 1 }, Buffer.concat([words(0x1001, session, 0, 0), bytes]));
  const header = words(0x2001, session, 0, 0, 0, options.long ? 1 : 0);
  return gre({ type: 0x22eb, sequence: 1 }, Buffer.concat([header, options.long ? Buffer.alloc(8) : Buffer.alloc(0), bytes]));
}

/** VXLAN in UDP around an Ethernet frame. */
export function vxlan(options: PortOptions & { network?: number }, payload: Payload): Layered {
  const network = options.network ?? 42;
  const header = words(0x0800, 0, network >>> 8, (network & 0xff) << 8);
  return udp({ sourcePort: 50000, destinationPort: 4789, ...options }, Buffer.concat([header, layerOf(payload).bytes]));
}

/** GENEVE in UDP; `options` is the length of its options in bytes, a multiple of 4. */
export function geneve(options: PortOptions & { network?: number; optionBytes?: number; type?: number }, payload: Payload): Layered {
  const inner = layerOf(payload);
  const network = options.network ?? 42;
  const optionBytes = options.optionBytes ?? 0;
  const header = words((optionBytes >>> 2) << 8, options.type ?? etherType(inner), network >>> 8, (network & 0xff) << 8);
  return udp({ sourcePort: 50000, destinationPort: 6081, ...options }, Buffer.concat([header, Buffer.alloc(optionBytes), inner.bytes]));
}
