/** The key of any packet, by which rules are found: the flow by which a load balancer splits, with its addresses. The native code has the most frequent cases (src/rules/native/packet_key.h). */
import { FRAGMENT_LATER, FRAGMENT_NONE } from '../flow/flow-fields';
import { hasPorts, readIpv4, readIpv6 } from '../flow/headers';
import { LINK_TYPE_ETHERNET } from '../flow/link-types';
import { MAXIMUM_IP_HEADERS, enterInner } from '../flow/parse';
import { enterLink, toNetwork } from '../flow/link-layer';
import { Header, Walk, type Layer } from '../flow/walk';
import type { PacketMemory } from '../model/packet-batch';
import { KEY_DESTINATION, KEY_FLAGS, KEY_MACS, KEY_META, KEY_PORTS, KEY_SOURCE, KEY_WORDS, META_MACS, META_PORTS, META_PROTOCOL, META_PROTOCOL_SHIFT } from './layout';
import { PROTOCOL_TCP } from './rule';

/** Used again for each packet. */
const walk = new Walk();

/** Where the headers of a packet's key begin; -1 where there is none. */
export interface KeyPlaces {
  hardware: number;
  network: number;
  transport: number;
}

/** Fills `keys` from `at` on with the key of the packet in the `length` bytes at `offset`; no byte behind them is read. Returns one of the FRAGMENT_ constants. */
export function readPacketKey(
  memory: PacketMemory, offset: number, length: number, linkType: number, inner: boolean, keys: Uint32Array, at: number, places?: KeyPlaces,
): number {
  walk.begin(memory.view, offset, length);
  for (let word = 0; word < KEY_WORDS; word++) keys[at + word] = 0;
  let layer = enterLink(walk, linkType);
  let hardware = walk.hardware < 0 && linkType === LINK_TYPE_ETHERNET && length >= 12 ? offset : walk.hardware;
  let fragment: number = FRAGMENT_NONE;
  if (places) places.network = places.transport = -1;
  for (let headers = 1; readIp(layer); headers++) {
    if (walk.fragment !== FRAGMENT_NONE) {
      // A fragment in a fragment: the outer datagram has to stay together first.
      if (fragment !== FRAGMENT_NONE) break;
      fragment = walk.fragment;
    }
    writeIp(layer, keys, at);
    if (places) {
      places.network = walk.network;
      places.transport = walk.protocol >= 0 && walk.fragment !== FRAGMENT_LATER ? walk.position : -1;
    }
    if (walk.fragment === FRAGMENT_LATER || headers === MAXIMUM_IP_HEADERS) break;
    const next = enterInner(walk, layer, 4, inner);
    if (next === Header.None) break;
    walk.hardware = -1;
    layer = toNetwork(walk, next);
    if (walk.hardware >= 0) hardware = walk.hardware;
  }
  if (places) places.hardware = hardware;
  if (hardware >= 0) {
    keys[at + KEY_META] |= META_MACS;
    for (let word = 0; word < 3; word++) keys[at + KEY_MACS + word] = memory.view.getUint32(hardware + 4 * word);
  }
  return fragment;
}

function readIp(layer: Layer): boolean {
  if (layer === Header.Ipv4) return readIpv4(walk);
  return layer === Header.Ipv6 && readIpv6(walk);
}

function writeIp(layer: Layer, keys: Uint32Array, at: number): void {
  const { view, network, protocol, position } = walk;
  const version = layer === Header.Ipv4 ? 4 : 6;
  const words = version === 4 ? 1 : 4;
  for (let word = 0; word < 4; word++) {
    keys[at + KEY_SOURCE + word] = word < words ? view.getUint32(network + (version === 4 ? 12 : 8) + 4 * word) : 0;
    keys[at + KEY_DESTINATION + word] = word < words ? view.getUint32(network + (version === 4 ? 16 : 24) + 4 * word) : 0;
  }
  let meta = version | (protocol < 0 ? 0 : META_PROTOCOL | (protocol << META_PROTOCOL_SHIFT));
  const begins = walk.fragment !== FRAGMENT_LATER && protocol >= 0;
  const ports = begins && hasPorts(protocol) && walk.end - position >= 4;
  if (ports) meta |= META_PORTS;
  keys[at + KEY_PORTS] = ports ? view.getUint32(position) : 0;
  keys[at + KEY_FLAGS] = begins && protocol === PROTOCOL_TCP && walk.end - position >= 14 ? view.getUint8(position + 13) : 0;
  keys[at + KEY_META] = meta;
}

