/** IPv4 and IPv6 headers with their extension headers and fragments. */
import { FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_NONE, type FlowFields } from './flow-fields';
import { read16, read32, type Walk } from './walk';

/**
 * Reads the IPv4 header at the walk's position into the walk and moves it to what is behind.
 * False, and nothing but the position valid, if it is no such header or was not captured whole.
 */
export function readIpv4(walk: Walk): boolean {
  const { bytes, position } = walk;
  if (walk.end - position < 20) return false;
  const first = bytes[position];
  const headerLength = (first & 15) << 2;
  if (first >>> 4 !== 4 || headerLength < 20) return false;
  const fragmentField = read16(bytes, position + 6);
  walk.network = position;
  walk.protocol = bytes[position + 9];
  walk.addresses = fold(bytes, position + 12, position + 20);
  walk.fragment = fragmentKind(fragmentField & 0x1fff, (fragmentField & 0x2000) !== 0);
  walk.identification = read16(bytes, position + 4);
  walk.position = position + headerLength;
  return true;
}

/** The same for IPv6; extension headers are skipped up to the first that was not captured. */
export function readIpv6(walk: Walk): boolean {
  const { bytes, position } = walk;
  if (walk.end - position < 40 || bytes[position] >>> 4 !== 6) return false;
  walk.network = position;
  walk.addresses = fold(bytes, position + 8, position + 40);
  walk.fragment = FRAGMENT_NONE;
  walk.identification = 0;
  walk.position = position + 40;
  walk.protocol = skipExtensionHeaders(walk, bytes[position + 6]);
  return true;
}

/** The protocol behind the extension headers; -1 where that is not captured or not in this fragment. */
function skipExtensionHeaders(walk: Walk, protocol: number): number {
  const { bytes, end } = walk;
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
        walk.position = here + 8 + (bytes[here + 1] << 3);
        break;
      case 51: // authentication; its length counts 4 bytes
        if (end - here < 8) return -1;
        walk.position = here + 8 + (bytes[here + 1] << 2);
        break;
      case 44: {
        if (end - here < 8 || walk.fragment !== FRAGMENT_NONE) return -1;
        const field = read16(bytes, here + 2);
        // Neither an offset nor more fragments: an atomic fragment, which is none.
        walk.fragment = fragmentKind(field >>> 3, (field & 1) !== 0);
        walk.identification = read32(bytes, here + 4);
        walk.position = here + 8;
        if (walk.fragment === FRAGMENT_LATER) return -1;
        break;
      }
      default:
        return protocol;
    }
    protocol = bytes[here];
  }
}

function fragmentKind(fragmentOffset: number, more: boolean): number {
  if (fragmentOffset !== 0) return FRAGMENT_LATER;
  return more ? FRAGMENT_FIRST : FRAGMENT_NONE;
}

/** The XOR of the 16-bit words from `from` up to `to`. */
function fold(bytes: Uint8Array, from: number, to: number): number {
  let high = 0;
  let low = 0;
  for (let at = from; at < to; at += 2) {
    high ^= bytes[at];
    low ^= bytes[at + 1];
  }
  return (high << 8) | low;
}

/** Fills the fields of `flow` that say which datagram the fragment at `walk.network` is of. */
export function setFragmentKey(walk: Walk, version: number, flow: FlowFields): void {
  const { bytes, network } = walk;
  let source: number;
  let destination: number;
  let identity: number;
  if (version === 4) {
    source = readLittle32(bytes, network + 12);
    destination = readLittle32(bytes, network + 16);
    identity = (walk.protocol << 16) | walk.identification;
  } else {
    // The protocol is no part of an IPv6 datagram's identity.
    source = mixAddress(bytes, network + 8, MIX_SOURCE);
    destination = mixAddress(bytes, network + 24, MIX_DESTINATION);
    identity = walk.identification;
  }
  flow.fragmentSource = source;
  flow.fragmentDestination = destination;
  flow.fragmentIdentity = identity;
  flow.fragmentHash = hashOfKey(version, source, destination, identity);
}

/** What the hashes of IPv6 addresses begin with. */
export const MIX_SOURCE = 0x9e3779b9 | 0;
export const MIX_DESTINATION = 0x85ebca6b | 0;

/** Folds 32 bits into a hash of 32 bits; no two values give the same of one hash. So small that V8 always inlines it. */
export function mixInto(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0xcc9e2d51);
  return mixed ^ (mixed >>> 15);
}

/** The hash of a key. By one hash and the same addresses it is the same identity. */
export function hashOfKey(version: number, source: number, destination: number, identity: number): number {
  const mixed = Math.imul(mixInto(mixInto(mixInto(version, source), destination), identity), 0x1b873593);
  return mixed ^ (mixed >>> 13);
}

function mixAddress(bytes: Uint8Array, at: number, seed: number): number {
  let mixed = seed;
  for (let word = 0; word < 16; word += 4) mixed = mixInto(mixed, readLittle32(bytes, at + word));
  return mixed;
}

/** The 32 bits of a key, least significant byte first: as ethernet-flow.ts finds them in a word. */
function readLittle32(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}
