/** IPv4 and IPv6 headers, with the extension headers of IPv6. */
import { FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_NONE } from './flow-fields';
import type { Walk } from './walk';

// V8 takes a module's own constants for constants, but loads imported ones again for each packet.
const WHOLE = FRAGMENT_NONE;
const FIRST = FRAGMENT_FIRST;
const LATER = FRAGMENT_LATER;

/**
 * Reads the IPv4 header at the walk's position into the walk and moves it to what is behind.
 * False, and nothing but the position valid, if it is no such header or was not captured whole.
 */
export function readIpv4(walk: Walk): boolean {
  const { view, position } = walk;
  if (walk.end - position < 20) return false;
  const first = view.getUint8(position);
  const headerLength = (first & 15) << 2;
  if (first >>> 4 !== 4 || headerLength < 20) return false;
  const fragmentField = view.getUint16(position + 6);
  const folded = view.getInt32(position + 12) ^ view.getInt32(position + 16);
  walk.network = position;
  walk.protocol = view.getUint8(position + 9);
  walk.addresses = (folded ^ (folded >>> 16)) & 0xffff;
  walk.fragment = fragmentKind(fragmentField & 0x1fff, (fragmentField & 0x2000) !== 0);
  walk.identification = view.getUint16(position + 4);
  walk.position = position + headerLength;
  return true;
}

/** The same for IPv6; extension headers are skipped up to the first that was not captured. */
export function readIpv6(walk: Walk): boolean {
  const { view, position } = walk;
  if (walk.end - position < 40 || view.getUint8(position) >>> 4 !== 6) return false;
  const folded = view.getInt32(position + 8) ^ view.getInt32(position + 12) ^ view.getInt32(position + 16) ^ view.getInt32(position + 20)
    ^ view.getInt32(position + 24) ^ view.getInt32(position + 28) ^ view.getInt32(position + 32) ^ view.getInt32(position + 36);
  walk.network = position;
  walk.addresses = (folded ^ (folded >>> 16)) & 0xffff;
  walk.fragment = WHOLE;
  walk.identification = 0;
  walk.position = position + 40;
  walk.protocol = skipExtensionHeaders(walk, view.getUint8(position + 6));
  return true;
}

/** The protocol behind the extension headers; -1 where that is not captured or not in this fragment. */
function skipExtensionHeaders(walk: Walk, first: number): number {
  const { view, end } = walk;
  let protocol = first;
  for (;;) {
    const here = walk.position;
    switch (protocol) {
      case 0: // hop by hop
      case 43: // routing
      case 60: // destination options
      case 135: // mobility
      case 139: // HIP
      case 140: // shim6
        if (end - here < 8) return -1;
        walk.position = here + 8 + (view.getUint8(here + 1) << 3);
        break;
      case 51: // authentication; its length counts 4 bytes
        if (end - here < 8) return -1;
        walk.position = here + 8 + (view.getUint8(here + 1) << 2);
        break;
      case 44: {
        if (end - here < 8 || walk.fragment !== WHOLE) return -1;
        const field = view.getUint16(here + 2);
        // Neither an offset nor more fragments: an atomic fragment, which is none.
        walk.fragment = fragmentKind(field >>> 3, (field & 1) !== 0);
        walk.identification = view.getInt32(here + 4);
        walk.position = here + 8;
        if (walk.fragment === LATER) return -1;
        break;
      }
      default:
        return protocol;
    }
    protocol = view.getUint8(here);
  }
}

function fragmentKind(fragmentOffset: number, more: boolean): number {
  if (fragmentOffset !== 0) return LATER;
  return more ? FIRST : WHOLE;
}

/** IP protocols. */
export const enum Protocol {
  Ipv4 = 4,
  Tcp = 6,
  Udp = 17,
  Ipv6 = 41,
  Gre = 47,
  Pim = 103,
}

/** TCP or UDP, in one step: which of the two a packet is no processor can guess, and a wrong guess costs 5 ns. -1 is neither. */
export function hasPorts(protocol: number): boolean {
  return ((0x20040 >>> (protocol & 31)) & 1 & ((protocol - 32) >>> 31) & ~(protocol >>> 31)) !== 0;
}

/** Whether a whole packet of this protocol may lie behind the IP header, whatever ports may say. */
export function mayHoldPacket(protocol: number): boolean {
  return protocol === Protocol.Ipv4 || protocol === Protocol.Ipv6 || protocol === Protocol.Gre || protocol === Protocol.Pim;
}
