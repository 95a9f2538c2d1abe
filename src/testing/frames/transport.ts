/** TCP, UDP, ICMP and SCTP. */
import { layered, layerOf, onesComplementSum, words, writeChecksum, type Checksum, type Layered, type Payload, type PendingChecksum } from './layers';

export interface PortOptions {
  sourcePort?: number;
  destinationPort?: number;
  checksum?: Checksum;
}

function pending(starts: PendingChecksum['starts'], { checksum = 'right' }: { checksum?: Checksum }): PendingChecksum {
  return { starts, at: 0, checksum };
}

export function udp(options: PortOptions, payload: Payload): Layered {
  const inner = layerOf(payload);
  const length = 8 + inner.bytes.length;
  return layered('udp', Buffer.concat([words(options.sourcePort ?? 40000, options.destinationPort ?? 53, length, 0), inner.bytes]), undefined, pending('udp', options));
}

/** The flag bits of TCP. */
export const TCP_FLAGS = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;

export interface TcpOptions extends PortOptions {
  sequence?: number;
  acknowledgment?: number;
  /** The flag bits: 1 FIN, 2 SYN, 4 RST, 8 PSH, 16 ACK. */
  flags?: number;
  window?: number;
  /** Header options, a multiple of 4 bytes. */
  options?: Uint8Array;
}

export function tcp(options: TcpOptions, payload: Payload): Layered {
  const extra = options.options ?? new Uint8Array(0);
  const header = Buffer.concat([Buffer.alloc(20), extra]);
  header.writeUInt16BE(options.sourcePort ?? 40000, 0);
  header.writeUInt16BE(options.destinationPort ?? 80, 2);
  header.writeUInt32BE((options.sequence ?? 1) >>> 0, 4);
  header.writeUInt32BE((options.acknowledgment ?? 0) >>> 0, 8);
  header[12] = header.length << 2;
  header[13] = options.flags ?? TCP_FLAGS.ACK;
  header.writeUInt16BE(options.window ?? 65535, 14);
  return layered('tcp', Buffer.concat([header, layerOf(payload).bytes]), undefined, pending('tcp', options));
}

export interface IcmpOptions {
  /** 8, an echo request (128 in ICMPv6), unless given; 0 (129) is a reply. */
  type?: number;
  code?: number;
  identifier?: number;
  sequence?: number;
  checksum?: Checksum;
}

function icmpBytes(options: IcmpOptions, type: number, payload: Payload): Buffer {
  return Buffer.concat([words(((options.type ?? type) << 8) | (options.code ?? 0), 0, options.identifier ?? 1, options.sequence ?? 1), layerOf(payload).bytes]);
}

/** An ICMP echo request or, as type 0, reply; an error quotes a packet as its payload, with `identifier` and `sequence` 0. */
export function icmp(options: IcmpOptions, payload: Payload): Layered {
  const bytes = icmpBytes(options, 8, payload);
  writeChecksum(bytes, 2, ~onesComplementSum(bytes) & 0xffff, options.checksum);
  return layered('icmp', bytes);
}

/** The same for IPv6. */
export function icmpv6(options: IcmpOptions, payload: Payload): Layered {
  return layered('icmpv6', icmpBytes(options, 128, payload), undefined, pending('icmpv6', options));
}

export interface SctpOptions extends PortOptions {
  verificationTag?: number;
  /** Of the one data chunk that holds the payload. */
  transmissionSequence?: number;
  stream?: number;
}

/** SCTP with one data chunk. */
export function sctp(options: SctpOptions, payload: Payload): Layered {
  const { bytes } = layerOf(payload);
  const header = Buffer.alloc(28);
  header.writeUInt16BE(options.sourcePort ?? 40000, 0);
  header.writeUInt16BE(options.destinationPort ?? 36412, 2);
  header.writeUInt32BE((options.verificationTag ?? 1) >>> 0, 4);
  header[13] = 3; // the only fragment of its message
  header.writeUInt16BE(16 + bytes.length, 14);
  header.writeUInt32BE((options.transmissionSequence ?? 1) >>> 0, 16);
  header.writeUInt16BE(options.stream ?? 0, 20);
  const packet = Buffer.concat([header, bytes, Buffer.alloc(-bytes.length & 3)]);
  const sum = castagnoli(packet);
  packet.writeUInt32LE(options.checksum === 'none' ? 0 : options.checksum === 'wrong' ? (sum ^ 0x55555555) >>> 0 : sum, 8);
  return layered('sctp', packet);
}

/** CRC-32C. */
function castagnoli(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
  }
  return ~sum >>> 0;
}
