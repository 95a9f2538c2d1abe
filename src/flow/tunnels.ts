/** From the end of an IP header into a tunnel: what the tunnel's own header says comes next (src/flow/link-layer.ts goes on from there). */
import { nextProtocol } from './link-layer';
import { Header, cutOff, type Walk } from './walk';

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
 * Whether a packet with these ports (source << 16 | destination) may hold another one: the flow columns, which tell of the outer flow, then do not serve a brick that
 * splits by the inner one. All tunnels are known by the destination port; both ends of Teredo may have its port.
 */
export function mayEncapsulate(ports: number): boolean {
  const destination = ports & 0xffff;
  return destination === PORT_VXLAN || destination === PORT_GTP_U || destination === PORT_GENEVE || destination === PORT_VXLAN_OLD
    || destination === PORT_VXLAN_GPE || destination === PORT_GRE || destination === PORT_TEREDO || ports >>> 16 === PORT_TEREDO;
}

/** GRE (RFC 2784, 2890), NVGRE, the GRE of PPTP (version 1), and ERSPAN. */
export function enterGre(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 4) return cutOff(walk);
  const flags = view.getUint16(position);
  const protocol = view.getUint16(position + 2);
  const sequence = (flags & 0x1000) !== 0;
  const version = flags & 7;
  if (version === 1) {
    // Payload length and call are in the key; without a sequence number there is no payload.
    if (protocol !== 0x880b || !sequence) return Header.None;
    walk.position = position + 12 + ((flags & 0x0080) !== 0 ? 4 : 0);
    return Header.Ppp;
  }
  if (version !== 0) return Header.None;
  const routed = (flags & 0x4000) !== 0;
  walk.position = position + 4 + (routed || (flags & 0x8000) !== 0 ? 4 : 0) + ((flags & 0x2000) !== 0 ? 4 : 0) + (sequence ? 4 : 0);
  if (routed && !passRoutes(walk)) return cutOff(walk);
  switch (protocol) {
    case 0x88be:
      // Type I has no header of its own, and no sequence number; type II has 8 bytes.
      if (sequence) walk.position += 8;
      return Header.Ethernet;
    case 0x22eb:
      return enterErspan3(walk);
    case 0x880b:
      return Header.Ppp;
    case 0x8909:
      return enterCiscoMetadata(walk);
    default:
      return enterType(walk, protocol);
  }
}

/** Source routes (RFC 1701): address family, offset and length of each; the last one has none of them. */
function passRoutes(walk: Walk): boolean {
  for (;;) {
    const { view, position } = walk;
    if (walk.end - position < 4) return false;
    const length = view.getUint8(position + 3);
    walk.position = position + 4 + length;
    if (view.getUint16(position) === 0 && length === 0) return true;
  }
}

/** An Ethernet type that may announce a frame, as in GRE and GENEVE. */
function enterType(walk: Walk, type: number): Header {
  if (type === ETHERNET_BRIDGED) return Header.Ethernet;
  walk.type = type;
  // There is no frame whose length a smaller number could be.
  return type < 0x0600 ? Header.None : Header.Type;
}

/** Cisco metadata in GRE: the type of what is behind it stands first. Its length counts 8 bytes. */
function enterCiscoMetadata(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 4) return cutOff(walk);
  if (view.getUint8(position + 3) === 0) return Header.None;
  walk.position = position + (view.getUint8(position + 3) << 3);
  return enterType(walk, view.getUint16(position));
}

/** ERSPAN type III: 12 bytes, and 8 more if its last bit is set. */
function enterErspan3(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 12) return cutOff(walk);
  const last = view.getUint16(position + 10);
  walk.position = position + 12 + ((last & 1) !== 0 ? 8 : 0);
  const frameType = (last >>> 10) & 31;
  if (frameType === 0) return Header.Ethernet;
  return frameType === 2 ? Header.ByVersion : Header.None;
}

/** By the ports of the UDP header that the walk stands at. */
export function enterUdp(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 8) return cutOff(walk);
  walk.position = position + 8;
  return enterTunnel(walk, tunnelOf(view.getUint16(position), view.getUint16(position + 2)));
}

/** Which tunnel's header is behind a UDP header with these ports. */
export function tunnelOf(sourcePort: number, destinationPort: number): Header {
  switch (destinationPort) {
    case PORT_VXLAN:
    case PORT_VXLAN_OLD:
      return Header.Vxlan;
    case PORT_VXLAN_GPE:
      return Header.VxlanGpe;
    case PORT_GENEVE:
      return Header.Geneve;
    case PORT_GTP_U:
      return Header.Gtp;
    case PORT_GRE:
      return Header.Gre;
    case PORT_TEREDO:
      return Header.Teredo;
    default:
      return sourcePort === PORT_TEREDO ? Header.Teredo : Header.None;
  }
}

/** Moves behind the header of a tunnel. */
export function enterTunnel(walk: Walk, tunnel: Header): Header {
  switch (tunnel) {
    case Header.Gre:
      return enterGre(walk);
    case Header.Vxlan:
      return enterVxlan(walk);
    case Header.VxlanGpe:
      return enterVxlanGpe(walk);
    case Header.Geneve:
      return enterGeneve(walk);
    case Header.Gtp:
      return enterGtp(walk);
    case Header.Teredo:
      return enterTeredo(walk);
    case Header.Pim:
      return enterPim(walk);
    default:
      return Header.None;
  }
}

function enterVxlan(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 8) return cutOff(walk);
  // The flag that the network identifier is valid: other protocols use these ports too.
  if ((view.getUint8(position) & 0x08) === 0) return Header.None;
  walk.position = position + 8;
  return Header.Ethernet;
}

/** VXLAN-GPE: version 0; without its flag for a next protocol it is VXLAN. */
function enterVxlanGpe(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 8) return cutOff(walk);
  if ((view.getUint8(position) & 0x30) !== 0) return Header.None;
  if ((view.getUint8(position) & 0x04) === 0) return enterVxlan(walk);
  walk.position = position + 8;
  return nextProtocol(walk, view.getUint8(position + 3));
}

function enterGeneve(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 8) return cutOff(walk);
  const first = view.getUint8(position);
  if (first >>> 6 !== 0) return Header.None;
  walk.position = position + 8 + ((first & 0x3f) << 2);
  return enterType(walk, view.getUint16(position + 2));
}

/** A user's packet in GTP-U version 1 (3GPP TS 29.281); its other messages hold none. */
function enterGtp(walk: Walk): Header {
  const { view, position, end } = walk;
  if (end - position < 8) return cutOff(walk);
  if (view.getUint8(position) >>> 4 !== 3 || view.getUint8(position + 1) !== 255) return Header.None;
  const flags = view.getUint8(position) & 7;
  let at = position + 8;
  if (flags !== 0) {
    // Sequence number, N-PDU number and the first extension header's type stand there if one of them is used.
    if (end - at < 4) return cutOff(walk);
    let extension = (flags & 4) !== 0 ? view.getUint8(at + 3) : 0;
    at += 4;
    while (extension !== 0) {
      if (at >= end) return cutOff(walk);
      const size = view.getUint8(at) << 2;
      if (size === 0) return Header.None;
      if (end - at < size) return cutOff(walk);
      at += size;
      extension = view.getUint8(at - 1);
    }
  }
  walk.position = at;
  return Header.ByVersion;
}

/** Teredo (RFC 4380): perhaps an authentication and an origin, then IPv6. */
function enterTeredo(walk: Walk): Header {
  const { view, end } = walk;
  let at = walk.position;
  if (end - at >= 4 && view.getUint16(at) === 1) at += 13 + view.getUint8(at + 2) + view.getUint8(at + 3);
  if (end - at >= 8 && view.getUint16(at) === 0) at += 8;
  walk.position = at;
  if (at >= end) return cutOff(walk);
  return view.getUint8(at) >>> 4 === 6 ? Header.Ipv6 : Header.None;
}

/** What a router registers of a multicast source: version 2, type 1, and flags, then the packet (RFC 7761). */
export function enterPim(walk: Walk): Header {
  const { view, position } = walk;
  if (walk.end - position < 8) return cutOff(walk);
  if (view.getUint8(position) !== 0x21) return Header.None;
  walk.position = position + 8;
  return Header.ByVersion;
}
