/** Which datagram a fragment is of. */
import type { FlowFields } from './flow-fields';
import type { Walk } from './walk';

/** Seeds for hashing IPv6 addresses. */
const MIX_SOURCE = 0x9e3779b9 | 0;
const MIX_DESTINATION = 0x85ebca6b | 0;

/** Fills the fields of `flow` that say which datagram the fragment at `walk.network` is of. `version`: of IP, which is also its `Header`. */
export function setFragmentKey(walk: Walk, version: number, flow: FlowFields): void {
  const { view, network } = walk;
  const isIpv4 = version === 4;
  const source = isIpv4 ? view.getInt32(network + 12) : mixAddress(view, network + 8, MIX_SOURCE);
  const destination = isIpv4 ? view.getInt32(network + 16) : mixAddress(view, network + 24, MIX_DESTINATION);
  // The protocol is no part of an IPv6 datagram's identity.
  const identity = isIpv4 ? (walk.protocol << 16) | walk.identification : walk.identification;
  flow.fragmentSource = source;
  flow.fragmentDestination = destination;
  flow.fragmentIdentity = identity;
  flow.fragmentHash = hashOfKey(version, source, destination, identity);
}

/** Folds 32 bits into a hash of 32 bits: one-to-one in `value` for a given `hash`, by a multiplier of MurmurHash3. So small that V8 always inlines it. */
function mixInto(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0xcc9e2d51);
  return mixed ^ (mixed >>> 15);
}

/** The hash of a key. For given addresses, different identities have different hashes. */
function hashOfKey(version: number, source: number, destination: number, identity: number): number {
  const mixed = Math.imul(mixInto(mixInto(mixInto(version, source), destination), identity), 0x1b873593);
  return mixed ^ (mixed >>> 13);
}

function mixAddress(view: DataView, at: number, seed: number): number {
  const mixed = mixInto(mixInto(seed, view.getInt32(at)), view.getInt32(at + 4));
  return mixInto(mixInto(mixed, view.getInt32(at + 8)), view.getInt32(at + 12));
}

/** Whether an untagged Ethernet frame surely is a fragment behind the first, by one look: most fragments are. */
export function isLaterFragment(view: DataView, offset: number, length: number): boolean {
  if (length < 34) return false;
  const type = view.getUint16(offset + 12);
  if (type === 0x0800) return (view.getUint16(offset + 20) & 0x1fff) !== 0;
  return type === 0x86dd && length >= 62 && view.getUint8(offset + 20) === 44 && view.getUint16(offset + 56) >>> 3 !== 0;
}
