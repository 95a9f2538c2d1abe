/**
 * The flow of any packet: the definition of what the flow columns of a packet batch hold, and of
 * what a load balancer makes its hash from (toeplitz.ts). No byte behind the packet's captured
 * length is ever read, and any bytes at all give an answer.
 */
import type { PacketMemory } from '../core/packet-batch';
import {
  FLOW_NONE, FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS, FRAGMENT_LATER, FRAGMENT_NONE, type FlowFields,
} from './flow-fields';
import { readIpv4, readIpv6, setFragmentKey } from './ip';
import { ethernetFlow } from './ethernet-flow';
import { enterLink, toNetwork } from './layers';
import { LINK_TYPE_ETHERNET } from './link-types';
import { commonFlow } from './plain-flow';
import { CONSTANT_PORTS } from './toeplitz';
import { enterGre, enterPim, enterUdp, mayEncapsulate } from './tunnels';
import { LAYER_IPV4, LAYER_IPV6, LAYER_UNKNOWN, read32, Walk, type Header, type Layer } from './walk';

/** How many IP headers one inside another are looked at; what is deeper counts as the last one's payload. */
export const MAXIMUM_IP_HEADERS = 8;

/** Which parts of a packet make a flow: its addresses, or its addresses and ports. */
export type FlowTuple = 2 | 4;

const PROTOCOL_IPV4 = 4;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const PROTOCOL_IPV6 = 41;
const PROTOCOL_GRE = 47;
const PROTOCOL_PIM = 103;

// Copies of what is looked at for each packet: V8 loads imported constants again each time (3 ns).
const otherFlow = ethernetFlow;
const ETHERNET = LINK_TYPE_ETHERNET;
const NO_FRAGMENT = FRAGMENT_NONE;
const NO_PORTS = CONSTANT_PORTS | 0;

/** Used again for each packet: nothing is allocated while packets pass. */
const walk = new Walk();

/**
 * Fills `flow` for the packet in the `length` bytes at `offset` of `memory`. True for the most common packets (see `commonFlow`).
 *
 * `tuple` decides where IP in IP (IPv4 in IPv4) is looked into: by 4 always, by 2 only if `inner`.
 * `inner` takes the innermost flow of every known tunnel, and the outer one where that can't be
 * read. `ports` is filled for either tuple; the split by addresses does not use it.
 */
export function parseFlow(
  memory: PacketMemory, offset: number, length: number, linkType: number, tuple: FlowTuple, inner: boolean, flow: FlowFields,
): boolean {
  flow.fragment = NO_FRAGMENT;
  flow.unknownProtocol = false;
  if (linkType === ETHERNET) {
    if (commonFlow(memory, offset, length, flow) && !(inner && mayEncapsulate(flow.signedPorts))) return true;
    if (otherFlow(memory, offset, length, tuple, inner, flow)) return false;
  }
  walkFlow(memory.bytes, offset, length, linkType, tuple, inner, flow);
  return false;
}

function walkFlow(
  bytes: Uint8Array, offset: number, length: number, linkType: number, tuple: FlowTuple, inner: boolean, flow: FlowFields,
): void {
  walk.bytes = bytes;
  walk.position = offset;
  walk.end = offset + length;
  walk.hardware = -1;
  flow.kind = FLOW_NONE;
  flow.addresses = 0;
  flow.signedPorts = NO_PORTS;
  if (linkType === ETHERNET && length >= 12) setHardwareFlow(offset, flow);
  let layer = enterLink(walk, linkType);
  for (let headers = 0; headers < MAXIMUM_IP_HEADERS; headers++) {
    if (layer === LAYER_UNKNOWN) {
      // A frame without IP in an Ethernet tunnel counts as it would outside of it.
      if (walk.hardware > offset) setHardwareFlow(walk.hardware, flow);
      flow.unknownProtocol = walk.unknown && walk.hardware >= 0;
      return;
    }
    walk.hardware = -1;
    if (!(layer === LAYER_IPV4 ? readIpv4(walk) : readIpv6(walk))) return;
    if (walk.fragment !== FRAGMENT_NONE) {
      // A fragment in a fragment: the outer datagram has to stay together first.
      if (flow.fragment !== FRAGMENT_NONE) return;
      flow.fragment = walk.fragment;
      flow.fragmentNeedsFirst = needsFirst(layer, tuple, inner);
      setFragmentKey(walk, layer, flow);
    }
    setIpFlow(flow);
    if (walk.fragment === FRAGMENT_LATER) return;
    layer = toNetwork(walk, enterInner(layer, tuple, inner));
  }
}

/** Bytes 2 to 5 of destination and source address, taken as 16-bit words from the last byte to the first. */
function setHardwareFlow(start: number, flow: FlowFields): void {
  const folded = read32(walk.bytes, start + 2) ^ read32(walk.bytes, start + 8);
  const word = folded ^ (folded >>> 16);
  flow.kind = FLOW_WITHOUT_PORTS;
  flow.addresses = ((word >>> 8) & 0xff) | ((word & 0xff) << 8);
  flow.signedPorts = NO_PORTS;
}

/** The flow by the IP header that was read last; the walk stands behind it. */
function setIpFlow(flow: FlowFields): void {
  const hasPorts = (walk.protocol === PROTOCOL_TCP || walk.protocol === PROTOCOL_UDP)
    && walk.fragment !== FRAGMENT_LATER && walk.end - walk.position >= 4;
  flow.kind = hasPorts ? FLOW_WITH_PORTS : FLOW_WITHOUT_PORTS;
  flow.addresses = walk.addresses;
  flow.signedPorts = hasPorts ? read32(walk.bytes, walk.position) : NO_PORTS;
}

/** Into what the last IP header carries, if that is to be looked into and is a tunnel. */
function enterInner(layer: Layer, tuple: FlowTuple, inner: boolean): Header {
  if (walk.protocol === PROTOCOL_IPV4) {
    return inner || (tuple === 4 && layer === LAYER_IPV4) ? LAYER_IPV4 : LAYER_UNKNOWN;
  }
  if (!inner) return LAYER_UNKNOWN;
  switch (walk.protocol) {
    case PROTOCOL_IPV6:
      return LAYER_IPV6;
    case PROTOCOL_GRE:
      return enterGre(walk);
    case PROTOCOL_PIM:
      return enterPim(walk);
    case PROTOCOL_UDP:
      return enterUdp(walk);
    default:
      return LAYER_UNKNOWN;
  }
}

/** Whether fragments of this datagram could hash differently by themselves. */
function needsFirst(layer: Layer, tuple: FlowTuple, inner: boolean): boolean {
  if (tuple === 2 && !inner) return false;
  // Only the first fragment of an IPv6 datagram says which protocol it carries.
  if (layer === LAYER_IPV6) return true;
  switch (walk.protocol) {
    case PROTOCOL_TCP:
      return tuple === 4;
    case PROTOCOL_IPV4:
    case PROTOCOL_UDP:
      return true;
    case PROTOCOL_IPV6:
    case PROTOCOL_GRE:
    case PROTOCOL_PIM:
      return inner;
    default:
      return false;
  }
}
