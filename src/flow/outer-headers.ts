/** The outer headers of tunnels: Ethernet, IP and perhaps UDP in front of packets to one destination, made once, but for what differs from packet to packet. */
import type { PacketMemory } from '../model/packet-batch';
import { checksumOf, wordSum } from './checksums';
import { FrameWriter } from './frame-writer';
import { sumOfPacket } from './packet-sum';

const ETHERNET_BYTES = 14;
const UDP_BYTES = 8;
const PROTOCOL_UDP = 17;
const DONT_FRAGMENT = 0x4000;
/** Source ports are those of no service: RFC 7348 asks for 49152 to 65535. */
const FIRST_PORT = 0xc000;
/** In the IP header of a frame. */
const IPV4_LENGTH_AT = ETHERNET_BYTES + 2;
const IDENTIFICATION_AT = ETHERNET_BYTES + 4;
const CHECKSUM_AT = ETHERNET_BYTES + 10;
const IPV6_LENGTH_AT = ETHERNET_BYTES + 4;

/** What outer headers carry: a header of yours over UDP, with `port`, or right over IP, with `protocol`. */
export interface OuterHeadersOptions {
  /** The length of your own header, which follows them. */
  readonly ownBytes: number;
  /** The UDP port that packets go to; where it is left out, there is no UDP header. */
  readonly port?: number | undefined;
  /** The IP protocol of your header, where it does not go over UDP: 47 for GRE. */
  readonly protocol?: number;
  /** Time to live, or hop limit. Default: 64. */
  readonly ttl?: number;
  /** Differentiated services code point. Default: 0. */
  readonly dscp?: number;
  /** Forbids routers to fragment IPv4 packets. Default: false. */
  readonly dontFragment?: boolean;
  /** Writes UDP checksums over IPv4 too; over IPv6 they always are. Default: false. */
  readonly udpChecksum?: boolean;
}

/** Headers in front of all packets to one destination. Write your own header into `view`, from `ownAt` on: once, or before each packet. */
export class OuterHeaders {
  /** All of them, as they are copied in front of packets. */
  readonly bytes: Uint8Array;
  /** The same bytes. */
  readonly view: DataView;
  /** Where your own header begins. */
  readonly ownAt: number;
  /** Where what IP carries begins. */
  private readonly payloadAt: number;
  private readonly isIpv4: boolean;
  private readonly overUdp: boolean;
  private readonly withChecksum: boolean;
  private readonly identifies: boolean;
  /** Of the IPv4 header without length, identification and checksum; and of addresses and protocol, which UDP's checksum is over too. */
  private readonly headerSum: number;
  private readonly pseudoSum: number;
  /** The identification of the next packet. */
  private readonly next = new Uint32Array(1);

  /** Addresses in words of 32 bits (`ipAddressWords`), both of the same version of IP. */
  constructor(source: readonly number[], destination: readonly number[], options: OuterHeadersOptions) {
    const { ownBytes, port, protocol = PROTOCOL_UDP, ttl = 64, dscp = 0, dontFragment = false, udpChecksum = false } = options;
    this.isIpv4 = source.length === 1;
    this.overUdp = port !== undefined;
    this.withChecksum = this.overUdp && (!this.isIpv4 || udpChecksum);
    this.identifies = !dontFragment;
    this.payloadAt = ETHERNET_BYTES + (this.isIpv4 ? 20 : 40);
    this.ownAt = this.payloadAt + (this.overUdp ? UDP_BYTES : 0);
    this.bytes = new Uint8Array(this.ownAt + ownBytes);
    this.view = new DataView(this.bytes.buffer);
    const writer = new FrameWriter();
    writer.trafficClass = dscp << 2;
    writer.hopLimit = ttl;
    writer.begin(this, 0);
    writer.ethernet(0, 0, 0, 0);
    writer.ip(source, destination, this.overUdp ? PROTOCOL_UDP : protocol, 0, 0, dontFragment ? DONT_FRAGMENT : 0);
    this.headerSum = wordSum(this.view, ETHERNET_BYTES, this.payloadAt) - this.view.getUint16(IPV4_LENGTH_AT) - this.view.getUint16(CHECKSUM_AT);
    this.pseudoSum = wordSum(this.view, this.payloadAt - 8 * source.length, this.payloadAt) + PROTOCOL_UDP;
    if (port !== undefined) this.view.setUint16(this.payloadAt + 2, port);
  }

  /** The length of all of them but Ethernet's: what they take of the MTU. */
  get ipBytes(): number {
    return this.bytes.length - ETHERNET_BYTES;
  }

  /** The MAC addresses that frames come from and go to, in 6 bytes each. */
  setHardware(source: Uint8Array, nextHop: Uint8Array): void {
    this.bytes.set(nextHop, 0);
    this.bytes.set(source, 6);
  }

  /**
   * Writes them where room was made (`context.edit.insert`): the frame, headers included, is now in the `length` bytes at `start`. The source port of UDP is made from `hash`, that of
   * the packet's flow, so that routers and network cards spread flows and keep each in order.
   */
  write(memory: PacketMemory, start: number, length: number, hash: number): void {
    const { view } = memory;
    memory.bytes.set(this.bytes, start);
    const ipLength = length - ETHERNET_BYTES;
    if (this.isIpv4) {
      const identification = this.identifies ? this.next[0]++ & 0xffff : 0;
      view.setUint16(start + IPV4_LENGTH_AT, ipLength);
      view.setUint16(start + IDENTIFICATION_AT, identification);
      view.setUint16(start + CHECKSUM_AT, checksumOf(this.headerSum + ipLength + identification));
    } else {
      view.setUint16(start + IPV6_LENGTH_AT, ipLength - 40);
    }
    if (!this.overUdp) return;
    const udp = start + this.payloadAt;
    const udpLength = length - this.payloadAt;
    view.setUint16(udp, FIRST_PORT | (hash & 0x3fff));
    view.setUint16(udp + 4, udpLength);
    if (!this.withChecksum) return;
    // A sum of zero is written as its other form: zero says that there is none.
    view.setUint16(udp + 6, checksumOf(sumOfPacket(memory, udp, start + length) + this.pseudoSum + udpLength) || 0xffff);
  }
}
