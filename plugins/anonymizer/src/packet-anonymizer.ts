/** What is behind IP, and what is inside of tunnels. */
import type { PacketMemory } from 'packet-bricks';
import type { AddressWriter } from './address-writer.js';
import { folded, isSame, sumOf, updated } from './checksums.js';
import { NetworkLayers, UNKNOWN } from './network-layers.js';
import { erspanBytes, geneveBytes, greBytes, gtpBytes, isOtherTunnel, isVxlan } from './tunnels.js';

export type Payload = 'remove' | 'zero' | 'keep';

const ICMP = 1;
const IGMP = 2;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;
const PORT_GENEVE = 6081;
const PORT_GTP_U = 2152;
const PORT_GRE = 4754;
const BRIDGED = 0x6558;
const ERSPAN = 0x88be;
const ERSPAN_3 = 0x22eb;
const TCP_NO_OPERATION = 1;
/** End, no operation, segment size, window scale, selective acknowledgements and times; other options may hold addresses (MPTCP), or identify. */
const TCP_OPTIONS_KEPT = 0b1_0011_1111;

/** Of link types, as capture files number them. */
const ETHERNET = 1;
const RAW = [12, 14, 101, 228, 229];
const LOOPBACK = [0, 108];
const COOKED = 113;
const COOKED_2 = 276;

export class PacketAnonymizer extends NetworkLayers {
  constructor(addresses: AddressWriter, private readonly payload: Payload) {
    super(addresses);
  }

  /** Replaces all addresses in the packet from `at` to `end`. Returns where its headers end, -1 for link types that are not known. */
  run(memory: PacketMemory, at: number, end: number, linkType: number): number {
    this.begin(memory);
    if (linkType === ETHERNET) return this.ethernet(at, end);
    if (RAW.includes(linkType)) return this.byVersion(at, end);
    if (LOOPBACK.includes(linkType)) return this.loopback(at, end);
    return linkType === COOKED ? this.cooked(at, end, 1) : linkType === COOKED_2 ? this.cooked(at, end, 2) : -1;
  }

  protected transport(protocol: number, at: number, end: number, before: number, after: number, length: number): number {
    switch (protocol) {
      case TCP:
        return this.tcp(at, end, before, after, length);
      case UDP:
        return this.udp(at, end, before, after, length);
      case ICMP:
        return this.icmp(at, end);
      case ICMPV6:
        return this.icmpv6(at, end, before, after, length);
      case IGMP:
        return this.igmp(at, end);
      case 4:
      case 41:
        return this.byVersion(at, end);
      case 47:
        return this.gre(at, end);
      case 137:
        return this.mpls(at, end);
      case 132:
        // Its chunks may name addresses, and its checksum (a CRC) is about them too: an end that gets such a packet is to find that it has none.
        if (end - at < 12) return this.stop(at);
        this.bytes.fill(0, at + 8, at + 12);
        return this.stop(at + 12);
      default:
        return this.stop(at);
    }
  }

  private tcp(at: number, end: number, before: number, after: number, length: number): number {
    const { bytes, view } = this;
    const captured = end - at;
    // The first 8 bytes are what ICMP errors quote.
    if (captured < 13) return captured < 8 ? this.stop(at) : this.stop(at + 8);
    const header = Math.min(captured, Math.max(20, (bytes[at + 12] >>> 4) << 2));
    const partial = this.isPartial(at + 16, at, end, before, TCP, length);
    const whole = sumOf(view, at, at + header);
    for (let option = at + 20; option < at + header; ) {
      const kind = bytes[option];
      const size = kind < 2 ? 1 : option + 1 < at + header ? Math.max(2, bytes[option + 1]) : 1;
      const next = Math.min(at + header, option + size);
      if (kind > 8 || (TCP_OPTIONS_KEPT >>> kind & 1) === 0 || option + size > at + header) bytes.fill(TCP_NO_OPERATION, option, next);
      option = next;
    }
    this.settle(at + 16, partial, at, at + header, end, whole, before, after, TCP, length, at + header);
    return at + header;
  }

  private udp(at: number, end: number, before: number, after: number, behindIp: number): number {
    const { view } = this;
    if (end - at < 8) return this.stop(end - at < 4 ? at : at + 4);
    const said = view.getUint16(at + 4);
    const length = said >= 8 ? said : behindIp;
    const limit = said >= 8 ? Math.min(end, at + said) : end;
    const checksum = view.getUint16(at + 6);
    const isTunnel = this.isTunnel(view.getUint16(at), view.getUint16(at + 2));
    const summed = isTunnel ? limit : at + 8;
    const partial = checksum !== 0 && this.isPartial(at + 6, at, limit, before, UDP, length);
    const whole = sumOf(view, at, summed);
    const kept = isTunnel ? this.tunnel(view.getUint16(at + 2), at + 8, limit) : at + 8;
    if (checksum === 0) return kept;
    this.settle(at + 6, partial, at, kept, limit, whole, before, after, UDP, length, summed);
    // 0 would say that there is none.
    if (view.getUint16(at + 6) === 0 && length !== UNKNOWN) view.setUint16(at + 6, 0xffff);
    return kept;
  }

  private isTunnel(source: number, destination: number): boolean {
    return isVxlan(destination) || destination === PORT_GENEVE || destination === PORT_GTP_U || destination === PORT_GRE || isOtherTunnel(source, destination);
  }

  /** Behind a UDP header with such a port. */
  private tunnel(port: number, at: number, end: number): number {
    const { view, bytes } = this;
    if (isVxlan(port)) return end - at < 8 || (bytes[at] & 0x08) === 0 ? this.stop(at) : this.ethernet(at + 8, end);
    if (port === PORT_GRE) return this.gre(at, end);
    if (port === PORT_GENEVE) {
      const size = geneveBytes(view, at, end);
      if (size < 0) return this.stop(at);
      // Options are of the network's own making.
      bytes.fill(0, at + 8, at + size);
      return this.inType(view.getUint16(at + 2), at + size, end);
    }
    const size = port === PORT_GTP_U ? gtpBytes(view, at, end) : -1;
    return size < 0 ? this.stop(at) : this.byVersion(at + size, end);
  }

  private inType(type: number, at: number, end: number): number {
    return type === BRIDGED ? this.ethernet(at, end) : type < 0x0600 ? this.stop(at) : this.typed(type, at, end);
  }

  private gre(at: number, end: number): number {
    const { view } = this;
    const size = greBytes(view, at, end);
    if (size < 0) return this.stop(at);
    const hasChecksum = (view.getUint16(at) & 0x8000) !== 0;
    const whole = hasChecksum ? sumOf(view, at, end) : 0;
    const type = view.getUint16(at + 2);
    const isErspan = type === ERSPAN || type === ERSPAN_3;
    const more = isErspan ? erspanBytes(view, at, at + size, end) : 0;
    if (more < 0) return this.stop(at + size);
    const kept = isErspan ? this.ethernet(at + size + more, end) : this.inType(type, at + size, end);
    if (hasChecksum) this.settleAlone(at + 4, at, kept, end, whole);
    return kept;
  }

  private icmp(at: number, end: number): number {
    const { bytes, view, addresses } = this;
    if (end - at < 8) return this.stop(at);
    const whole = sumOf(view, at, end);
    const type = bytes[at];
    const isError = type === 3 || type === 4 || type === 5 || type === 11 || type === 12;
    if (type === 5) addresses.ipv4(at + 4);
    const quoted = type === 3 || type === 11 || type === 12 ? bytes[at + 5] << 2 : 0;
    const kept = isError ? this.quoted(at + 8, end, quoted, 4) : type === 0 || type === 8 ? at + 8 : this.stop(at + 8);
    this.settleAlone(at + 2, at, kept, end, whole);
    return kept;
  }

  /** A packet in an ICMP error. `said`: how many bytes of it there are, if extensions follow (RFC 4884), which may name interfaces and addresses. */
  private quoted(at: number, end: number, said: number, version: 4 | 6): number {
    const limit = said > 0 ? Math.min(end, at + said) : end;
    this.bytes.fill(0, limit, end);
    return version === 4 ? this.ipv4(at, limit, true) : this.ipv6(at, limit, true);
  }

  private icmpv6(at: number, end: number, before: number, after: number, length: number): number {
    const { bytes, view, addresses } = this;
    if (end - at < 8) return this.stop(at);
    const partial = this.isPartial(at + 2, at, end, before, ICMPV6, length);
    const whole = sumOf(view, at, end);
    const type = bytes[at];
    let kept = at + 8;
    if (type >= 1 && type <= 4) kept = this.quoted(at + 8, end, type === 1 || type === 3 ? bytes[at + 4] << 3 : 0, 6);
    else if (type === 133) kept = this.neighborOptions(at + 8, end);
    else if (type === 134) kept = this.neighborOptions(at + 16, end);
    else if ((type >= 130 && type <= 132) || type === 135 || type === 136 || type === 137) {
      const behind = at + (type === 137 ? 40 : 24);
      if (end < behind) return this.stop(at);
      for (let address = at + 8; address < behind; address += 16) addresses.ipv6(address);
      kept = this.neighborOptions(behind, end);
    } else if (type !== 128 && type !== 129) this.stop(at);
    this.settle(at + 2, partial, at, kept, end, whole, before, after, ICMPV6, length, end);
    return kept;
  }

  /** Options of neighbor discovery: link-layer addresses and prefixes are replaced, others emptied. */
  private neighborOptions(from: number, end: number): number {
    const { bytes, addresses } = this;
    let at = from;
    while (end - at >= 8) {
      const size = bytes[at + 1] << 3;
      if (size === 0 || end - at < size) break;
      if ((bytes[at] === 1 || bytes[at] === 2) && size === 8) addresses.mac(at + 2);
      else if (bytes[at] === 3 && size === 32) addresses.ipv6(at + 16);
      else bytes.fill(0, at + 2, at + size);
      at += size;
    }
    return this.stop(Math.min(at, end));
  }

  private igmp(at: number, end: number): number {
    const { bytes, view } = this;
    if (end - at < 8) return this.stop(at);
    const whole = sumOf(view, at, end);
    // Where version 3 reports have the number of their groups, others have a group.
    if (bytes[at] !== 0x22 && view.getUint32(at + 4) !== 0) this.addresses.ipv4(at + 4);
    const kept = this.stop(at + 8);
    this.settleAlone(at + 2, at, kept, end, whole);
    return kept;
  }

  /**
   * Whether a checksum holds the sum of addresses, protocol and length alone: the interface that sends it makes the rest. A right one may happen to be
   * the same.
   */
  private isPartial(field: number, at: number, end: number, addresses: number, protocol: number, length: number): boolean {
    if (length < 0 || field + 2 > end) return false;
    const { view } = this;
    const pseudo = addresses + protocol + length;
    if (view.getUint16(field) !== folded(pseudo)) return false;
    return at + length > end || !isSame(sumOf(view, at, at + length) + pseudo, 0xffff);
  }

  /**
   * Makes a checksum right. `whole`: the sum from `at` to `summed` before anything was changed. Where payloads stay, it is changed by what was changed.
   * Otherwise what is behind `kept` counts as zeros; it can't be told from a first fragment, which says nothing of the length.
   */
  private settle(field: number, partial: boolean, at: number, kept: number, end: number, whole: number, before: number, after: number, protocol: number, length: number, summed: number): void {
    if (field + 2 > Math.min(kept, end)) return;
    const { view } = this;
    if (partial) {
      view.setUint16(field, folded(after + protocol + length));
    } else if (this.payload === 'keep') {
      if (this.stopped) this.bytes.fill(0, kept, end);
      view.setUint16(field, updated(view.getUint16(field), folded(whole) + before, folded(sumOf(view, at, summed)) + after));
    } else {
      view.setUint16(field, 0);
      if (length >= 0) view.setUint16(field, ~folded(sumOf(view, at, kept) + after + protocol + length) & 0xffff);
    }
  }

  /** The same for a checksum that is not about addresses, and goes to the end. */
  private settleAlone(field: number, at: number, kept: number, end: number, whole: number): void {
    this.settle(field, false, at, kept, end, whole, 0, 0, 0, 0, end);
  }
}
