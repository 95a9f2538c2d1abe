/** Writes headers of frames into memory, one behind the other, with right lengths and checksums; some 50 ns a frame. */
import type { PacketMemory } from '../model/packet-batch';
import { checksumOf } from './checksums';

/** Without its checksum. */
const SHORTEST = 60;
const CUSTOMER_TAG = 0x8100;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const TCP_BYTES = 20;
const UDP_BYTES = 8;
const TCP = 6;
const UDP = 17;
const MORE_FRAGMENTS = 0x2000;

/** One frame after the other; nothing is allocated. Call what it is to have from the outside in: `begin`, `ethernet`, perhaps `tag`, `ip`, then `udp` or `tcp`, `fill`, and `end`. */
export class FrameWriter {
  /** Where the next byte goes. */
  at = 0;
  /** Traffic class and congestion bits of IP headers. */
  trafficClass = 0;
  /** Time to live, or hop limit. */
  hopLimit = 64;
  private view!: DataView;
  private bytes!: Uint8Array;
  private start = 0;
  /** What checksums of TCP and UDP are about beside their own bytes: the sum of addresses. */
  private addresses = 0;

  /** A frame begins at a place in memory. */
  begin({ view, bytes }: Pick<PacketMemory, 'view' | 'bytes'>, at: number): void {
    this.view = view;
    this.bytes = bytes;
    this.start = this.at = at;
  }

  /** Both addresses: 16 bits, then 32. What follows says what it is. */
  ethernet(sourceHigh: number, sourceLow: number, destinationHigh: number, destinationLow: number): void {
    const { view, at } = this;
    view.setUint16(at, destinationHigh);
    view.setInt32(at + 2, destinationLow);
    view.setUint16(at + 6, sourceHigh);
    view.setInt32(at + 8, sourceLow);
    this.at = at + 12;
  }

  /** A VLAN tag: priority << 13 | VLAN. */
  tag(control: number): void {
    const { view, at } = this;
    view.setUint16(at, CUSTOMER_TAG);
    view.setUint16(at + 2, control);
    this.at = at + 4;
  }

  /** An IP header with so many bytes behind it. Addresses are words of 32 bits: one of IPv4, four of IPv6. `identification` and `fragment` (see `fragmentField`) are IPv4's. */
  ip(source: ArrayLike<number>, destination: ArrayLike<number>, protocol: number, length: number, identification = 0, fragment = 0): void {
    if (source.length === 1) this.ipv4(source, destination, protocol, length, identification & 0xffff, fragment);
    else this.ipv6(source, destination, protocol, length);
  }

  private ipv4(source: ArrayLike<number>, destination: ArrayLike<number>, protocol: number, length: number, identification: number, fragment: number): void {
    const { view, trafficClass, hopLimit } = this;
    const at = this.at + 2;
    const lifeAndProtocol = (hopLimit << 8) | protocol;
    view.setUint16(at - 2, IPV4);
    view.setUint16(at, 0x4500 | trafficClass);
    view.setUint16(at + 2, IPV4_BYTES + length);
    view.setUint16(at + 4, identification);
    view.setUint16(at + 6, fragment);
    view.setUint16(at + 8, lifeAndProtocol);
    this.addresses = this.address(source, at + 12) + this.address(destination, at + 16);
    view.setUint16(at + 10, checksumOf(0x4500 + trafficClass + IPV4_BYTES + length + identification + fragment + lifeAndProtocol + this.addresses));
    this.at = at + IPV4_BYTES;
  }

  private ipv6(source: ArrayLike<number>, destination: ArrayLike<number>, protocol: number, length: number): void {
    const { view, trafficClass, hopLimit } = this;
    const at = this.at + 2;
    view.setUint16(at - 2, IPV6);
    view.setInt32(at, 0x60000000 | (trafficClass << 20));
    view.setUint16(at + 4, length);
    view.setUint16(at + 6, (protocol << 8) | hopLimit);
    this.addresses = this.address(source, at + 8) + this.address(destination, at + 24);
    this.at = at + IPV6_BYTES;
  }

  private address(words: ArrayLike<number>, at: number): number {
    let sum = 0;
    for (let index = 0; index < words.length; index++) {
      const word = words[index];
      this.view.setInt32(at + 4 * index, word);
      sum += (word >>> 16) + (word & 0xffff);
    }
    return sum;
  }

  /** UDP with so many bytes of data, of which you know the sum. */
  udp(from: number, to: number, data: number, sumOfData: number): void {
    const { view, at } = this;
    const length = UDP_BYTES + data;
    view.setUint16(at, from);
    view.setUint16(at + 2, to);
    view.setUint16(at + 4, length);
    // A sum of zero is written as its other form: zero says that there is none.
    view.setUint16(at + 6, checksumOf(this.addresses + UDP + length + from + to + length + sumOfData) || 0xffff);
    this.at = at + UDP_BYTES;
  }

  /** TCP with so many bytes of data, of which you know the sum. */
  tcp(from: number, to: number, sequence: number, acknowledgment: number, flags: number, data: number, sumOfData: number): void {
    const { view, at } = this;
    const lengthAndFlags = 0x5000 | flags;
    view.setUint16(at, from);
    view.setUint16(at + 2, to);
    view.setUint32(at + 4, sequence);
    view.setUint32(at + 8, acknowledgment);
    view.setUint16(at + 12, lengthAndFlags);
    view.setUint16(at + 14, 0xffff);
    view.setUint32(at + 16, 0);
    const numbers = (sequence >>> 16) + (sequence & 0xffff) + (acknowledgment >>> 16) + (acknowledgment & 0xffff);
    view.setUint16(at + 16, checksumOf(this.addresses + TCP + TCP_BYTES + data + from + to + numbers + lengthAndFlags + 0xffff + sumOfData));
    this.at = at + TCP_BYTES;
  }

  /** So many bytes that are all the same: `sumOfFilling` is their sum. */
  fill(length: number, byte: number): void {
    this.bytes.fill(byte, this.at, this.at + length);
    this.at += length;
  }

  /** The length of the frame; one that is too short for Ethernet gets zeros. */
  end(): number {
    const missing = SHORTEST - (this.at - this.start);
    if (missing > 0) this.fill(missing, 0);
    return this.at - this.start;
  }
}

/** What an IPv4 header says of a fragment; `offset` in bytes, a multiple of 8. */
export function fragmentField(offset: number, more: boolean): number {
  return (offset >>> 3) | (more ? MORE_FRAGMENTS : 0);
}
