/** Link layers: Ethernet, VLAN tags, labels, PPP, Linux cooked. */
import { etherType, hardwareAddress, ipv4Address, layered, layerOf, words, type HardwareAddress, type Layered, type Payload } from './layers';

export interface EthernetOptions { source?: HardwareAddress; destination?: HardwareAddress; type?: number | undefined }

export function ethernet(options: EthernetOptions, payload: Payload): Layered {
  const inner = layerOf(payload);
  const source = hardwareAddress(options.source ?? '02:00:00:00:00:01');
  const destination = hardwareAddress(options.destination ?? '02:00:00:00:00:02');
  return layered('ethernet', Buffer.concat([destination, source, words(options.type ?? etherType(inner)), inner.bytes]));
}

/** LLC and SNAP, which a length announces instead of a type. */
export function llcSnap(options: { type?: number | undefined }, payload: Payload): Layered {
  const inner = layerOf(payload);
  const body = Buffer.concat([words(0xaaaa, 0x0300, 0x0000, options.type ?? etherType(inner)), inner.bytes]);
  return layered('data', body, body.length);
}

/** 802.3 with LLC and SNAP. */
export function snap(options: EthernetOptions, payload: Payload): Layered {
  return ethernet({ ...options, type: undefined }, llcSnap(options, payload));
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

/** An ARP request or, as operation 2, reply. */
export function arp(sender: string, target: string, options: { operation?: number; senderHardware?: HardwareAddress; targetHardware?: HardwareAddress } = {}): Layered {
  const hardware = [options.senderHardware ?? '02:00:00:00:00:01', options.targetHardware ?? '00:00:00:00:00:00'].map(hardwareAddress);
  return layered('data', Buffer.concat([words(1, 0x0800, 0x0604, options.operation ?? 1), hardware[0], ipv4Address(sender), hardware[1], ipv4Address(target)]), 0x0806);
}
