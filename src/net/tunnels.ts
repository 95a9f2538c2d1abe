/** From the end of an IP header into a tunnel: what the tunnel's own header says comes next (src/net/layers.ts goes on from there). */
import { nextProtocol } from './layers';
import {
  HEADER_BY_VERSION, HEADER_ETHERNET, HEADER_PPP, HEADER_TYPE, LAYER_IPV6, LAYER_UNKNOWN, read16, type Header, type Walk,
} from './walk';

const ETHERNET_BRIDGED = 0x6558;

const PORT_GTP_U = 2152;
const PORT_TEREDO = 3544;
const PORT_GRE = 4754;
const PORT_VXLAN = 4789;
/** Older systems. */
const PORT_VXLAN_OLD = 8472;
const PORT_VXLAN_GPE = 4790;
const PORT_GENEVE = 6081;

/**
 * Whether a packet with these ports (source << 16 | destination) may hold another one. A flow column serves for the inner flow only
 * where not. All tunnels are known by the destination port; both ends of Teredo may have its port.
 */
export function mayEncapsulate(ports: number): boolean {
  const destination = ports & 0xffff;
  return destination === PORT_VXLAN || destination === PORT_GTP_U || destination === PORT_GENEVE || destination === PORT_VXLAN_OLD
    || destination === PORT_VXLAN_GPE || destination === PORT_GRE || destination === PORT_TEREDO || ports >>> 16 === PORT_TEREDO;
}

/** GRE (RFC 2784, 2890), NVGRE, the GRE of PPTP (version 1), and ERSPAN. */
export function enterGre(walk: Walk): Header {
  const { bytes, position } = walk;
  if (walk.end - position < 4) return LAYER_UNKNOWN;
  const flags = read16(bytes, position);
  const protocol = read16(bytes, position + 2);
  const sequence = (flags & 0x1000) !== 0;
  const version = flags & 7;
  if (version === 1) {
    // Payload length and call are in the key; without a sequence number there is no payload.
    if (protocol !== 0x880b || !sequence) return LAYER_UNKNOWN;
    walk.position = position + 12 + ((flags & 0x0080) !== 0 ? 4 : 0);
    return HEADER_PPP;
  }
  // Source routes (0x4000) were never in use; their length would have to be searched.
  if (version !== 0 || (flags & 0x4000) !== 0) return LAYER_UNKNOWN;
  walk.position = position + 4 + ((flags & 0x8000) !== 0 ? 4 : 0) + ((flags & 0x2000) !== 0 ? 4 : 0) + (sequence ? 4 : 0);
  switch (protocol) {
    case 0x88be:
      // Type I has no header of its own, and no sequence number; type II has 8 bytes.
      if (sequence) walk.position += 8;
      return HEADER_ETHERNET;
    case 0x22eb:
      return enterErspan3(walk);
    case 0x880b:
      return HEADER_PPP;
    case 0x8909:
      return enterCiscoMetadata(walk);
    default:
      return enterType(walk, protocol);
  }
}

/** An Ethernet type that may announce a frame, as in GRE and GENEVE. */
function enterType(walk: Walk, type: number): Header {
  if (type === ETHERNET_BRIDGED) return HEADER_ETHERNET;
  walk.type = type;
  // There is no frame whose length a smaller number could be.
  return type < 0x0600 ? LAYER_UNKNOWN : HEADER_TYPE;
}

/** Cisco metadata in GRE: the type of what is behind it stands first. Its length counts 8 bytes. */
function enterCiscoMetadata(walk: Walk): Header {
  const { bytes, position } = walk;
  if (walk.end - position < 4 || bytes[position + 3] === 0) return LAYER_UNKNOWN;
  walk.position = position + (bytes[position + 3] << 3);
  return enterType(walk, read16(bytes, position));
}

/** ERSPAN type III: 12 bytes, and 8 more if its last bit is set. */
function enterErspan3(walk: Walk): Header {
  const { bytes, position } = walk;
  if (walk.end - position < 12) return LAYER_UNKNOWN;
  const last = read16(bytes, position + 10);
  walk.position = position + 12 + ((last & 1) !== 0 ? 8 : 0);
  const frameType = (last >>> 10) & 31;
  if (frameType === 0) return HEADER_ETHERNET;
  return frameType === 2 ? HEADER_BY_VERSION : LAYER_UNKNOWN;
}

/** By the ports of the UDP header that the walk stands at. */
export function enterUdp(walk: Walk): Header {
  const { bytes, position } = walk;
  if (walk.end - position < 8) return LAYER_UNKNOWN;
  walk.position = position + 8;
  switch (read16(bytes, position + 2)) {
    case PORT_VXLAN:
    case PORT_VXLAN_OLD:
      return enterVxlan(walk);
    case PORT_VXLAN_GPE:
      return enterVxlanGpe(walk);
    case PORT_GENEVE:
      return enterGeneve(walk);
    case PORT_GTP_U:
      return enterGtp(walk);
    case PORT_GRE:
      return enterGre(walk);
    case PORT_TEREDO:
      return enterTeredo(walk);
    default:
      return read16(bytes, position) === PORT_TEREDO ? enterTeredo(walk) : LAYER_UNKNOWN;
  }
}

function enterVxlan(walk: Walk): Header {
  const { bytes, position } = walk;
  // The flag that the network identifier is valid: other protocols use these ports too.
  if (walk.end - position < 8 || (bytes[position] & 0x08) === 0) return LAYER_UNKNOWN;
  walk.position = position + 8;
  return HEADER_ETHERNET;
}

/** VXLAN-GPE: version 0; without its flag for a next protocol it is VXLAN. */
function enterVxlanGpe(walk: Walk): Header {
  const { bytes, position } = walk;
  if (walk.end - position < 8 || (bytes[position] & 0x30) !== 0) return LAYER_UNKNOWN;
  if ((bytes[position] & 0x04) === 0) return enterVxlan(walk);
  walk.position = position + 8;
  return nextProtocol(walk, bytes[position + 3]);
}

function enterGeneve(walk: Walk): Header {
  const { bytes, position } = walk;
  if (walk.end - position < 8) return LAYER_UNKNOWN;
  const first = bytes[position];
  if (first >>> 6 !== 0) return LAYER_UNKNOWN;
  walk.position = position + 8 + ((first & 0x3f) << 2);
  return enterType(walk, read16(bytes, position + 2));
}

/** A user's packet in GTP-U version 1 (3GPP TS 29.281); its other messages hold none. */
function enterGtp(walk: Walk): Header {
  const { bytes, position, end } = walk;
  if (end - position < 8 || bytes[position] >>> 4 !== 3 || bytes[position + 1] !== 255) return LAYER_UNKNOWN;
  const flags = bytes[position] & 7;
  let at = position + 8;
  if (flags !== 0) {
    // Sequence number, N-PDU number and the first extension header's type stand there if one of them is used.
    if (end - at < 4) return LAYER_UNKNOWN;
    let extension = (flags & 4) !== 0 ? bytes[at + 3] : 0;
    at += 4;
    while (extension !== 0) {
      if (at >= end) return LAYER_UNKNOWN;
      const size = bytes[at] << 2;
      if (size === 0 || end - at < size) return LAYER_UNKNOWN;
      at += size;
      extension = bytes[at - 1];
    }
  }
  walk.position = at;
  return HEADER_BY_VERSION;
}

/** Teredo (RFC 4380): perhaps an authentication and an origin, then IPv6. */
function enterTeredo(walk: Walk): Header {
  const { bytes, end } = walk;
  let at = walk.position;
  if (end - at >= 4 && read16(bytes, at) === 1) at += 13 + bytes[at + 2] + bytes[at + 3];
  if (end - at >= 8 && read16(bytes, at) === 0) at += 8;
  walk.position = at;
  return at < end && bytes[at] >>> 4 === 6 ? LAYER_IPV6 : LAYER_UNKNOWN;
}

/** What a router registers of a multicast source: version 2, type 1, and flags, then the packet (RFC 7761). */
export function enterPim(walk: Walk): Header {
  const { bytes, position } = walk;
  if (walk.end - position < 8 || bytes[position] !== 0x21) return LAYER_UNKNOWN;
  walk.position = position + 8;
  return HEADER_BY_VERSION;
}
