/**
 * What is behind a stack of MPLS labels, which do not say it themselves, as a HeaderWalk finds out. With more care than the flow parser (`readMpls` in link-layer.ts),
 * which native code does too, and which only has to find the same flow in each of a flow's packets.
 */
import { isWithoutIp } from './link-layer';
import { Header, cutOff, type Walk } from './walk';

/** What follows labels: IP, an Ethernet frame, a frame behind a control word, or what it looks like. */
export const BEHIND_LABELS = ['guess', 'ip', 'ethernet', 'control-word'] as const;
/** One of `BEHIND_LABELS`. */
export type BehindLabels = (typeof BEHIND_LABELS)[number];

const ETHERNET_BYTES = 14;
const CONTROL_WORD_BYTES = 4;

/** Moves a walk that stands behind a label stack behind a control word, if there is one. `wireEnd`: where the packet ended on the wire. */
export function behindLabels(walk: Walk, behind: BehindLabels, wireEnd: number): Header {
  switch (behind) {
    case 'ip':
      return Header.ByVersion;
    case 'guess':
      return guess(walk, wireEnd);
    default:
      if (behind === 'control-word') walk.position += CONTROL_WORD_BYTES;
      return Header.Ethernet;
  }
}

function guess(walk: Walk, wireEnd: number): Header {
  const { view, position, end } = walk;
  if (position >= end) return cutOff(walk);
  const nibble = view.getUint8(position) >>> 4;
  if (nibble === 4 || nibble === 6) {
    // A frame to an address that begins like this is one only if it is no IP packet by what else stands there.
    const isIp = nibble === 4 ? isIpv4(walk, wireEnd) : isIpv6(walk, wireEnd);
    return isIp || !isFrame(walk, position, wireEnd) ? Header.ByVersion : Header.Ethernet;
  }
  if (end - position < ETHERNET_BYTES) return cutOff(walk);
  // First without a control word: a tagged frame looks as if it had one, and one behind it hardly ever as if it had none.
  if (isFrame(walk, position, wireEnd)) return Header.Ethernet;
  if (nibble !== 0 || !isFrame(walk, position + CONTROL_WORD_BYTES, wireEnd)) return Header.None;
  walk.position = position + CONTROL_WORD_BYTES;
  return Header.Ethernet;
}

/** By its length, and the checksum of its header if that was captured. */
function isIpv4({ view, position, end }: Walk, wireEnd: number): boolean {
  if (end - position < 20) return true;
  const headerLength = (view.getUint8(position) & 15) << 2;
  if (headerLength < 20 || view.getUint16(position + 2) > wireEnd - position) return false;
  return end - position < headerLength || isRightHeader(view, position, position + headerLength);
}

/** Whether the words of a header add up as they do with the right checksum. */
function isRightHeader(view: DataView, from: number, end: number): boolean {
  let sum = 0;
  for (let at = from; at < end; at += 2) sum += view.getUint16(at);
  return (sum & 0xffff) + (sum >>> 16) === 0xffff;
}

/** By its length and the next protocol. */
function isIpv6({ view, position, end }: Walk, wireEnd: number): boolean {
  if (end - position < 40) return true;
  if (view.getUint16(position + 4) + 40 > wireEnd - position) return false;
  switch (view.getUint8(position + 6)) {
    case 0: case 4: case 6: case 17: case 41: case 43: case 44: case 47: case 50: case 51: case 58: case 59: case 60: case 89: case 103: case 112: case 132: case 135:
      return true;
    default:
      return false;
  }
}

/** Whether an Ethernet frame may start there: by a type that is known, and what is behind it. */
function isFrame({ view, end }: Walk, start: number, wireEnd: number): boolean {
  if (end - start < ETHERNET_BYTES + 2) return false;
  const type = view.getUint16(start + 12);
  const next = view.getUint16(start + ETHERNET_BYTES);
  switch (type) {
    case 0x0800:
      return next >>> 12 === 4;
    case 0x86dd:
      return next >>> 12 === 6;
    case 0x0806: // ARP
      return next === 1;
    case 0x8100: // VLAN tags
    case 0x88a8:
    case 0x9100:
    case 0x8847: // labels
    case 0x8848:
    case 0x8864: // PPPoE
    case 0x88e5: // MACsec
      return true;
    default:
      // LLC of spanning trees, SNAP and IS-IS.
      return isWithoutIp(type) || (type <= wireEnd - start - ETHERNET_BYTES && type <= 1500 && (next === 0x4242 || next === 0xaaaa || next === 0xfefe));
  }
}
