/** IPv4 and IPv6, their extension headers and fragments, TCP, UDP and ICMP. */
import { bytesOf, ipProtocol, ipv4Address, ipv6Address, layered, layerOf, onesComplementSum, words, type Layered, type Payload } from './packet-bytes';

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
