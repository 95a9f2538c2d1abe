/** IPv4 and IPv6 headers, with the extension headers of IPv6. */
import { FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_NONE } from './flow-fields';
import type { Walk } from './walk';

/**
 * Reads the IPv4 header at the walk's position into the walk and moves it to what is behind.
 * False, and nothing but the position valid, if it is no such header or was not captured whole.
 */
export function readIpv4(walk: Walk): boolean {
  const { view, position } = walk;
  if (walk.end - position < 20) {
    walk.truncated = true;
    return false;
  }
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
  if (!readIpv6Header(walk)) return false;
  walk.protocol = skipExtensionHeaders(walk, walk.protocol);
  return true;
}

/** The same without extension headers: `walk.protocol` may be one of them. */
export function readIpv6Header(walk: Walk): boolean {
  const { view, position } = walk;
  if (walk.end - position < 40) {
    walk.truncated = true;
    return false;
  }
  if (view.getUint8(position) >>> 4 !== 6) return false;
  const folded = view.getInt32(position + 8) ^ view.getInt32(position + 12) ^ view.getInt32(position + 16) ^ view.getInt32(position + 20)
    ^ view.getInt32(position + 24) ^ view.getInt32(position + 28) ^ view.getInt32(position + 32) ^ view.getInt32(position + 36);
  walk.network = position;
  walk.addresses = (folded ^ (folded >>> 16)) & 0xffff;
  walk.fragment = FRAGMENT_NONE;
  walk.identification = 0;
  walk.position = position + 40;
  walk.protocol = view.getUint8(position + 6);
  return true;
}

/** The protocol behind the extension headers; -1 where that is not captured or not in this fragment. */
function skipExtensionHeaders(walk: Walk, first: number): number {
  let protocol = first;
  for (;;) {
    const size = extensionBytes(walk, protocol);
    if (size <= 0) return size === 0 ? protocol : -1;
    if (protocol === Protocol.Fragment) {
      if (walk.fragment !== FRAGMENT_NONE) return -1;
      readFragmentHeader(walk);
    }
    protocol = walk.view.getUint8(walk.position);
    walk.position += size;
    if (walk.fragment === FRAGMENT_LATER) return -1;
  }
}

/** How long the extension header of this kind at the walk's position is; 0 if the protocol is none, -1 if its length was not captured. */
export function extensionBytes(walk: Walk, protocol: number): number {
  const { view, position } = walk;
  switch (protocol) {
    case 0: // hop by hop
    case 43: // routing
    case 60: // destination options
    case 135: // mobility
    case 139: // HIP
    case 140: // shim6
      return walk.end - position < 8 ? -1 : 8 + (view.getUint8(position + 1) << 3);
    case 51: // authentication; its length counts 4 bytes
      return walk.end - position < 8 ? -1 : 8 + (view.getUint8(position + 1) << 2);
    case Protocol.Fragment:
      return walk.end - position < 8 ? -1 : 8;
    default:
      return 0;
  }
}

/** What the fragment header at the walk's position says. Neither an offset nor more fragments: an atomic fragment, which is none. */
export function readFragmentHeader(walk: Walk): void {
  const { view, position } = walk;
  const field = view.getUint16(position + 2);
  walk.fragment = fragmentKind(field >>> 3, (field & 1) !== 0);
  walk.identification = view.getInt32(position + 4);
}

function fragmentKind(fragmentOffset: number, more: boolean): number {
  if (fragmentOffset !== 0) return FRAGMENT_LATER;
  return more ? FRAGMENT_FIRST : FRAGMENT_NONE;
}

/** IP protocols. */
export const enum Protocol {
  Icmp = 1,
  Igmp = 2,
  Ipv4 = 4,
  Tcp = 6,
  Udp = 17,
  Ipv6 = 41,
  Fragment = 44,
  Gre = 47,
  Icmpv6 = 58,
  Pim = 103,
  Sctp = 132,
  MplsInIp = 137,
}

/** TCP or UDP, in one step: which of the two a packet is no processor can guess, and a wrong guess costs 5 ns. -1 is neither. */
export function hasPorts(protocol: number): boolean {
  return ((0x20040 >>> (protocol & 31)) & 1 & ((protocol - 32) >>> 31) & ~(protocol >>> 31)) !== 0;
}

/** Whether a whole packet of this protocol may lie behind the IP header, whatever ports may say. */
export function mayHoldPacket(protocol: number): boolean {
  return protocol === Protocol.Ipv4 || protocol === Protocol.Ipv6 || protocol === Protocol.Gre || protocol === Protocol.Pim;
}
