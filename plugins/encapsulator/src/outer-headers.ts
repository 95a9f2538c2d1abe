/** The headers in front of all packets to one destination: made once, but for what differs from packet to packet. */
import { FrameWriter, checksumOf, sumOfPacket, wordSum, type PacketMemory } from 'packet-bricks';
import type { AddressWords, EncapsulatorOptions, Kind } from './options.js';

const ETHERNET_BYTES = 14;
const PROTOCOL_UDP = 17;
const PROTOCOL_GRE = 47;
const UDP_BYTES = 8;
const BRIDGED = 0x6558;
/** Of the tunnel itself, behind IP and UDP. */
const TUNNEL_BYTES: Readonly<Record<Kind, number>> = { vxlan: 8, geneve: 8, gre: 8, erspan: 16, erspan3: 20, gtp: 8 };
const DEFAULT_PORTS: Partial<Readonly<Record<Kind, number>>> = { vxlan: 4789, geneve: 6081, gtp: 2152 };
/** The longest of them: ERSPAN III over IPv6. */
export const HEADERS_MAXIMUM = ETHERNET_BYTES + 40 + 20;
/** Source ports are those of no service: RFC 7348 asks for 49152 to 65535. */
const FIRST_PORT = 0xc000;
const CUSTOMER_TAG = 0x8100;
const DONT_FRAGMENT = 0x4000;
/** In the IPv4 header of a frame. */
const LENGTH_AT = ETHERNET_BYTES + 2;
const IDENTIFICATION_AT = ETHERNET_BYTES + 4;
const CHECKSUM_AT = ETHERNET_BYTES + 10;

export class OuterHeaders {
  readonly bytes: Uint8Array;
  /** Where the IP header's payload begins, and the tunnel's header. */
  private readonly payloadAt: number;
  private readonly tunnelAt: number;
  private readonly isIpv4: boolean;
  private readonly overUdp: boolean;
  private readonly withChecksum: boolean;
  private readonly kind: Kind;
  private readonly id: number;
  private readonly identifies: boolean;
  /** Of the IPv4 header without length, identification and checksum; and of addresses and protocol, which UDP's checksum is over too. */
  private readonly headerSum: number;
  private readonly pseudoSum: number;
  /** Identification and sequence number of the next packet. */
  private readonly next = new Uint32Array(2);

  constructor(source: AddressWords, destination: AddressWords, { kind, id, port, ttl, dscp, dontFragment, udpChecksum }: EncapsulatorOptions) {
    const defaultPort = DEFAULT_PORTS[kind];
    this.kind = kind;
    this.id = id;
    this.isIpv4 = source.length === 1;
    this.overUdp = defaultPort !== undefined;
    this.withChecksum = this.overUdp && (!this.isIpv4 || udpChecksum);
    this.identifies = !dontFragment;
    this.payloadAt = ETHERNET_BYTES + (this.isIpv4 ? 20 : 40);
    this.tunnelAt = this.payloadAt + (this.overUdp ? UDP_BYTES : 0);
    this.bytes = new Uint8Array(this.tunnelAt + TUNNEL_BYTES[kind]);
    const view = new DataView(this.bytes.buffer);
    const writer = new FrameWriter();
    Object.assign(writer, { trafficClass: dscp << 2, hopLimit: ttl });
    writer.begin({ view, bytes: this.bytes }, 0);
    writer.ethernet(0, 0, 0, 0);
    writer.ip(source, destination, this.overUdp ? PROTOCOL_UDP : PROTOCOL_GRE, 0, 0, dontFragment ? DONT_FRAGMENT : 0);
    this.headerSum = wordSum(view, ETHERNET_BYTES, this.payloadAt) - view.getUint16(LENGTH_AT) - view.getUint16(CHECKSUM_AT);
    this.pseudoSum = wordSum(view, this.payloadAt - 8 * source.length, this.payloadAt) + PROTOCOL_UDP;
    if (defaultPort !== undefined) view.setUint16(this.payloadAt + 2, port === 0 ? defaultPort : port);
    this.writeTunnel(view);
  }

  /** How long the IP header and all behind it are. */
  get ipBytes(): number {
    return this.bytes.length - ETHERNET_BYTES;
  }

  setHardware(source: Uint8Array, nextHop: Uint8Array): void {
    this.bytes.set(nextHop, 0);
    this.bytes.set(source, 6);
  }

  private writeTunnel(view: DataView): void {
    const { tunnelAt: at, id } = this;
    switch (this.kind) {
      case 'vxlan':
        view.setUint32(at, 0x08000000);
        view.setUint32(at + 4, id << 8);
        return;
      case 'geneve':
        view.setUint32(at, BRIDGED);
        view.setUint32(at + 4, id << 8);
        return;
      case 'gre':
        // A key follows.
        view.setUint32(at, 0x20000000 | BRIDGED);
        view.setUint32(at + 4, id);
        return;
      case 'gtp':
        // Version 1, and a user's packet; its length comes later.
        view.setUint32(at, 0x30ff0000);
        view.setUint32(at + 4, id);
        return;
      default:
        // A sequence number follows.
        view.setUint32(at, 0x10000000 | (this.kind === 'erspan' ? 0x88be : 0x22eb));
    }
  }

  /**
   * In front of a packet for which room was made: the frame is now in the `length` bytes at `start`. `hash` is that of the flow; `cut` says
   * that the packet was longer. ERSPAN III wants the time of arrival too.
   */
  write(memory: PacketMemory, start: number, length: number, hash: number, cut: boolean, seconds: number, nanoseconds: number): void {
    const { next, payloadAt } = this;
    const { view } = memory;
    memory.bytes.set(this.bytes, start);
    const ipLength = length - ETHERNET_BYTES;
    if (this.isIpv4) {
      const identification = this.identifies ? next[0]++ & 0xffff : 0;
      view.setUint16(start + LENGTH_AT, ipLength);
      view.setUint16(start + IDENTIFICATION_AT, identification);
      view.setUint16(start + CHECKSUM_AT, checksumOf(this.headerSum + ipLength + identification));
    } else {
      view.setUint16(start + 18, ipLength - 40);
    }
    if (!this.overUdp) {
      if (this.kind !== 'gre') this.writeErspan(view, start, cut, seconds, nanoseconds);
      return;
    }
    const udp = start + payloadAt;
    const udpLength = length - payloadAt;
    if (this.kind === 'gtp') view.setUint16(start + this.tunnelAt + 2, udpLength - UDP_BYTES - 8);
    view.setUint16(udp, FIRST_PORT | (hash & 0x3fff));
    view.setUint16(udp + 4, udpLength);
    if (!this.withChecksum) return;
    // A sum of zero is written as its other form: zero says that there is none.
    view.setUint16(udp + 6, checksumOf(sumOfPacket(memory, udp, start + length) + this.pseudoSum + udpLength) || 0xffff);
  }

  /** Sequence number, then the header, with the frame's tag (which stays in the frame, too) and whether it was cut. */
  private writeErspan(view: DataView, start: number, cut: boolean, seconds: number, nanoseconds: number): void {
    const at = start + this.tunnelAt;
    const frame = start + this.bytes.length;
    const tag = view.getUint16(frame + 12) === CUSTOMER_TAG ? view.getUint16(frame + 14) : -1;
    const isThird = this.kind === 'erspan3';
    view.setUint32(at + 4, this.next[1]++);
    // Version, VLAN; class, encapsulation (of type II: 3 says that the tag is in the frame), truncation, session.
    view.setUint16(at + 8, ((isThird ? 2 : 1) << 12) | (tag < 0 ? 0 : tag & 0x0fff));
    view.setUint16(at + 10, (tag < 0 ? 0 : (tag & 0xe000) | (isThird ? 0 : 0x1800)) | (cut ? 0x0400 : 0) | this.id);
    if (!isThird) return;
    // In units of 100 µs, which the granularity bits 0 say; and that it is a frame.
    view.setUint32(at + 12, (Math.imul(seconds, 10_000) + ((nanoseconds / 100_000) | 0)) | 0);
    view.setUint16(at + 18, 0x8000);
  }
}
