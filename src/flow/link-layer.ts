/** From the first byte of a packet, or of one inside a tunnel, to its IP header: Ethernet and other link types, and the tags, labels and sessions behind them. */
import {
  LINK_TYPE_ETHERNET, LINK_TYPE_IPV4, LINK_TYPE_IPV6, LINK_TYPE_LINUX_SLL, LINK_TYPE_LINUX_SLL2, LINK_TYPE_LOOP, LINK_TYPE_NULL,
  LINK_TYPE_PPP, LINK_TYPE_PPP_HDLC, LINK_TYPE_RAW, LINK_TYPE_RAW_12, LINK_TYPE_RAW_14,
} from './link-types';
import { Header, cutOff, type Layer, type Walk } from './walk';

/** Above, an Ethernet frame's field is a type; below, a length. */
const LONGEST_LENGTH = 1500;

/** Moves the walk from the first byte of a packet of this link type to its IP header. */
export function enterLink(walk: Walk, linkType: number): Layer {
  return toNetwork(walk, linkType === LINK_TYPE_ETHERNET ? Header.Ethernet : linkHeader(walk, linkType));
}

/** Moves the walk to the next IP header. A loop: headers may be nested as deeply as a packet is long. */
export function toNetwork(walk: Walk, header: Header): Layer {
  let next = header;
  for (;;) {
    if (next === Header.Ethernet) next = readEthernet(walk);
    if (next === Header.Type) next = readType(walk);
    switch (next) {
      case Header.None:
      case Header.Ipv4:
      case Header.Ipv6:
        return next;
      case Header.ByVersion:
        return readVersion(walk);
      case Header.GuessedEthernet:
        next = readGuessedEthernet(walk);
        break;
      case Header.Mpls:
        next = readMpls(walk);
        break;
      case Header.Ppp:
        next = readPpp(walk);
        break;
      case Header.Pppoe:
        next = readPppoe(walk);
        break;
      case Header.Nsh:
        next = readNsh(walk);
        break;
      default:
        break;
    }
  }
}

export function linkHeader(walk: Walk, linkType: number): Header {
  switch (linkType) {
    case LINK_TYPE_RAW_12:
    case LINK_TYPE_RAW_14:
    case LINK_TYPE_RAW:
      return Header.ByVersion;
    case LINK_TYPE_IPV4:
      return Header.Ipv4;
    case LINK_TYPE_IPV6:
      return Header.Ipv6;
    case LINK_TYPE_LINUX_SLL:
      return readCooked(walk, 14, 16);
    case LINK_TYPE_LINUX_SLL2:
      return readCooked(walk, 0, 20);
    case LINK_TYPE_NULL:
    case LINK_TYPE_LOOP:
      return readLoopback(walk);
    case LINK_TYPE_PPP:
    case LINK_TYPE_PPP_HDLC:
      return Header.Ppp;
    default:
      walk.unknownProtocol = true;
      return Header.None;
  }
}

export function readEthernet(walk: Walk): Header {
  const start = walk.position;
  if (walk.end - start < 14) return cutOff(walk);
  walk.hardware = start;
  walk.position = start + 14;
  walk.type = walk.view.getUint16(start + 12);
  return Header.Type;
}

/** An Ethernet header that may be none: its addresses are not taken for any. */
function readGuessedEthernet(walk: Walk): Header {
  const { hardware } = walk;
  const next = readEthernet(walk);
  walk.hardware = hardware;
  return next;
}

/** The walk stands behind a type field that holds `walk.type`. */
export function readType(walk: Walk): Header {
  const { position, type } = walk;
  if (type <= LONGEST_LENGTH) return readSnap(walk);
  const left = walk.end - position;
  switch (type) {
    case 0x0800:
      return Header.Ipv4;
    case 0x86dd:
      return Header.Ipv6;
    case 0x8100: // VLAN tags
    case 0x88a8:
    case 0x9100:
      return skipTag(walk, 2);
    case 0x8926: // VN-Tag
    case 0x892f: // HSR: path, length and sequence number
      return skipTag(walk, 4);
    case 0x893f: // E-Tag (802.1BR)
      return skipTag(walk, 6);
    case 0x8909: // Cisco metadata; its length counts 8 bytes, those of both types included
      if (left < 2) return cutOff(walk);
      return walk.view.getUint8(position + 1) === 0 ? Header.None : skipTag(walk, (walk.view.getUint8(position + 1) << 3) - 2);
    case 0x8903: // FabricPath: tag and time to live, then the frame
      walk.position = position + 2;
      return Header.Ethernet;
    case 0x88e7: // provider backbone bridging (802.1ah): a service tag, then the customer's frame
      walk.position = position + 4;
      return Header.Ethernet;
    case 0x22f3: // TRILL: 6 bytes and options, then the frame
      if (left < 2) return cutOff(walk);
      walk.position = position + 6 + ((walk.view.getUint16(position) >>> 4) & 0x7c);
      return Header.Ethernet;
    case 0x894f:
      return Header.Nsh;
    case 0x8847:
    case 0x8848:
      return Header.Mpls;
    case 0x8864:
      return Header.Pppoe;
    default:
      walk.unknownProtocol = !isWithoutIp(type);
      return Header.None;
  }
}

/** A tag of this many bytes, and the type of what is behind it. */
function skipTag(walk: Walk, size: number): Header {
  const { position } = walk;
  if (walk.end - position < size + 2) return cutOff(walk);
  walk.type = walk.view.getUint16(position + size);
  walk.position = position + size + 2;
  return Header.Type;
}

/** Ethernet types that never hold IP: what stations and bridges say to each other, with no more addresses than their hardware's. */
export function isWithoutIp(type: number): boolean {
  switch (type) {
    case 0x0806: // ARP
    case 0x8035: // reverse ARP
    case 0x8808: // pause frames
    case 0x8809: // link aggregation and other slow protocols
    case 0x8863: // PPPoE discovery
    case 0x888e: // 802.1X
    case 0x88cc: // LLDP
    case 0x88f5: // MVRP
    case 0x88f6: // MMRP
    case 0x88f7: // precision time protocol
    case 0x88fb: // HSR and PRP supervision
    case 0x8902: // connectivity fault management
    case 0x9000: // loop test
      return true;
    default:
      return false;
  }
}

/** 802.3 with LLC and SNAP, which carry an Ethernet type; the walk stands behind the length. Other LLC is no IP. */
function readSnap(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 8) return cutOff(walk);
  if (view.getUint16(position) !== 0xaaaa || view.getUint16(position + 2) !== 0x0300 || view.getUint16(position + 4) !== 0) return Header.None;
  const type = view.getUint16(position + 6);
  if (type <= LONGEST_LENGTH) return Header.None;
  walk.position = position + 8;
  walk.type = type;
  return Header.Type;
}

/** A label stack. It does not say what is behind it, so the first four bits there have to. */
function readMpls(walk: Walk): Header {
  if (!passLabels(walk)) return Header.None;
  if (walk.end - walk.position < 4) return Header.None;
  if (walk.view.getUint8(walk.position) >>> 4 !== 0) return Header.ByVersion;
  // The control word of a pseudowire, in all likelihood one of Ethernet.
  walk.position += 4;
  return Header.GuessedEthernet;
}

/** Moves behind a label stack; false if its end was not captured. */
export function passLabels(walk: Walk): boolean {
  let bottom = false;
  while (!bottom) {
    if (walk.end - walk.position < 4) {
      walk.truncated = true;
      return false;
    }
    bottom = (walk.view.getUint8(walk.position + 2) & 1) !== 0;
    walk.position += 4;
  }
  return true;
}

/** PPPoE: version and type, code 0 (a session), session, length. */
export function readPppoe(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 6) return cutOff(walk);
  if (view.getUint16(position) !== 0x1100) return Header.None;
  walk.position = position + 6;
  return Header.Ppp;
}

/** A network service header (RFC 8300). */
export function readNsh(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 8) return cutOff(walk);
  const size = (view.getUint8(position + 1) & 0x3f) << 2;
  if (view.getUint8(position) >>> 6 !== 0 || size < 8) {
    walk.unknownProtocol = true;
    return Header.None;
  }
  walk.position = position + size;
  return nextProtocol(walk, view.getUint8(position + 3));
}

/** What NSH and VXLAN-GPE call the next protocol. */
export function nextProtocol(walk: Walk, protocol: number): Header {
  switch (protocol) {
    case 1:
      return Header.Ipv4;
    case 2:
      return Header.Ipv6;
    case 3:
      return Header.Ethernet;
    case 4:
      return Header.Nsh;
    case 5:
      walk.type = 0x8847;
      return Header.Mpls;
    default:
      walk.unknownProtocol = true;
      return Header.None;
  }
}

/** PPP, with or without address and control field, its protocol in two bytes or compressed to one. */
export function readPpp(walk: Walk): Header {
  const { view, end } = walk;
  if (end - walk.position < 2) return cutOff(walk);
  if (view.getUint16(walk.position) === 0xff03) walk.position += 2;
  if (end - walk.position < 2) return cutOff(walk);
  let protocol = view.getUint8(walk.position++);
  if ((protocol & 1) === 0) protocol = (protocol << 8) | view.getUint8(walk.position++);
  switch (protocol) {
    case 0x0021:
      return Header.Ipv4;
    case 0x0057:
      return Header.Ipv6;
    case 0x0281:
    case 0x0283:
      walk.type = protocol === 0x0281 ? 0x8847 : 0x8848;
      return Header.Mpls;
    default:
      // From there on it is control of the link and of network protocols.
      walk.unknownProtocol = protocol < 0x8000;
      return Header.None;
  }
}

/** Linux cooked: a header of fixed size with the Ethernet type somewhere in it. */
function readCooked(walk: Walk, typeAt: number, size: number): Header {
  const start = walk.position;
  if (walk.end - start < size) return cutOff(walk);
  walk.position = start + size;
  walk.type = walk.view.getUint16(start + typeAt);
  // Below are numbers of Linux for what has no type.
  return walk.type <= LONGEST_LENGTH ? Header.None : Header.Type;
}

/** An address family in 32 bits, in the byte order of the machine that captured it. */
function readLoopback(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 4) return cutOff(walk);
  const bigEndian = view.getUint16(position) === 0;
  const family = bigEndian ? view.getUint16(position + 2) : view.getUint16(position, true);
  walk.position = position + 4;
  switch (family) {
    case 2:
      return Header.Ipv4;
    // Linux, NetBSD and OpenBSD, FreeBSD, macOS.
    case 10:
    case 24:
    case 28:
    case 30:
      return Header.Ipv6;
    default:
      return Header.None;
  }
}

/** Which IP version the byte here says. */
export function readVersion(walk: Walk): Layer {
  if (walk.position >= walk.end) {
    walk.truncated = true;
    return Header.None;
  }
  const version = walk.view.getUint8(walk.position) >>> 4;
  walk.unknownProtocol = version !== 4 && version !== 6;
  return version === 4 ? Header.Ipv4 : version === 6 ? Header.Ipv6 : Header.None;
}
