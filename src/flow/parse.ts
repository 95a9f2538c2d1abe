/**
 * The flow of any packet: the definition of what the flow columns of a packet batch hold, and of
 * what a load balancer makes its hash from (hash.ts). No byte behind the packet's captured
 * length is ever read, and any bytes at all give an answer.
 */
import type { PacketMemory } from '../model/packet-batch';
import { FLOW_NONE, FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS, FRAGMENT_LATER, FRAGMENT_NONE, type FlowFields } from './flow-fields';
import { setFragmentKey } from './fragments';
import { CONSTANT_PORTS } from './hash';
import { Protocol, hasPorts, mayHoldPacket, readIpv4, readIpv6 } from './headers';
import { LINK_TYPE_ETHERNET } from './link-types';
import { enterLink, toNetwork } from './link-layer';
import { enterGre, enterPim, enterUdp } from './tunnels';
import { Header, Walk, type Layer } from './walk';

/** How many IP headers one inside another are looked at; what is deeper counts as the last one's payload. */
export const MAXIMUM_IP_HEADERS = 8;

/** Which parts of a packet make a flow: its addresses, or its addresses and ports. */
export type FlowTuple = 2 | 4;

/** Signed, as all that a FlowFields holds. */
const NO_PORTS = CONSTANT_PORTS | 0;

/** Used again for each packet: nothing is allocated while packets pass. */
const walk = new Walk();

/**
 * Fills `flow` for the packet in the `length` bytes at `offset` of `memory`.
 *
 * `tuple` decides where IP in IP (IPv4 in IPv4) is looked into: by 4 always, by 2 only if `inner`.
 * `inner` takes the innermost flow of every known tunnel, and the outer one where that can't be
 * read. `ports` is filled for either tuple; the split by addresses does not use it.
 */
export function parseFlow(
  memory: PacketMemory, offset: number, length: number, linkType: number, tuple: FlowTuple, inner: boolean, flow: FlowFields,
): void {
  walk.begin(memory.view, offset, length);
  flow.fragment = FRAGMENT_NONE;
  let layer = enterLink(walk, linkType);
  if (!readIp(layer)) {
    const hasAddresses = walk.hardware < 0 && linkType === LINK_TYPE_ETHERNET && length >= 12;
    setHardwareFlow(hasAddresses ? offset : walk.hardware, flow);
    return;
  }
  for (let headers = 1; ; headers++) {
    if (walk.fragment !== FRAGMENT_NONE) {
      // A fragment in a fragment: the outer datagram has to stay together first.
      if (flow.fragment !== FRAGMENT_NONE) return;
      flow.fragment = walk.fragment;
      flow.fragmentNeedsFirst = needsFirst(layer, tuple, inner);
      setFragmentKey(walk, layer, flow);
    }
    setIpFlow(flow);
    if (walk.fragment === FRAGMENT_LATER || headers === MAXIMUM_IP_HEADERS) return;
    const next = enterInner(walk, layer, tuple, inner);
    if (next === Header.None) return;
    walk.hardware = -1;
    layer = toNetwork(walk, next);
    if (readIp(layer)) continue;
    // A frame without IP in an Ethernet tunnel counts as it would outside of it.
    if (layer === Header.None && walk.hardware >= 0) setHardwareFlow(walk.hardware, flow);
    return;
  }
}

function readIp(layer: Layer): boolean {
  if (layer === Header.Ipv4) return readIpv4(walk);
  return layer === Header.Ipv6 && readIpv6(walk);
}

/** Bytes 2 to 5 of destination and source address, taken as 16-bit words from the last byte to the first. No frame: no flow. */
function setHardwareFlow(start: number, flow: FlowFields): void {
  const { view } = walk;
  const folded = start < 0 ? 0 : view.getInt32(start + 2, true) ^ view.getInt32(start + 8, true);
  flow.kind = start < 0 ? FLOW_NONE : FLOW_WITHOUT_PORTS;
  flow.protocol = -1;
  flow.addresses = (folded ^ (folded >>> 16)) & 0xffff;
  flow.signedPorts = NO_PORTS;
  flow.unknownProtocol = start >= 0 && walk.unknownProtocol;
}

/** The flow by the IP header that was read last; the walk stands behind it. */
function setIpFlow(flow: FlowFields): void {
  const withPorts = hasPorts(walk.protocol) && walk.fragment !== FRAGMENT_LATER && walk.end - walk.position >= 4;
  flow.kind = withPorts ? FLOW_WITH_PORTS : FLOW_WITHOUT_PORTS;
  flow.protocol = walk.protocol;
  flow.addresses = walk.addresses;
  flow.signedPorts = withPorts ? walk.view.getInt32(walk.position) : NO_PORTS;
  flow.unknownProtocol = false;
}

/** Moves a walk into what its last IP header carries, if that is to be looked into and is a tunnel. */
export function enterInner(walk: Walk, layer: Layer, tuple: FlowTuple, inner: boolean): Header {
  if (!inner) return walk.protocol === Protocol.Ipv4 && tuple === 4 && layer === Header.Ipv4 ? Header.Ipv4 : Header.None;
  switch (walk.protocol) {
    case Protocol.Ipv4:
      return Header.Ipv4;
    case Protocol.Ipv6:
      return Header.Ipv6;
    case Protocol.Gre:
      return enterGre(walk);
    case Protocol.Pim:
      return enterPim(walk);
    case Protocol.Udp:
      return enterUdp(walk);
    default:
      return Header.None;
  }
}

/** Whether fragments of this datagram could hash differently by themselves. */
function needsFirst(layer: Layer, tuple: FlowTuple, inner: boolean): boolean {
  if (tuple === 2 && !inner) return false;
  // Only the first fragment of an IPv6 datagram says which protocol it carries.
  if (layer === Header.Ipv6) return true;
  switch (walk.protocol) {
    case Protocol.Tcp:
      return tuple === 4;
    case Protocol.Ipv4:
    case Protocol.Udp:
      return true;
    default:
      return inner && mayHoldPacket(walk.protocol);
  }
}
