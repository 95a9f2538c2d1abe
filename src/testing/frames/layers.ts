/** What all packet builders share: packets as bytes that know which protocol they start with. */

/** The protocol that bytes start with. */
export type Starts = 'ethernet' | 'vlan' | 'mpls' | 'pppoe' | 'ppp' | 'ipv4' | 'ipv6' | 'extension' | 'tcp' | 'udp' | 'icmp' | 'icmpv6' | 'sctp' | 'gre' | 'pim' | 'data';

/** What a checksum is to be: `none` is a zero, which UDP over IPv4 allows. */
export type Checksum = 'right' | 'wrong' | 'none';

export interface Layered {
  readonly bytes: Buffer;
  readonly starts: Starts;
  /** The type field that announces it, where its kind has several (VLAN tags, extension headers, MPLS). */
  readonly type: number | undefined;
  /** A checksum that the IP header before it has to work out, since it is over the addresses too. */
  readonly pending?: PendingChecksum;
}

/** Where in the bytes a header of TCP, UDP or ICMPv6 begins, and what its checksum is to be. */
export interface PendingChecksum {
  readonly starts: 'tcp' | 'udp' | 'icmpv6';
  readonly at: number;
  readonly checksum: Checksum;
}

/** What a header stands before: another, bytes, or text. */
export type Payload = Layered | Uint8Array | string;

/** 48 bits, written `02:00:00:00:00:01`. */
export type HardwareAddress = string;

export function layered(starts: Starts, bytes: Buffer, type?: number, pending?: PendingChecksum): Layered {
  return { bytes, starts, type, ...(pending === undefined ? {} : { pending }) };
}

export function layerOf(payload: Payload): Layered {
  if (typeof payload === 'string') return layered('data', Buffer.from(payload));
  return payload instanceof Uint8Array ? layered('data', Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)) : payload;
}

/** The bytes of a packet, in an own Buffer. */
export function bytesOf(payload: Payload): Buffer {
  return Buffer.from(layerOf(payload).bytes);
}

/** Writes a checksum of 16 bits as it is to be. */
export function writeChecksum(bytes: Buffer, at: number, right: number, wanted: Checksum = 'right'): void {
  bytes.writeUInt16BE(wanted === 'none' ? 0 : wanted === 'wrong' ? right ^ 0x5555 : right, at);
}

export function etherType(payload: Layered): number {
  if (payload.type !== undefined) return payload.type;
  switch (payload.starts) {
    case 'ipv4': return 0x0800;
    case 'ipv6': return 0x86dd;
    case 'ethernet': return 0x6558;
    case 'ppp': return 0x880b;
    default: return 0x88b5;
  }
}

export function ipProtocol(payload: Layered): number {
  switch (payload.starts) {
    case 'ipv4': return 4;
    case 'ipv6': return 41;
    case 'tcp': return 6;
    case 'udp': return 17;
    case 'icmp': return 1;
    case 'icmpv6': return 58;
    case 'sctp': return 132;
    case 'gre': return 47;
    case 'pim': return 103;
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

export function onesComplementSum(...parts: Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += (part[at] << 8) | (at + 1 < part.length ? part[at + 1] : 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return sum;
}
