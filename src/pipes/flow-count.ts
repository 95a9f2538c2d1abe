/** Counts connections exactly, by both ends' addresses and ports and the protocol, whichever way a packet goes. */
import type { PacketBatch } from '../model/packet-batch';
import { hasPorts, readIpv4, readIpv6 } from '../flow/headers';
import { enterLink } from '../flow/link-layer';
import { Header, Walk } from '../flow/walk';

/** Beyond this many the count says "at least". */
export const FLOWS_MAXIMUM = 8_000_000;

export class FlowCount {
  private readonly flows = new Set<number>();
  private readonly walk = new Walk();

  get size(): number {
    return this.flows.size;
  }

  add(batch: PacketBatch): void {
    if (this.flows.size >= FLOWS_MAXIMUM) return;
    for (let row = 0; row < batch.count; row++) this.addPacket(batch, row);
  }

  private addPacket(batch: PacketBatch, row: number): void {
    const { walk } = this;
    const { bytes, view } = batch.memory;
    walk.begin(view, batch.offset[row], batch.length[row]);
    const layer = enterLink(walk, batch.linkType);
    if (layer === Header.None || !(layer === Header.Ipv4 ? readIpv4(walk) : readIpv6(walk))) return;
    const addressBytes = layer === Header.Ipv4 ? 4 : 16;
    const source = walk.network + (layer === Header.Ipv4 ? 12 : 8);
    // Fragments have no ports to tell them by: they count for their addresses.
    const ports = hasPorts(walk.protocol) && walk.fragment === 0 && walk.end - walk.position >= 4;
    const first = hashEnd(bytes, source, addressBytes, ports ? view.getUint16(walk.position) : 0);
    const second = hashEnd(bytes, source + addressBytes, addressBytes, ports ? view.getUint16(walk.position + 2) : 0);
    // Both ends' hashes of 53 bits, joined so that their order does not matter.
    const low = Math.imul(first.low ^ second.low, 0x9e37_79b1) ^ Math.imul(first.low & second.low, 0x85eb_ca6b) ^ walk.protocol;
    const high = Math.imul(first.high ^ second.high, 0xc2b2_ae35) ^ Math.imul(first.high & second.high, 0x27d4_eb2f);
    this.flows.add((high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0));
  }
}

interface EndHash {
  readonly low: number;
  readonly high: number;
}

function hashEnd(bytes: Uint8Array, at: number, length: number, port: number): EndHash {
  let low = port + 0x1_0000;
  let high = Math.imul(port + 1, 0x9e37_79b1);
  for (let k = 0; k < length; k++) {
    low = Math.imul(low ^ bytes[at + k], 0x0100_0193);
    high = Math.imul(high ^ bytes[at + k], 0x85eb_ca6b) + (high >>> 15);
  }
  return { low: low ^ (low >>> 15), high: high ^ (high >>> 13) };
}
