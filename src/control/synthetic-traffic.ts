/** Packets that were never on a network, for warm-up: of as many kinds as there are paths through the code. */
import type { PacketBatch } from '../core/packet-batch';
import { FLOW_NOT_COMPUTED, FLOW_WITH_PORTS } from '../core/packet-batch';

const PACKET_BYTES = 256;
const PACKET_KINDS = 64;

/** Frames of many kinds: IPv4 and IPv6, TCP, UDP and others, tags, labels, fragments, ARP, and rubbish. */
export function syntheticMemory(): ArrayBuffer {
  const buffer = new ArrayBuffer(PACKET_BYTES * PACKET_KINDS);
  const bytes = new Uint8Array(buffer);
  let random = 1;
  for (let at = 0; at < bytes.length; at++) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = random >>> 16;
  }
  const types = [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x8847, 0x8864, 0x0800, 0x86dd, 0x0800];
  for (let kind = 0; kind < PACKET_KINDS; kind++) {
    let at = kind * PACKET_BYTES + 12;
    const type = types[kind % types.length];
    bytes[at++] = type >> 8;
    bytes[at++] = type & 255;
    let inner = type;
    if (type === 0x8100 || type === 0x88a8) {
      inner = kind & 1 ? 0x0800 : 0x86dd;
      bytes[at + 2] = inner >> 8;
      bytes[at + 3] = inner & 255;
      at += 4;
    }
    if (type === 0x8847) {
      bytes[at + 2] |= 1;
      at += 4;
      inner = 0x0800;
    }
    if (inner === 0x0800) {
      bytes[at] = 0x45;
      bytes[at + 6] = kind % 7 === 0 ? 0x20 : 0;
      bytes[at + 7] = kind % 7 === 1 ? 3 : 0;
      bytes[at + 9] = [6, 17, 1, 6, 4, 47][kind % 6];
    } else if (inner === 0x86dd) {
      bytes[at] = 0x60;
      bytes[at + 6] = [6, 17, 58, 44, 0, 6][kind % 6];
    }
  }
  return buffer;
}

/** Other rows in each round. */
export function fillBatch(batch: PacketBatch, round: number): void {
  batch.count = round % 5 === 0 ? 1 + (round % batch.capacity) : batch.capacity;
  for (let row = 0; row < batch.count; row++) {
    const kind = (row * 7 + round) % PACKET_KINDS;
    batch.offset[row] = kind * PACKET_BYTES;
    batch.length[row] = row % 31 === 0 ? row % 60 : 60 + (row % 196);
    batch.wireLength[row] = batch.length[row];
    const known = round % 4 !== 3 && row % 8 !== 0;
    batch.flowWord[row] = known ? (FLOW_WITH_PORTS << 16) | ((row * 40_503) & 0xffff) : FLOW_NOT_COMPUTED;
    batch.flowAddresses[row] = (row * 40_503) & 0xffff;
    batch.flowPorts[row] = Math.imul(row + 1, 2_654_435_761) >>> 0;
  }
}
