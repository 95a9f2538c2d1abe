/** IPv4 and IPv6, their extension headers and fragments. */
import { bytesOf, ipProtocol, ipv4Address, ipv6Address, layered, layerOf, onesComplementSum, words, writeChecksum, type Checksum, type Layered, type Payload, type PendingChecksum } from './layers';

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
  /** The byte with class and congestion bits. */
  typeOfService?: number;
  /** Of the header. */
  checksum?: Checksum;
  /** Header options, a multiple of 4 bytes. */
  options?: Uint8Array;
}

export function ipv4(options: Ipv4Options, payload: Payload): Layered {
  const inner = layerOf(payload);
  const extra = options.options ?? new Uint8Array(0);
  const header = Buffer.concat([Buffer.alloc(20), extra]);
  const fragment = ((options.fragmentOffset ?? 0) >>> 3) | (options.moreFragments ? 0x2000 : 0) | (options.dontFragment ? 0x4000 : 0);
  header[0] = 0x40 | (header.length >>> 2);
  header[1] = options.typeOfService ?? 0;
  header.writeUInt16BE((header.length + inner.bytes.length) & 0xffff, 2);
  header.writeUInt16BE(options.identification ?? 1, 4);
  header.writeUInt16BE(fragment, 6);
  header[8] = options.timeToLive ?? 64;
  header[9] = options.protocol ?? ipProtocol(inner);
  ipv4Address(options.source ?? '192.0.2.1').copy(header, 12);
  ipv4Address(options.destination ?? '198.51.100.2').copy(header, 16);
  writeChecksum(header, 10, ~onesComplementSum(header) & 0xffff, options.checksum);
  const body = Buffer.from(inner.bytes);
  if (fragment === 0 || fragment === 0x4000) writeTransportChecksum(inner.pending, body, header.subarray(12, 20));
  return layered('ipv4', Buffer.concat([header, body]));
}

export interface Ipv6Options { source?: string; destination?: string; nextHeader?: number; hopLimit?: number; flowLabel?: number }

export function ipv6(options: Ipv6Options, payload: Payload): Layered {
  const inner = layerOf(payload);
  const header = Buffer.alloc(40);
  header.writeUInt32BE(0x60000000 + (options.flowLabel ?? 0), 0);
  header.writeUInt16BE(inner.bytes.length & 0xffff, 4);
  header[6] = options.nextHeader ?? ipProtocol(inner);
  header[7] = options.hopLimit ?? 64;
  ipv6Address(options.source ?? '2001:db8::1').copy(header, 8);
  ipv6Address(options.destination ?? '2001:db8:1::2').copy(header, 24);
  const body = Buffer.from(inner.bytes);
  writeTransportChecksum(inner.pending, body, header.subarray(8, 40));
  return layered('ipv6', Buffer.concat([header, body]));
}

/** Where the checksum stands in its header, and the number of the protocol. */
const CHECKSUMS = { udp: { offset: 6, protocol: 17 }, tcp: { offset: 16, protocol: 6 }, icmpv6: { offset: 2, protocol: 58 } } as const;

function writeTransportChecksum(pending: PendingChecksum | undefined, body: Buffer, addresses: Uint8Array): void {
  if (pending === undefined) return;
  const { offset, protocol } = CHECKSUMS[pending.starts];
  const transport = body.subarray(pending.at);
  if (transport.length < offset + 2) return;
  transport.writeUInt16BE(0, offset);
  const sum = ~onesComplementSum(addresses, words(0, protocol, 0, transport.length), transport) & 0xffff;
  writeChecksum(transport, offset, sum === 0 && pending.starts === 'udp' ? 0xffff : sum, pending.checksum);
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
  const { pending } = inner;
  return layered('extension', Buffer.concat([header, inner.bytes]), protocol, pending && { ...pending, at: pending.at + header.length });
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
