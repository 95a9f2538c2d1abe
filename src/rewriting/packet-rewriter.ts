/** Goes through a packet's headers for a brick that changes what stands in them; checksums become right again by themselves. */
import { HEADER, type HeaderKind } from '../flow/header-kinds';
import { HeaderWalk, type HeaderWalkOptions } from '../flow/header-walk';
import type { PacketMemory } from '../model/packet-batch';
import { ChecksumRanges } from './checksum-ranges';

const { ETHERNET, TAG, BACKBONE, ARP, IPV4, IPV6, EXTENSION, TCP, UDP, ICMP, ICMPV6, IGMP, SCTP, GRE, ERSPAN, GENEVE, NSH, TEREDO, PIM } = HEADER;
/** How many headers are passed; what is behind them counts as payload. */
const HEADERS_MAXIMUM = 64;
/** How many IP headers one inside another are read. */
const IP_HEADERS_MAXIMUM = 8;
const COOKED = 113;
const COOKED_2 = 276;
const METADATA = 0x8909;
const TRILL = 0x22f3;
/** Extension headers of IPv6. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION = 60;
const SEGMENT_ROUTING = 4;
/** Up to here a loop is faster than a call of the runtime (some 30 ns). */
const SHORT = 32;

/** What a PacketRewriter is made with. */
export interface PacketRewriterOptions extends HeaderWalkOptions {
  /**
   * `follow`: checksums change by what was changed, so that a wrong one stays wrong. `anew`: they are worked out; bytes behind the headers that it knows count as zeros, so zero or
   * remove them.
   */
  readonly checksums?: 'follow' | 'anew';
}

/**
 * Extend it by what is to be done with fields of headers: it calls these methods from the outside inwards, also in tunnels, in packets that ICMP errors quote, and
 * in those that were cut anywhere, and only with places that were captured.
 *
 *     class Renumber extends PacketRewriter {
 *       protected override ipv4(at: number): void {
 *         if (this.view.getUint8(at) === 10) this.write16(at, 0xac10);
 *       }
 *     }
 *
 * Change bytes with `write16`, `write32` and `fill` only: then checksums follow, those of all headers around included. A checksum that is not there, and one that is left to
 * the interface, stay so. Some 60 ns a packet without tunnels.
 */
export class PacketRewriter {
  /** The memory that the packet lies in. */
  protected view!: DataView;
  protected bytes!: Uint8Array;
  /** It stands behind the header whose fields are being told. */
  protected readonly walk: HeaderWalk;
  private readonly checksums: ChecksumRanges;
  private nested = 0;

  constructor(options: PacketRewriterOptions = {}) {
    this.walk = new HeaderWalk(options);
    this.checksums = new ChecksumRanges(HEADERS_MAXIMUM, options.checksums === 'anew');
  }

  /** A hardware address of 6 bytes. */
  protected hardware?(at: number): void;

  /** An IPv4 address: in headers, ARP, ICMP redirects, IGMP. */
  protected ipv4?(at: number): void;

  /** An IPv6 address: in headers, routes, neighbor and multicast listener discovery. */
  protected ipv6?(at: number): void;

  /** Source and destination port, of 2 bytes each: TCP, UDP, SCTP. */
  protected ports?(at: number): void;

  /**
   * Bytes that may tell more: options of IPv4, TCP, GENEVE and extension headers of IPv6 (`walk.number` says of which), routes of unknown kinds, authentication, what ICMP errors have
   * behind the packet that they quote, options of neighbor discovery without addresses, and the checksum of SCTP, which does not follow.
   */
  protected others?(header: HeaderKind, from: number, end: number): void;

  /**
   * What is behind the last header that it knows, up to where the captured bytes end. `isData`: data of TCP, UDP or a ping, or a later fragment. If not, there
   * may be addresses that it does not know.
   */
  protected payload?(from: number, end: number, isData: boolean): void;

  /** Tells the fields of a packet, and makes its checksums right. Returns where the headers end that it knows; -1 for link types that nothing here reads, whose packets stay as they are. */
  run(memory: PacketMemory, begin: number, length: number, wireLength: number, linkType: number): number {
    const { walk, checksums } = this;
    this.view = memory.view;
    this.bytes = memory.bytes;
    if (!walk.begin(memory.view, begin, length, wireLength, linkType)) return -1;
    checksums.begin(memory.view);
    if (walk.position > begin && (linkType === COOKED || linkType === COOKED_2)) this.cooked(begin, linkType);
    let known = walk.position;
    let isData = false;
    this.nested = 0;
    let end = walk.end;
    for (let left = HEADERS_MAXIMUM; left > 0 && walk.next() && this.isKnown(); left--) {
      checksums.pass(walk, end);
      known = Math.max(known, this.fields(end));
      end = walk.end;
      if (walk.goesOn) continue;
      isData = this.isDataBehind();
      break;
    }
    // Of a UDP header that was cut, the ports may be there.
    if (walk.isTruncated && walk.header === UDP && walk.end - walk.start >= 4) {
      this.ports?.(walk.start);
      known = walk.start + 4;
    }
    if (known < begin + length) this.payload?.(known, begin + length, isData);
    checksums.settle(known);
    return known;
  }

  /** Changes two bytes. */
  protected write16(at: number, value: number): void {
    this.checksums.changing(at, at + 2);
    this.view.setUint16(at, value);
    this.checksums.changed(at, at + 2);
  }

  /** Changes four bytes. */
  protected write32(at: number, value: number): void {
    this.checksums.changing(at, at + 4);
    this.view.setInt32(at, value);
    this.checksums.changed(at, at + 4);
  }

  /** Makes all bytes up to `end` the same. */
  protected fill(from: number, end: number, byte: number): void {
    this.checksums.changing(from, end);
    if (end - from > SHORT) this.bytes.fill(byte, from, end);
    else for (let at = from; at < end; at++) this.bytes[at] = byte;
    this.checksums.changed(from, end);
  }

  /** Whether the addresses in the header that was just passed are known. */
  private isKnown(): boolean {
    const { walk, view } = this;
    const { header, number, start } = walk;
    switch (header) {
      case TAG:
        return number !== METADATA;
      case BACKBONE:
        return number !== TRILL;
      case ARP:
        return view.getUint32(start) === 0x00010800 && view.getUint16(start + 4) === 0x0604;
      case IPV4:
      case IPV6:
        return ++this.nested <= IP_HEADERS_MAXIMUM;
      case EXTENSION:
        return number === HOP_BY_HOP || number === ROUTING || number === FRAGMENT || number === AUTHENTICATION || number === DESTINATION;
      case GRE:
      case ERSPAN:
        // Source routes.
        return (view.getUint16(start) & 0x4000) === 0;
      case NSH:
      case TEREDO:
      case PIM:
        return false;
      default:
        return true;
    }
  }

  private isDataBehind(): boolean {
    const { header, start, isLaterFragment } = this.walk;
    const type = this.bytes[start];
    switch (header) {
      case TCP:
      case UDP:
        return true;
      case ICMP:
        return type === 0 || type === 8;
      case ICMPV6:
        return type === 128 || type === 129;
      default:
        return isLaterFragment && (header === IPV4 || header === IPV6 || header === EXTENSION);
    }
  }

  /** Tells the fields of the header that was just passed; returns where it ends. `end`: of what it covers. */
  private fields(end: number): number {
    const { walk, bytes, checksums } = this;
    const { header, start, position } = walk;
    switch (header) {
      case ETHERNET:
        this.hardware?.(start);
        this.hardware?.(start + 6);
        break;
      case ARP:
        this.hardware?.(start + 8);
        this.ipv4?.(start + 14);
        this.hardware?.(start + 18);
        this.ipv4?.(start + 24);
        break;
      case IPV4:
        checksums.addresses(start + 12, start + 16, 4);
        this.ipv4?.(start + 12);
        this.ipv4?.(start + 16);
        this.rest(header, start + 20, position);
        break;
      case IPV6:
        checksums.addresses(start + 8, start + 24, 16);
        this.ipv6?.(start + 8);
        this.ipv6?.(start + 24);
        break;
      case EXTENSION:
        this.extension(start, position);
        break;
      case TCP:
        this.ports?.(start);
        this.rest(header, start + 20, position);
        break;
      case UDP:
        this.ports?.(start);
        break;
      case ICMP:
        if (bytes[start] === 5) this.ipv4?.(start + 4);
        this.rest(header, walk.end, end);
        break;
      case ICMPV6:
        this.rest(header, walk.end, end);
        return this.neighborDiscovery(start, position, end);
      case IGMP:
        // Where version 3 reports have the number of their groups, others have a group.
        if (bytes[start] !== 0x22 && this.view.getUint32(start + 4) !== 0) this.ipv4?.(start + 4);
        break;
      case SCTP:
        this.ports?.(start);
        this.rest(header, start + 8, start + 12);
        break;
      case GENEVE:
        this.rest(header, start + 8, position);
        break;
      default:
        break;
    }
    return position;
  }

  private rest(header: HeaderKind, from: number, end: number): void {
    if (from < end) this.others?.(header, from, end);
  }

  private extension(start: number, behind: number): void {
    const { number } = this.walk;
    if (number === ROUTING) {
      const count = this.routeLength(start, behind);
      const end = start + 8 + 16 * count;
      // The first of a segment route is the last stop.
      if (count > 0 && this.bytes[start + 3] !== 0) this.checksums.finalDestination(this.bytes[start + 2] === SEGMENT_ROUTING ? start + 8 : end - 16);
      for (let address = start + 8; address < end; address += 16) this.ipv6?.(address);
      this.rest(EXTENSION, count === 0 ? start + 4 : end, behind);
    } else if (number === AUTHENTICATION) {
      this.rest(EXTENSION, start + 12, behind);
    } else if (number !== FRAGMENT) {
      this.rest(EXTENSION, start + 2, behind);
    }
  }

  /** How many addresses a routing header has. */
  private routeLength(start: number, behind: number): number {
    const type = this.bytes[start + 2];
    const most = (behind - start - 8) >>> 4;
    if (type === SEGMENT_ROUTING) return Math.min(most, this.bytes[start + 4] + 1);
    return type === 0 || type === 2 ? most : 0;
  }

  /** Neighbor discovery and multicast listener discovery: targets, and options with link-layer addresses and prefixes. Returns where they end. */
  private neighborDiscovery(start: number, behind: number, end: number): number {
    const { bytes } = this;
    const type = bytes[start];
    const targets = type === 133 || type === 134 ? 0 : type === 137 ? 2 : 1;
    let at = behind + 16 * targets + (type === 134 ? 8 : 0);
    if (type < 130 || type > 137 || at > end) return behind;
    for (let address = behind; address < behind + 16 * targets; address += 16) this.ipv6?.(address);
    while (end - at >= 8) {
      const size = bytes[at + 1] << 3;
      if (size === 0 || end - at < size) break;
      if ((bytes[at] === 1 || bytes[at] === 2) && size === 8) this.hardware?.(at + 2);
      else if (bytes[at] === 3 && size === 32) this.ipv6?.(at + 16);
      else this.others?.(ICMPV6, at + 2, at + size);
      at += size;
    }
    return at;
  }

  /** Linux cooked: 8 bytes for an address are there, whatever its kind is. */
  private cooked(begin: number, linkType: number): void {
    const isFirst = linkType === COOKED;
    const length = isFirst ? this.view.getUint16(begin + 4) : this.bytes[begin + 11];
    const address = begin + (isFirst ? 6 : 12);
    if (length === 6) this.hardware?.(address);
    this.others?.(HEADER.NONE, address + (length === 6 ? 6 : 0), address + 8);
  }
}
