/**
 * The flow of Ethernet frames that plain-flow.ts leaves: fragments, extension headers, ARP and all that is no IP, any number of tags,
 * labels, PPPoE, SNAP, and what is cut off or broken. 32 bits at a time, as a little-endian machine reads them, at addresses that are
 * multiples of 4. It answers what flow.ts answers, and leaves tunnels to it.
 *
 * In all of these an IP header begins in the upper half of a 32-bit word, `at`; `left` is how many bytes were captured from there on.
 *
 * A load balancer with all in the cache takes 20 ns a packet for ARP, 45 to 55 with extension headers, 50 to 65 for fragments (their table
 * included); the walk byte by byte made that 54, 141 and 160 to 200.
 */
import type { PacketMemory } from '../core/packet-batch';
import {
  FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS, FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_NONE, type FlowFields,
} from './flow-fields';
import { hashOfKey, mixInto, MIX_DESTINATION, MIX_SOURCE } from './ip';
import { LITTLE_ENDIAN } from './plain-flow';
import { CONSTANT_PORTS } from './toeplitz';
import { mayEncapsulate } from './tunnels';

// V8 takes a module's own constants for constants, but loads imported ones again for each packet.
const mix = mixInto;
const keyHash = hashOfKey;
const encapsulates = mayEncapsulate;
const littleEndian = LITTLE_ENDIAN;
const WITHOUT_PORTS = FLOW_WITHOUT_PORTS;
const WITH_PORTS = FLOW_WITH_PORTS;
const WHOLE = FRAGMENT_NONE;
const FIRST = FRAGMENT_FIRST;
const LATER = FRAGMENT_LATER;
const NO_PORTS = CONSTANT_PORTS | 0;
const SOURCE_SEED = MIX_SOURCE;
const DESTINATION_SEED = MIX_DESTINATION;

/** A frame shorter than that has no IP header. */
const SHORTEST_IP = 34;
/** Above, the field is a type; below, a length. */
const LONGEST_LENGTH = 1500;

/** TCP or UDP, in one step: no processor can guess which of the two comes. -1 is neither. */
function mayHavePorts(protocol: number): boolean {
  return ((0x20040 >>> (protocol & 31)) & 1 & ((protocol - 32) >>> 31) & ~(protocol >>> 31)) !== 0;
}

function swap(halfword: number): number {
  return ((halfword << 8) | (halfword >>> 8)) & 0xffff;
}

/** What a header gave. */
type Found = 0 | 1 | 2;
const FLOW: Found = 0;
const NO_IP: Found = 1;
const ELSEWHERE: Found = 2;

/**
 * Fills `flow` as `parseFlow` does, its `fragment` being FRAGMENT_NONE before. False where flow.ts has to do it: tunnels, PPP with a
 * compressed protocol, frames in labels, tags that are no VLAN's, types that are not known here, frames too short for IP.
 */
export function ethernetFlow(memory: PacketMemory, offset: number, length: number, tuple: number, inner: boolean, flow: FlowFields): boolean {
  if (!littleEndian || (offset & 3) !== 0 || length < SHORTEST_IP) return false;
  const found = ipFlow(memory, (offset >>> 2) + 3, length - 14, tuple, inner, flow);
  if (found === NO_IP) hardwareFlow(memory.words, offset >>> 2, flow);
  return found !== ELSEWHERE;
}

/** Whether an untagged Ethernet frame at word `start` surely is no first fragment, by one look: a later one, as most are. */
export function isLaterFragment(words: Uint32Array, start: number, length: number): boolean {
  if (!littleEndian || length < SHORTEST_IP) return false;
  const type = words[start + 3] & 0xffff;
  if (type === 0x0008) return (words[start + 5] & 0xff1f) !== 0;
  return type === 0xdd86 && length >= 62 && (words[start + 5] & 0xff) === 44 && (words[start + 14] & 0xf8ff) !== 0;
}

/** By bytes 2 to 5 of both hardware addresses. */
function hardwareFlow(words: Uint32Array, start: number, flow: FlowFields): void {
  const middle = words[start + 1];
  const last = words[start + 2];
  flow.kind = WITHOUT_PORTS;
  flow.addresses = ((words[start] >>> 16) ^ middle ^ last ^ (last >>> 16)) & 0xffff;
  flow.signedPorts = NO_PORTS;
}

/** From an Ethernet type in the lower half of word `start` to the IP header, and into it. */
function ipFlow(memory: PacketMemory, start: number, captured: number, tuple: number, inner: boolean, flow: FlowFields): Found {
  const { words } = memory;
  let at = start;
  let left = captured;
  let type = words[at] & 0xffff;
  if (swap(type) <= LONGEST_LENGTH) {
    // LLC and SNAP carry a type; other LLC is no IP.
    if (words[at] >>> 16 !== 0xaaaa || words[at + 1] !== 3) return NO_IP;
    at += 2;
    left -= 8;
    type = words[at] & 0xffff;
    if (swap(type) <= LONGEST_LENGTH) return NO_IP;
  }
  // Tags: 0x8100, 0x88a8, 0x9100 in network order.
  while (type === 0x0081 || type === 0xa888 || type === 0x0091) {
    if (left < 4) return NO_IP;
    at++;
    left -= 4;
    type = words[at] & 0xffff;
  }
  if (type === 0x6488) {
    // PPPoE, a session; then PPP.
    if (left < 8 || words[at] >>> 16 !== 0x0011) return NO_IP;
    at += 2;
    left -= 8;
    type = words[at] & 0xffff;
    if (type !== 0x2100 && type !== 0x5700) return ELSEWHERE;
    type = type === 0x2100 ? 0x0008 : 0xdd86;
  } else if (type === 0x4788 || type === 0x4888) {
    // Labels, up to the one that is marked as the last; then the IP version tells.
    let last = 0;
    while (last === 0) {
      if (left < 8) return NO_IP;
      at++;
      left -= 4;
      last = words[at] & 1;
    }
    const version = (words[at] >>> 20) & 15;
    if (version !== 4 && version !== 6) return ELSEWHERE;
    type = version === 4 ? 0x0008 : 0xdd86;
  }
  if (type === 0x0008) return ipv4Flow(memory, at, left, tuple, inner, flow);
  if (type === 0xdd86) return ipv6Flow(memory, at, left, tuple, inner, flow);
  // ARP, or what other types announce.
  return type === 0x0608 ? NO_IP : ELSEWHERE;
}

function ipv4Flow(memory: PacketMemory, at: number, left: number, tuple: number, inner: boolean, flow: FlowFields): Found {
  const { words } = memory;
  const first = words[at] >>> 16;
  const headerLength = (first & 15) << 2;
  if (left < 20 || (first & 0xf0) !== 0x40 || headerLength < 20) return NO_IP;
  const flags = words[at + 2];
  const protocol = flags >>> 24;
  const fragment = (flags & 0xff1f) !== 0 ? LATER : (flags & 0x20) !== 0 ? FIRST : WHOLE;
  let ports = NO_PORTS;
  let kind = WITHOUT_PORTS;
  if (fragment !== LATER) {
    if (protocol === 4 && (inner || tuple === 4)) return ELSEWHERE;
    if (inner && (protocol === 41 || protocol === 47 || protocol === 103)) return ELSEWHERE;
    if (mayHavePorts(protocol) && left >= headerLength + 4) {
      ports = portsAt(memory.halfwords, (at << 1) + 1 + (headerLength >>> 1));
      if (inner && protocol === 17 && encapsulates(ports)) return ELSEWHERE;
      kind = WITH_PORTS;
    }
  }
  const middle = words[at + 4];
  const low = words[at + 3] >>> 16;
  const high = words[at + 5] & 0xffff;
  const folded = (low ^ high ^ middle ^ (middle >>> 16)) & 0xffff;
  flow.kind = kind;
  flow.addresses = swap(folded);
  flow.signedPorts = ports;
  if (fragment !== WHOLE) {
    const byAddresses = tuple === 2 && !inner;
    flow.fragment = fragment;
    flow.fragmentNeedsFirst = !byAddresses && ((protocol === 6 && tuple === 4) || protocol === 17 || protocol === 4 || (inner && (protocol === 41 || protocol === 47 || protocol === 103)));
    const identity = (protocol << 16) | swap(words[at + 1] >>> 16);
    setKey(4, low | (middle << 16), (middle >>> 16) | (high << 16), identity, flow);
  }
  return FLOW;
}

function ipv6Flow(memory: PacketMemory, at: number, left: number, tuple: number, inner: boolean, flow: FlowFields): Found {
  const { words, halfwords } = memory;
  if (left < 40 || (words[at] & 0xf00000) !== 0x600000) return NO_IP;
  let protocol = words[at + 2] & 0xff;
  let here = (at << 1) + 21;
  let rest = left - 40;
  let fragment = WHOLE;
  let identification = 0;
  // Extension headers, up to one that was not captured or what is behind the first part of a datagram: -1.
  headers: for (;;) {
    switch (protocol) {
      case 0: // hop by hop
      case 43: // routing
      case 60: // destination options
      case 135: // mobility
      case 139: // HIP
      case 140: // shim6
      case 51: { // authentication; its length counts 4 bytes
        if (rest < 8) {
          protocol = -1;
          break headers;
        }
        const next = halfwords[here];
        const size = 8 + ((next >>> 8) << (protocol === 51 ? 2 : 3));
        protocol = next & 0xff;
        here += size >>> 1;
        rest -= size;
        break;
      }
      case 44: {
        if (rest < 8 || fragment !== WHOLE) {
          protocol = -1;
          break headers;
        }
        const field = swap(halfwords[here + 1]);
        fragment = field >>> 3 !== 0 ? LATER : (field & 1) !== 0 ? FIRST : WHOLE;
        identification = (swap(halfwords[here + 2]) << 16) | swap(halfwords[here + 3]);
        protocol = fragment === LATER ? -1 : halfwords[here] & 0xff;
        here += 4;
        rest -= 8;
        break;
      }
      default:
        break headers;
    }
  }
  let ports = NO_PORTS;
  let kind = WITHOUT_PORTS;
  if (inner && (protocol === 4 || protocol === 41 || protocol === 47 || protocol === 103)) return ELSEWHERE;
  if (mayHavePorts(protocol) && rest >= 4) {
    ports = portsAt(halfwords, here);
    if (inner && protocol === 17 && encapsulates(ports)) return ELSEWHERE;
    kind = WITH_PORTS;
  }
  const end = halfwords[(at << 1) + 20];
  let folded = words[at + 3] ^ words[at + 4] ^ words[at + 5] ^ words[at + 6] ^ words[at + 7] ^ words[at + 8] ^ words[at + 9];
  folded = (folded ^ (folded >>> 16) ^ (words[at + 2] >>> 16) ^ end) & 0xffff;
  flow.kind = kind;
  flow.addresses = swap(folded);
  flow.signedPorts = ports;
  if (fragment !== WHOLE) {
    flow.fragment = fragment;
    flow.fragmentNeedsFirst = tuple === 4 || inner;
    setKey(6, mixAddress(words, at + 2, words[at + 6] & 0xffff, SOURCE_SEED), mixAddress(words, at + 6, end, DESTINATION_SEED), identification, flow);
  }
  return FLOW;
}

/** Source and destination port at a halfword, as a signed number. */
function portsAt(halfwords: Uint16Array, at: number): number {
  return (swap(halfwords[at]) << 16) | swap(halfwords[at + 1]);
}

/** As ip.ts mixes an address: it begins in the upper half of a word, and `end` is its last half. */
function mixAddress(words: Uint32Array, at: number, end: number, seed: number): number {
  let mixed = mix(seed, (words[at] >>> 16) | (words[at + 1] << 16));
  mixed = mix(mixed, (words[at + 1] >>> 16) | (words[at + 2] << 16));
  mixed = mix(mixed, (words[at + 2] >>> 16) | (words[at + 3] << 16));
  return mix(mixed, (words[at + 3] >>> 16) | (end << 16));
}

function setKey(version: number, source: number, destination: number, identity: number, flow: FlowFields): void {
  flow.fragmentSource = source;
  flow.fragmentDestination = destination;
  flow.fragmentIdentity = identity;
  flow.fragmentHash = keyHash(version, source, destination, identity);
}
