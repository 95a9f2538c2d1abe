/** Packets that were never on a network, for warm-up: of as many kinds as there are paths through the code. */
import type { PacketBatch } from '../model/packet-batch';
import { FLOW_NOT_COMPUTED, FLOW_WITH_PORTS } from '../model/packet-batch';

const PACKET_BYTES = 256;
/**
 * What is rare or broken, from byte 12 on: each way through src/flow/link-layer.ts and headers.ts. Code that V8 has not seen run is thrown away, and
 * all that was compiled around it, when its first packet comes.
 */
const RARE_FRAMES = [
  // IPv4 and IPv6 that are none, by version or length.
  '0800 5500', '0800 4400', '86dd 4500',
  // Whole IPv4 with options, and without ports.
  '0800 4700 0040 0001 0000 4006', '0800 4500 0040 0001 0000 4001',
  // A length instead of a type: LLC, and SNAP with IPv4, IPv6 and ARP.
  '0040 4242 0300', '0040 aaaa 0300 0000 0800 4500 0040 0001 0000 4011', '0040 aaaa 0300 0000 86dd 6000 0000 0040 3a40', '0040 aaaa 0300 0000 0806',
  // Three tags, and more than there is room for.
  '8100 0001 88a8 0002 9100 0003 0800 4500 0040 0001 0000 4006', '8100 0001 '.repeat(40),
  // Labels: with IPv4, IPv6, something else, an Ethernet frame, and without an end.
  '8847 0001 0040 0001 0140 4500 0040 0001 0000 4011', '8848 0001 0140 6000 0000 0040 0640', '8847 0001 0140 5000', '8847 0001 0140 0000 0000', `8847 ${'0001 0040 '.repeat(60)}`,
  // PPPoE: IPv4, IPv6, its own control, another code.
  '8864 1100 0001 0040 0021 4500 0040 0001 0000 4006', '8864 1100 0001 0040 0057 6000 0000 0040 1140', '8864 1100 0001 0040 c021', '8864 1109 0001 0000',
  // Tags that are no VLAN's, frames around frames, network service headers, and types that nobody reads.
  '8926 0001 0002 0800 4500 0040 0001 0000 4006', '893f 2003 0123 0000 8100 0001 0800 4500 0040 0001 0000 4011', '892f 1040 004d 86dd 6000 0000 0040 0640', '8909 0101 0001 0258 0800 4500 0040 0001 0000 4006',
  `8903 0060 ${'02be ef00 0001 '.repeat(2)} 0800 4500 0040 0001 0000 4006`, `88e7 0012 3456 ${'02be ef00 0001 '.repeat(2)} 86dd 6000 0000 0040 1140`, `22f3 0014 0101 0202 ${'02be ef00 0001 '.repeat(2)} 0806`,
  '894f 0fc6 0101 0000 05ff 0000 0000 0000 0000 0000 0000 0000 0000 4500 0040 0001 0000 4006', `894f 0fc2 0203 0000 05ff ${'02be ef00 0001 '.repeat(2)} 0800 4500 0040 0001 0000 4011`, '894f 0fc2 0277 0000 05ff',
  '88b5 0102 0304', '88cc 0207 0400', '8100 0001 0040 aaaa 0300 0000 0800 4500 0040 0001 0000 4006',
  // Extension headers: one and another, authentication, a fragment that is whole, two of them, and more than there is room for.
  `86dd 6000 0000 0040 0040 ${'0000 '.repeat(16)} 3c00 0000 0000 0000 1100 0000 0000 0000`,
  `86dd 6000 0000 0040 3340 ${'0000 '.repeat(16)} 0604 0000 0000 0000`,
  `86dd 6000 0000 0040 2c40 ${'0000 '.repeat(16)} 1100 0000 0000 0001`,
  `86dd 6000 0000 0040 2c40 ${'0000 '.repeat(16)} 2c00 0001 0000 0001 0600 0001 0000 0002`,
  `86dd 6000 0000 0040 0040 ${'0000 '.repeat(16)} ${'00ff 0000 0000 0000'}`,
];
/** Single packets, and behind them fragments of datagrams: three of each. */
const USUAL_PACKETS = 65;
const SINGLE_PACKETS = USUAL_PACKETS + RARE_FRAMES.length;
const DATAGRAMS = 16;
const FRAGMENTS = 3 * DATAGRAMS;
const PACKET_KINDS = SINGLE_PACKETS + FRAGMENTS;
const SMALL_BATCH = 48;
const TYPES = [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x8847, 0x8864, 0x0800, 0x86dd, 0x0800];

/** Frames of many kinds: IPv4 and IPv6, TCP, UDP and others, tags, labels, fragments, ARP, and garbage. */
export function syntheticMemory(): ArrayBuffer {
  const buffer = new ArrayBuffer(PACKET_BYTES * PACKET_KINDS);
  const bytes = new Uint8Array(buffer);
  let random = 1;
  for (let at = 0; at < bytes.length; at++) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = random >>> 16;
  }
  for (let kind = 0; kind < USUAL_PACKETS; kind++) writeSingle(bytes, kind);
  RARE_FRAMES.forEach((frame, index) => bytes.set(Buffer.from(frame.replaceAll(' ', ''), 'hex'), (USUAL_PACKETS + index) * PACKET_BYTES + 12));
  for (let number = 0; number < FRAGMENTS; number++) writeFragment(bytes, number);
  return buffer;
}

function writeType(bytes: Uint8Array, at: number, type: number): void {
  bytes[at] = type >> 8;
  bytes[at + 1] = type & 255;
}

function writeSingle(bytes: Uint8Array, kind: number): void {
  let at = kind * PACKET_BYTES + 12;
  const type = TYPES[kind % TYPES.length];
  writeType(bytes, at, type);
  at += 2;
  let inner = type;
  if (type === 0x8100 || type === 0x88a8) {
    inner = kind & 1 ? 0x0800 : 0x86dd;
    writeType(bytes, at + 2, inner);
    at += 4;
  }
  if (type === 0x8847) {
    bytes[at + 2] |= 1;
    at += 4;
    inner = 0x0800;
  }
  if (inner === 0x0800) {
    bytes[at] = 0x45;
    bytes[at + 6] = 0;
    bytes[at + 7] = 0;
    bytes[at + 9] = [6, 17, 1, 6, 4, 47][kind % 6];
  } else if (inner === 0x86dd) {
    bytes[at] = 0x60;
    bytes[at + 6] = [6, 17, 58, 44, 0, 6][kind % 6];
  }
}

/** The first fragment of a datagram and two later ones; of some datagrams, the first never comes. */
function writeFragment(bytes: Uint8Array, number: number): void {
  const datagram = Math.trunc(number / 3);
  const first = number % 3 === 0 && datagram % 4 !== 3;
  const start = (SINGLE_PACKETS + number) * PACKET_BYTES;
  const like = (SINGLE_PACKETS + 3 * datagram) * PACKET_BYTES;
  bytes.copyWithin(start, like, like + PACKET_BYTES);
  const at = start + 14;
  const protocol = [17, 6, 1, 4, 47][(datagram >> 1) % 5];
  if (datagram & 1) {
    writeType(bytes, start + 12, 0x86dd);
    bytes[at] = 0x60;
    bytes[at + 6] = 44;
    bytes[at + 40] = protocol;
    writeType(bytes, at + 42, first ? 1 : 64);
  } else {
    writeType(bytes, start + 12, 0x0800);
    bytes[at] = 0x45;
    writeType(bytes, at + 6, first ? 0x2000 : 8);
    bytes[at + 9] = protocol;
  }
}

/** The fragments are of other datagrams every few rounds. */
function renewDatagrams(bytes: Uint8Array, round: number): void {
  for (let number = 0; number < FRAGMENTS; number++) {
    const at = (SINGLE_PACKETS + number) * PACKET_BYTES + 14;
    const identification = (round >> (number % 2)) & 0xffff;
    writeType(bytes, Math.trunc(number / 3) & 1 ? at + 46 : at + 4, identification);
  }
}

/** Other rows in each round. */
export function fillBatch(batch: PacketBatch, round: number): void {
  if (round % 3 === 0) renewDatagrams(batch.memory.bytes, round);
  // Now and then a batch of one kind, as most are: fragments, plain packets, or such as have no flow.
  const single = round % 8 === 5 ? 1 + (round % PACKET_KINDS) : 0;
  // Mostly small: what is called once a batch gets warm as soon as what is called for each packet.
  const most = round % 32 === 0 ? batch.capacity : Math.min(SMALL_BATCH, batch.capacity);
  batch.count = round % 5 === 0 ? 1 + (round % most) : most;
  for (let row = 0; row < batch.count; row++) {
    const kind = single > 0 ? single - 1 : (row * 7 + round) % PACKET_KINDS;
    batch.offset[row] = kind * PACKET_BYTES;
    batch.length[row] = row % 31 === 0 ? (row + round) % 60 : 60 + (row % 196);
    batch.wireLength[row] = batch.length[row];
    const known = round % 4 !== 3 && row % 8 !== 0 && kind < SINGLE_PACKETS;
    batch.flowWord[row] = known || round % 16 === 1 ? (FLOW_WITH_PORTS << 16) | ((row * 40_503) & 0xffff) : FLOW_NOT_COMPUTED;
    batch.flowAddresses[row] = (row * 40_503) & 0xffff;
    batch.flowPorts[row] = Math.imul(row + 1, 2_654_435_761) >>> 0;
  }
}
