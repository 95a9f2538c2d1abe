/** Tunnels: GRE, PPTP, ERSPAN, VXLAN, GENEVE, GTP-U, Teredo, PIM register. */
import { nextProtocolOf } from './data-centre';
import { ppp } from './link';
import { udp, type PortOptions } from './transport';
import { etherType, layered, layerOf, onesComplementSum, words, type Layered, type Payload } from './layers';

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

/** VXLAN-GPE in UDP around IP, a frame, labels or a network service header. */
export function vxlanGpe(options: PortOptions & { network?: number }, payload: Payload): Layered {
  const inner = layerOf(payload);
  const network = options.network ?? 42;
  const header = words(0x0c00, nextProtocolOf(inner), network >>> 8, (network & 0xff) << 8);
  return udp({ sourcePort: 50000, destinationPort: 4790, ...options }, Buffer.concat([header, inner.bytes]));
}

export interface GtpOptions extends PortOptions {
  endpoint?: number;
  sequence?: number;
  /** Extension headers: the type of each and its size in units of 4 bytes. */
  extensions?: readonly (readonly [type: number, units: number])[];
  message?: number;
}

/** A user's packet in GTP-U. */
export function gtp(options: GtpOptions, payload: Payload): Layered {
  const { sequence, extensions = [], endpoint = 0x1234 } = options;
  const parts: Buffer[] = [];
  if (sequence !== undefined || extensions.length > 0) {
    parts.push(words(sequence ?? 0, extensions.length > 0 ? extensions[0][0] : 0));
    extensions.forEach(([, units], index) => {
      const extension = Buffer.alloc(units * 4);
      extension[0] = units;
      extension[extension.length - 1] = index + 1 < extensions.length ? extensions[index + 1][0] : 0;
      parts.push(extension);
    });
  }
  const body = Buffer.concat([...parts, layerOf(payload).bytes]);
  const flags = 0x30 | (extensions.length > 0 ? 4 : 0) | (sequence !== undefined ? 2 : 0);
  const header = words((flags << 8) | (options.message ?? 255), body.length, endpoint >>> 16, endpoint);
  return udp({ sourcePort: 2152, destinationPort: 2152, ...options }, Buffer.concat([header, body]));
}

/** IPv6 in Teredo, perhaps with an authentication (its identification and value of so many bytes) and an origin. */
export function teredo(options: PortOptions & { authentication?: readonly [number, number]; origin?: boolean }, payload: Payload): Layered {
  const parts: Uint8Array[] = [];
  if (options.authentication) {
    const [identification, value] = options.authentication;
    parts.push(words(1, (identification << 8) | value), Buffer.alloc(identification + value + 9, 0x60));
  }
  if (options.origin) parts.push(words(0, 0x1234, 0x4567, 0x89ab));
  return udp({ sourcePort: 50000, destinationPort: 3544, ...options }, Buffer.concat([...parts, layerOf(payload).bytes]));
}

/** GRE in UDP (RFC 8086). */
export function greInUdp(options: GreOptions & PortOptions, payload: Payload): Layered {
  return udp({ sourcePort: options.sourcePort ?? 50000, destinationPort: options.destinationPort ?? 4754 }, gre(options, payload).bytes);
}

/** PIM: a multicast packet that its router registers, or with `empty` only a header. */
export function pimRegister(options: { empty?: boolean; version?: number }, payload: Payload): Layered {
  const header = words(((options.version ?? 2) << 12) | 0x0100, 0, options.empty ? 0x4000 : 0, 0);
  header.writeUInt16BE(~onesComplementSum(header) & 0xffff, 2);
  return layered('pim', Buffer.concat([header, layerOf(payload).bytes]));
}

/** Cisco metadata in GRE, where the type of what is behind it stands first. */
export function greMetadata(payload: Payload): Layered {
  const inner = layerOf(payload);
  return gre({ type: 0x8909 }, Buffer.concat([words(etherType(inner), 0x0101, 1, 600), inner.bytes]));
}
