/** From the end of an IP header into a tunnel, up to the next IP header. */
import { enterByType, enterEthernet, enterPpp } from './layers';
import { LAYER_UNKNOWN, nextByVersion, read16, type Layer, type Walk } from './walk';

const ETHERNET_BRIDGED = 0x6558;

/** GRE (RFC 2784, 2890), NVGRE, the GRE of PPTP (version 1), and ERSPAN. */
export function enterGre(walk: Walk): Layer {
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
    return enterPpp(walk);
  }
  // Source routes (0x4000) were never in use; their length would have to be searched.
  if (version !== 0 || (flags & 0x4000) !== 0) return LAYER_UNKNOWN;
  walk.position = position + 4 + ((flags & 0x8000) !== 0 ? 4 : 0) + ((flags & 0x2000) !== 0 ? 4 : 0) + (sequence ? 4 : 0);
  switch (protocol) {
    case ETHERNET_BRIDGED:
      return enterEthernet(walk, true);
    case 0x88be:
      // Type I has no header of its own, and no sequence number; type II has 8 bytes.
      if (sequence) walk.position += 8;
      return enterEthernet(walk, true);
    case 0x22eb:
      return enterErspan3(walk);
    case 0x880b:
      return enterPpp(walk);
    default:
      return enterByType(walk, protocol);
  }
}

/** ERSPAN type III: 12 bytes, and 8 more of its last bit is set. */
function enterErspan3(walk: Walk): Layer {
  const { bytes, position } = walk;
  if (walk.end - position < 12) return LAYER_UNKNOWN;
  const last = read16(bytes, position + 10);
  walk.position = position + 12 + ((last & 1) !== 0 ? 8 : 0);
  const frameType = (last >>> 10) & 31;
  if (frameType === 0) return enterEthernet(walk, true);
  return frameType === 2 ? nextByVersion(walk) : LAYER_UNKNOWN;
}

/** VXLAN or GENEVE, by the destination port of the UDP header that the walk stands at. */
export function enterUdp(walk: Walk): Layer {
  const { bytes, position } = walk;
  if (walk.end - position < 16) return LAYER_UNKNOWN;
  walk.position = position + 8;
  switch (read16(bytes, position + 2)) {
    case 4789:
    case 8472:
      // The flag that the network identifier is valid: other protocols use these ports too.
      if ((bytes[position + 8] & 0x08) === 0) return LAYER_UNKNOWN;
      walk.position = position + 16;
      return enterEthernet(walk, true);
    case 6081:
      return enterGeneve(walk);
    default:
      return LAYER_UNKNOWN;
  }
}

function enterGeneve(walk: Walk): Layer {
  const { bytes, position } = walk;
  const first = bytes[position];
  if (first >>> 6 !== 0) return LAYER_UNKNOWN;
  const type = read16(bytes, position + 2);
  walk.position = position + 8 + ((first & 0x3f) << 2);
  return type === ETHERNET_BRIDGED ? enterEthernet(walk, true) : enterByType(walk, type);
}
