/** From the first byte of a packet, or of one inside a tunnel, to its IP header. */
import {
  LINK_TYPE_ETHERNET, LINK_TYPE_IPV4, LINK_TYPE_IPV6, LINK_TYPE_LINUX_SLL, LINK_TYPE_LINUX_SLL2, LINK_TYPE_LOOP, LINK_TYPE_NULL,
  LINK_TYPE_PPP, LINK_TYPE_PPP_HDLC, LINK_TYPE_RAW, LINK_TYPE_RAW_12, LINK_TYPE_RAW_14,
} from './link-types';
import { LAYER_IPV4, LAYER_IPV6, LAYER_UNKNOWN, nextByVersion, read16, type Layer, type Walk } from './walk';

/** The walk stands at the first byte of a packet of this link type. */
export function enterLink(walk: Walk, linkType: number): Layer {
  switch (linkType) {
    case LINK_TYPE_ETHERNET:
      return enterEthernet(walk, true);
    case LINK_TYPE_RAW_12:
    case LINK_TYPE_RAW_14:
    case LINK_TYPE_RAW:
      return nextByVersion(walk);
    case LINK_TYPE_IPV4:
      return LAYER_IPV4;
    case LINK_TYPE_IPV6:
      return LAYER_IPV6;
    case LINK_TYPE_LINUX_SLL:
      return enterCooked(walk, 14, 16);
    case LINK_TYPE_LINUX_SLL2:
      return enterCooked(walk, 0, 20);
    case LINK_TYPE_NULL:
    case LINK_TYPE_LOOP:
      return enterLoopback(walk);
    case LINK_TYPE_PPP:
    case LINK_TYPE_PPP_HDLC:
      return enterPpp(walk);
    default:
      return LAYER_UNKNOWN;
  }
}

/** An Ethernet header; `certain` unless it is guessed that there is one. */
export function enterEthernet(walk: Walk, certain: boolean): Layer {
  const start = walk.position;
  if (walk.end - start < 14) return LAYER_UNKNOWN;
  if (certain) walk.hardware = start;
  walk.position = start + 14;
  const type = read16(walk.bytes, start + 12);
  return type <= 1500 ? enterSnap(walk) : enterByType(walk, type);
}

/** What an Ethernet type field announces; the walk stands behind that field. */
export function enterByType(walk: Walk, type: number): Layer {
  const { bytes, end } = walk;
  for (;;) {
    switch (type) {
      case 0x0800:
        return LAYER_IPV4;
      case 0x86dd:
        return LAYER_IPV6;
      case 0x8100:
      case 0x88a8:
      case 0x9100:
        if (end - walk.position < 4) return LAYER_UNKNOWN;
        type = read16(bytes, walk.position + 2);
        walk.position += 4;
        break;
      case 0x8847:
      case 0x8848:
        return enterMpls(walk);
      case 0x8864:
        // PPPoE: version and type, code 0 (a session), session, length.
        if (end - walk.position < 6 || bytes[walk.position] !== 0x11 || bytes[walk.position + 1] !== 0) return LAYER_UNKNOWN;
        walk.position += 6;
        return enterPpp(walk);
      default:
        return LAYER_UNKNOWN;
    }
  }
}

/** 802.3 with LLC and SNAP, which carry an Ethernet type; the walk stands behind the length. */
function enterSnap(walk: Walk): Layer {
  const { bytes, position } = walk;
  if (walk.end - position < 8) return LAYER_UNKNOWN;
  if (read16(bytes, position) !== 0xaaaa || read16(bytes, position + 2) !== 0x0300 || read16(bytes, position + 4) !== 0) return LAYER_UNKNOWN;
  walk.position = position + 8;
  return enterByType(walk, read16(bytes, position + 6));
}

/** A label stack. It does not say what is behind it, so the first four bits there have to. */
function enterMpls(walk: Walk): Layer {
  let bottom = false;
  while (!bottom) {
    if (walk.end - walk.position < 4) return LAYER_UNKNOWN;
    bottom = (walk.bytes[walk.position + 2] & 1) !== 0;
    walk.position += 4;
  }
  if (walk.end - walk.position < 4) return LAYER_UNKNOWN;
  if (walk.bytes[walk.position] >>> 4 !== 0) return nextByVersion(walk);
  // The control word of a pseudowire, in all likelihood one of Ethernet.
  walk.position += 4;
  return enterEthernet(walk, false);
}

/** PPP, with or without address and control field, its protocol in two bytes or compressed to one. */
export function enterPpp(walk: Walk): Layer {
  const { bytes, end } = walk;
  if (end - walk.position < 2) return LAYER_UNKNOWN;
  if (read16(bytes, walk.position) === 0xff03) walk.position += 2;
  if (end - walk.position < 2) return LAYER_UNKNOWN;
  let protocol = bytes[walk.position++];
  if ((protocol & 1) === 0) protocol = (protocol << 8) | bytes[walk.position++];
  switch (protocol) {
    case 0x0021:
      return LAYER_IPV4;
    case 0x0057:
      return LAYER_IPV6;
    case 0x0281:
    case 0x0283:
      return enterMpls(walk);
    default:
      return LAYER_UNKNOWN;
  }
}

/** Linux cooked: a header of fixed size with the Ethernet type somewhere in it. */
function enterCooked(walk: Walk, typeAt: number, size: number): Layer {
  const start = walk.position;
  if (walk.end - start < size) return LAYER_UNKNOWN;
  walk.position = start + size;
  return enterByType(walk, read16(walk.bytes, start + typeAt));
}

/** An address family in 32 bits, in the byte order of the machine that captured it. */
function enterLoopback(walk: Walk): Layer {
  const { bytes, position } = walk;
  if (walk.end - position < 4) return LAYER_UNKNOWN;
  const bigEndian = read16(bytes, position) === 0;
  const family = bigEndian ? read16(bytes, position + 2) : bytes[position] | (bytes[position + 1] << 8);
  walk.position = position + 4;
  switch (family) {
    case 2:
      return LAYER_IPV4;
    // Linux, NetBSD and OpenBSD, FreeBSD, macOS.
    case 10:
    case 24:
    case 28:
    case 30:
      return LAYER_IPV6;
    default:
      return LAYER_UNKNOWN;
  }
}
