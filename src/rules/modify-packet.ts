/** What a MODIFY rule does to a packet: addresses, ports and hardware addresses are rewritten where they are, and checksums corrected by the difference (RFC 1624). */
import { checksumOf } from '../flow/checksums';
import type { PacketMemory } from '../model/packet-batch';
import {
  ACTION_KEY, ACTION_PARTS, KEY_DESTINATION, KEY_MACS, KEY_PORTS, KEY_SOURCE, META_PORTS, PART_DESTINATION, PART_DESTINATION_MAC, PART_DESTINATION_PORT, PART_SOURCE, PART_SOURCE_MAC,
  PART_SOURCE_PORT,
} from './layout';
import type { KeyPlaces } from './packet-key';
import { PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from './rule';

const NO_CHECKSUM = -1;

/** Of a packet: its memory, where it ends, and the META word of its key. */
export interface ModifiedPacket {
  memory: PacketMemory;
  end: number;
  meta: number;
}

/** `actions` from `action` on say what to write. Nothing from `end` on is read or written. */
export function modifyPacket({ memory: { view }, end, meta }: ModifiedPacket, places: KeyPlaces, actions: Int32Array, action: number): void {
  const parts = actions[action + ACTION_PARTS];
  const values = action + ACTION_KEY - KEY_SOURCE;
  const { hardware, network, transport } = places;
  if (hardware >= 0) modifyHardware(view, hardware, parts, actions, values + KEY_MACS);
  if (network < 0) return;
  const version = meta & 15;
  // What the checksums of the transport header change by; and that of an IPv4 header.
  let delta = 0;
  if (((parts >>> 8) & 15) === version) {
    const words = version === 4 ? 1 : 4;
    if (parts & PART_SOURCE) delta += writeWords(view, network + (version === 4 ? 12 : 8), words, actions, values + KEY_SOURCE);
    if (parts & PART_DESTINATION) delta += writeWords(view, network + (version === 4 ? 16 : 24), words, actions, values + KEY_DESTINATION);
  }
  if (version === 4 && delta !== 0) correct(view, network + 10, delta, false);
  const protocol = (meta >>> 8) & 0xff;
  if (transport < 0) return;
  if ((meta & META_PORTS) !== 0) {
    const ports = actions[values + KEY_PORTS];
    if (parts & PART_SOURCE_PORT) delta += writeHalf(view, transport, ports >>> 16);
    if (parts & PART_DESTINATION_PORT) delta += writeHalf(view, transport + 2, ports & 0xffff);
  }
  const at = checksumPlace(protocol);
  if (at === NO_CHECKSUM || delta === 0 || transport + at + 2 > end) return;
  const isUdp = protocol === PROTOCOL_UDP;
  // A UDP packet without a checksum has none afterwards.
  if (isUdp && view.getUint16(transport + at) === 0) return;
  correct(view, transport + at, delta, isUdp);
}

/** Where in a transport header the checksum is that covers addresses. */
function checksumPlace(protocol: number): number {
  switch (protocol) {
    case PROTOCOL_TCP: return 16;
    case PROTOCOL_UDP: return 6;
    case PROTOCOL_ICMP6: return 2;
    default: return NO_CHECKSUM;
  }
}

function modifyHardware(view: DataView, at: number, parts: number, actions: Int32Array, values: number): void {
  if (parts & PART_DESTINATION_MAC) {
    view.setInt32(at, actions[values]);
    view.setUint16(at + 4, actions[values + 1] >>> 16);
  }
  if (parts & PART_SOURCE_MAC) {
    view.setUint16(at + 6, actions[values + 1] & 0xffff);
    view.setInt32(at + 8, actions[values + 2]);
  }
}

/** Writes words; returns what that changes a checksum by. */
function writeWords(view: DataView, at: number, count: number, actions: Int32Array, from: number): number {
  let delta = 0;
  for (let word = 0; word < count; word++) {
    const value = actions[from + word];
    delta += writeHalf(view, at + 4 * word, value >>> 16) + writeHalf(view, at + 4 * word + 2, value & 0xffff);
  }
  return delta;
}

function writeHalf(view: DataView, at: number, value: number): number {
  const delta = (~view.getUint16(at) & 0xffff) + value;
  view.setUint16(at, value);
  return delta;
}

function correct(view: DataView, at: number, delta: number, neverZero: boolean): void {
  const checksum = checksumOf((~view.getUint16(at) & 0xffff) + delta);
  view.setUint16(at, neverZero && checksum === 0 ? 0xffff : checksum);
}
