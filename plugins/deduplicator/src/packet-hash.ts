/** The hash of what two copies of a packet have in common, however they came. */
import type { PacketView, Packets } from 'packet-bricks';

const { imul } = Math;
const TAGS = [0x8100, 0x88a8, 0x9100];
const ETHERNET = 1;
const TYPE_OFFSET = 12;

export interface Ignored {
  readonly macs: boolean;
  readonly tags: boolean;
  readonly ttl: boolean;
}

/** Two hashes of 32 bits, of one packet after the other. */
export class PacketHash {
  first = 0;
  second = 0;

  constructor(private readonly packets: Pick<Packets, 'memory' | 'offset' | 'length'>, private readonly ignored: Ignored, private readonly most: number) {}

  /** Turns to a packet. */
  take(packet: PacketView): void {
    const { packets: { offset, length }, ignored, most } = this;
    const begin = offset[packet.row];
    const end = begin + length[packet.row];
    this.first = 0x2545f491;
    this.second = 0x6c8e9cf5 ^ packet.linkType;
    const { ipVersion, networkOffset } = packet;
    const network = ipVersion > 0 ? begin + networkOffset : this.behindTags(packet, begin, end);
    if (!ignored.macs) this.bytes(begin, Math.min(begin + TYPE_OFFSET, network));
    if (!ignored.tags) this.bytes(Math.min(begin + TYPE_OFFSET, network), network);
    if (ipVersion === 4) this.ipv4(network, Math.min(end, network + most));
    else if (ipVersion === 6) this.ipv6(network, Math.min(end, network + most));
    else this.bytes(network, Math.min(end, network + most));
  }

  private ipv4(network: number, end: number): void {
    const { view } = this.packets.memory;
    // Behind the packet there may be padding of the frame, which other taps take off.
    const total = view.getUint16(network + 2);
    const last = total >= 20 ? Math.min(end, network + total) : end;
    this.mix(view.getInt32(network));
    this.mix(view.getInt32(network + 4));
    // The checksum changes with the time to live.
    const word = view.getInt32(network + 8);
    this.mix(this.ignored.ttl ? (word >>> 16) & 0xff : word);
    this.bytes(network + 12, last);
  }

  private ipv6(network: number, end: number): void {
    const { view } = this.packets.memory;
    const total = view.getUint16(network + 4);
    const last = total > 0 ? Math.min(end, network + 40 + total) : end;
    this.mix(view.getInt32(network));
    const word = view.getInt32(network + 4);
    this.mix(this.ignored.ttl ? word >>> 8 : word);
    this.bytes(network + 8, last);
  }

  /** Where a frame without IP goes on behind its addresses and tags. */
  private behindTags(packet: PacketView, begin: number, end: number): number {
    if (packet.linkType !== ETHERNET) return begin;
    const { view } = this.packets.memory;
    let at = Math.min(end, begin + TYPE_OFFSET);
    while (at + 4 <= end && TAGS.includes(view.getUint16(at))) at += 4;
    return at;
  }

  private bytes(from: number, end: number): void {
    const { view, bytes } = this.packets.memory;
    let at = from;
    for (; at + 4 <= end; at += 4) this.mix(view.getInt32(at));
    for (; at < end; at++) this.mix(bytes[at] | 0x100);
  }

  private mix(word: number): void {
    const first = imul(this.first ^ word, 0x9e3779b1);
    this.first = first ^ (first >>> 15);
    const second = imul(this.second ^ word, 0x85ebca6b);
    this.second = ((second << 13) | (second >>> 19)) + 0x165667b1 | 0;
  }
}
