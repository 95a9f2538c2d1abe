/** Tunnels: GRE, PPTP, ERSPAN, VXLAN, GENEVE. */
import { udp, type PortOptions } from './ip-packets';
import { ppp } from './link-packets';
import { etherType, layered, layerOf, words, type Layered, type Payload } from './packet-bytes';

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
