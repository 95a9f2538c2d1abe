/** What is behind a stack of MPLS labels, which do not say it themselves. */
import { ARP, BRIDGED, ETHERNET_BYTES, IPV4, IPV6, LABELS, MULTICAST_LABELS, NONE, PPPOE, TRUNCATED, isTag, type PacketWalk } from './packet-walk.js';

export const BEHIND_LABELS = ['guess', 'ip', 'ethernet', 'control-word'] as const;
export type BehindLabels = (typeof BEHIND_LABELS)[number];

const LABEL_BYTES = 4;
const CONTROL_WORD_BYTES = 4;

/** Moves behind the stack, and the control word of a pseudowire if there is one. */
export function throughLabels(walk: PacketWalk, kind: number, behind: BehindLabels): number {
  let bottom = false;
  while (!bottom) {
    if (!walk.has(LABEL_BYTES)) return TRUNCATED;
    bottom = (walk.view.getUint8(walk.at + 2) & 1) !== 0;
    walk.at += LABEL_BYTES;
  }
  if (behind === 'ip') return walk.byVersion(kind);
  if (behind === 'guess') return guess(walk, kind);
  if (behind === 'control-word') walk.at += CONTROL_WORD_BYTES;
  return walk.throughType(kind, BRIDGED);
}

function guess(walk: PacketWalk, kind: number): number {
  const { view, at } = walk;
  if (!walk.has(1)) return TRUNCATED;
  const nibble = view.getUint8(at) >>> 4;
  if (nibble === 4 || nibble === 6) {
    // A frame to an address that begins like this is one only if it is no IP packet by what else stands there.
    if (!(nibble === 4 ? isIpv4(walk) : isIpv6(walk)) && isFrame(walk, at)) walk.type = BRIDGED;
    else walk.type = nibble === 4 ? IPV4 : IPV6;
    return kind;
  }
  if (!walk.has(ETHERNET_BYTES)) return TRUNCATED;
  walk.type = BRIDGED;
  // First without a control word: a tagged frame looks as if it had one, and one behind it hardly ever as if it had none.
  if (isFrame(walk, at)) return kind;
  if (nibble !== 0 || !isFrame(walk, at + CONTROL_WORD_BYTES)) return NONE;
  walk.at = at + CONTROL_WORD_BYTES;
  return kind;
}

/** By its length, and the checksum of its header if that was captured. */
function isIpv4({ view, at, end, wireEnd }: PacketWalk): boolean {
  if (end - at < 20) return true;
  const headerLength = (view.getUint8(at) & 15) << 2;
  if (headerLength < 20 || view.getUint16(at + 2) > wireEnd - at) return false;
  if (end - at < headerLength) return true;
  let sum = 0;
  for (let word = at; word < at + headerLength; word += 2) sum += view.getUint16(word);
  return (sum & 0xffff) + (sum >>> 16) === 0xffff;
}

/** By its length and the next protocol. */
function isIpv6({ view, at, end, wireEnd }: PacketWalk): boolean {
  if (end - at < 40) return true;
  if (view.getUint16(at + 4) + 40 > wireEnd - at) return false;
  switch (view.getUint8(at + 6)) {
    case 0: case 4: case 6: case 17: case 41: case 43: case 44: case 47: case 50: case 51: case 58: case 59: case 60: case 89: case 103: case 112: case 132: case 135:
      return true;
    default:
      return false;
  }
}

/** Whether an Ethernet frame may start there: by a type that is known, and what is behind it. */
function isFrame({ view, end, wireEnd }: PacketWalk, start: number): boolean {
  if (end - start < ETHERNET_BYTES + 2) return false;
  const type = view.getUint16(start + 12);
  const next = view.getUint16(start + ETHERNET_BYTES);
  switch (type) {
    case IPV4:
      return next >>> 12 === 4;
    case IPV6:
      return next >>> 12 === 6;
    case ARP:
      return next === 1;
    case 0x8035: // reverse ARP
    case LABELS:
    case MULTICAST_LABELS:
    case 0x8863: // PPPoE discovery
    case PPPOE:
    case 0x8809: // slow protocols
    case 0x888e: // 802.1X
    case 0x88cc: // LLDP
    case 0x88e5: // MACsec
    case 0x88f7: // precision time protocol
    case 0x8902: // connectivity fault management
    case 0x9000: // loop test
      return true;
    default:
      // LLC of spanning trees, SNAP and IS-IS.
      return isTag(type) || (type <= wireEnd - start - ETHERNET_BYTES && type <= 1500 && (next === 0x4242 || next === 0xaaaa || next === 0xfefe));
  }
}
