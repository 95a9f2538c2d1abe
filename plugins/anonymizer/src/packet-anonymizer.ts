/** Replaces addresses in all headers of a packet, empties what else may tell where it came from, and makes checksums right again. */
import { HEADER, HeaderWalk, type PacketMemory } from 'packet-bricks';
import type { AddressWriter } from './address-writer.js';
import { Layer, isIp } from './layer.js';

export type Payload = 'remove' | 'zero' | 'keep';

const { ETHERNET, TAG, BACKBONE, ARP, IPV4, IPV6, EXTENSION, TCP, UDP, ICMP, ICMPV6, IGMP, SCTP, GRE, ERSPAN, GENEVE, NSH, TEREDO, PIM } = HEADER;
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
/** A pad option of IPv6 has two bytes and at most 255 more. */
const PAD_N = 1;
const LONGEST_PAD = 257;
/** Of IPv4 and TCP. */
const NO_OPERATION = 1;
/** TCP: end, no operation, segment size, window scale, selective acknowledgements and times; other options may hold addresses (MPTCP), or identify. */
const TCP_OPTIONS_KEPT = 0b1_0011_1111;

export class PacketAnonymizer {
  /** What is behind the headers is no payload of a known kind: it goes, even where payloads stay. */
  stopped = false;
  private readonly walk = new HeaderWalk({ labels: 'ip' });
  private readonly layers = Array.from({ length: HEADERS_MAXIMUM }, () => new Layer());
  private view!: DataView;
  private bytes!: Uint8Array;
  private nested = 0;

  constructor(private readonly addresses: AddressWriter, private readonly payload: Payload) {}

  /** Changes a packet. Returns where its headers end, -1 for link types that are not known. What is behind goes, or is zeroed, unless it is to stay. */
  run(memory: PacketMemory, begin: number, length: number, wireLength: number, linkType: number): number {
    const { walk, layers, addresses } = this;
    this.view = memory.view;
    this.bytes = memory.bytes;
    addresses.enter(memory);
    if (!walk.begin(memory.view, begin, length, wireLength, linkType)) return -1;
    const end = begin + length;
    if (linkType === COOKED || linkType === COOKED_2) this.cooked(begin, walk.position, linkType);
    let kept = walk.position;
    const count = this.readHeaders();
    // Of a UDP header that was cut, the ports stay.
    if (walk.isTruncated && walk.header === UDP && walk.end - walk.start >= 4) kept = walk.start + 4;
    for (let index = 0; index < count; index++) layers[index].note(index === count - 1 && !this.stopped, this.payload === 'keep');
    for (let index = 0; index < count; index++) kept = Math.max(kept, this.rewrite(layers[index]));
    if (kept < end && (this.payload !== 'keep' || this.stopped)) this.bytes.fill(0, kept, end);
    for (let index = count - 1; index >= 0; index--) layers[index].settle(kept, this.payload === 'keep');
    return kept;
  }

  /** Fills the layers up to the first header that is not known; returns how many there are. */
  private readHeaders(): number {
    const { walk, layers } = this;
    let count = 0;
    let network: Layer | undefined;
    let destination = 0;
    this.nested = 0;
    this.stopped = true;
    for (let end = walk.end; count < HEADERS_MAXIMUM && walk.next() && this.isKnown(); end = walk.end) {
      const layer = layers[count++];
      layer.take(walk, this.view, end, network, destination);
      if (isIp(layer.header)) {
        network = layer;
        destination = layer.start + (layer.header === IPV4 ? 16 : 24);
      } else if (layer.header === EXTENSION && layer.number === ROUTING) {
        // On its way there, the checksum is about the last of the addresses.
        const last = this.lastOfRoute(layer);
        if (last >= 0) destination = last;
      }
      if (!walk.goesOn) {
        this.stopped = !this.isPayloadBehind(layer);
        break;
      }
    }
    return count;
  }

  /** Whether all that identifies in the header that was just passed is known. */
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

  private isPayloadBehind({ header, start }: Layer): boolean {
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
        return this.walk.isLaterFragment && (isIp(header) || header === EXTENSION);
    }
  }

  /** Returns where it ends. */
  private rewrite(layer: Layer): number {
    const { bytes, addresses } = this;
    const { header, start, behind } = layer;
    switch (header) {
      case ETHERNET:
        addresses.mac(start);
        addresses.mac(start + 6);
        break;
      case ARP:
        addresses.mac(start + 8);
        addresses.ipv4(start + 14);
        addresses.mac(start + 18);
        addresses.ipv4(start + 24);
        break;
      case IPV4:
        addresses.ipv4(start + 12);
        addresses.ipv4(start + 16);
        // Options say where a packet came past.
        if (behind > start + 20) bytes.fill(NO_OPERATION, start + 20, behind);
        break;
      case IPV6:
        addresses.ipv6(start + 8);
        addresses.ipv6(start + 24);
        break;
      case EXTENSION:
        this.extension(layer);
        break;
      case TCP:
        this.tcpOptions(start + 20, behind);
        break;
      case ICMP:
        if (bytes[start] === 5) addresses.ipv4(start + 4);
        this.behindQuote(layer);
        break;
      case ICMPV6:
        this.behindQuote(layer);
        return this.neighborDiscovery(layer);
      case IGMP:
        // Where version 3 reports have the number of their groups, others have a group.
        if (bytes[start] !== 0x22 && this.view.getUint32(start + 4) !== 0) addresses.ipv4(start + 4);
        break;
      case SCTP:
        // Its chunks may name addresses, and its checksum (a CRC) is about them too: an end that gets such a packet is to find that it has none.
        bytes.fill(0, start + 8, start + 12);
        break;
      case GENEVE:
        // Options are of the network's own making.
        bytes.fill(0, start + 8, behind);
        break;
      default:
        break;
    }
    return behind;
  }

  private extension(layer: Layer): void {
    const { bytes, addresses } = this;
    const { number, start, behind } = layer;
    if (number === ROUTING) {
      const count = this.routeLength(layer);
      const end = start + 8 + 16 * count;
      for (let address = start + 8; address < end; address += 16) addresses.ipv6(address);
      bytes.fill(0, count === 0 ? start + 4 : end, behind);
    } else if (number === AUTHENTICATION) {
      bytes.fill(0, Math.min(start + 12, behind), behind);
    } else if (number !== FRAGMENT) {
      // Options may hold addresses; some pad, and all may be skipped.
      bytes.fill(0, start + 2, behind);
      for (let at = start + 2; behind - at >= 2; at += LONGEST_PAD) {
        bytes[at] = PAD_N;
        bytes[at + 1] = Math.min(behind - at, LONGEST_PAD) - 2;
      }
    }
  }

  /** How many addresses a routing header has. */
  private routeLength({ start, behind }: Layer): number {
    const type = this.bytes[start + 2];
    const most = (behind - start - 8) >>> 4;
    if (type === SEGMENT_ROUTING) return Math.min(most, this.bytes[start + 4] + 1);
    return type === 0 || type === 2 ? most : 0;
  }

  private lastOfRoute(layer: Layer): number {
    const count = this.routeLength(layer);
    if (this.bytes[layer.start + 3] === 0 || count === 0) return -1;
    return layer.start + 8 + (this.bytes[layer.start + 2] === SEGMENT_ROUTING ? 0 : 16 * (count - 1));
  }

  private tcpOptions(from: number, end: number): void {
    const { bytes } = this;
    for (let option = from; option < end; ) {
      const kind = bytes[option];
      const size = kind < 2 ? 1 : option + 1 < end ? Math.max(2, bytes[option + 1]) : 1;
      const next = Math.min(end, option + size);
      if (kind > 8 || (TCP_OPTIONS_KEPT >>> kind & 1) === 0 || option + size > end) bytes.fill(NO_OPERATION, option, next);
      option = next;
    }
  }

  /** Extensions of an ICMP error, behind the packet that it quotes, may name interfaces and addresses. */
  private behindQuote({ innerEnd, end }: Layer): void {
    if (innerEnd < end) this.bytes.fill(0, innerEnd, end);
  }

  /** Addresses in neighbor discovery and multicast listener discovery; options with link-layer addresses and prefixes are replaced, others emptied. */
  private neighborDiscovery({ start, behind, end }: Layer): number {
    const { bytes, addresses } = this;
    const type = bytes[start];
    const targets = type === 133 || type === 134 ? 0 : type === 137 ? 2 : 1;
    let at = behind + 16 * targets + (type === 134 ? 8 : 0);
    if (type < 130 || type > 137 || at > end) return behind;
    for (let address = behind; address < behind + 16 * targets; address += 16) addresses.ipv6(address);
    while (end - at >= 8) {
      const size = bytes[at + 1] << 3;
      if (size === 0 || end - at < size) break;
      if ((bytes[at] === 1 || bytes[at] === 2) && size === 8) addresses.mac(at + 2);
      else if (bytes[at] === 3 && size === 32) addresses.ipv6(at + 16);
      else bytes.fill(0, at + 2, at + size);
      at += size;
    }
    return at;
  }

  /** Linux cooked: 8 bytes for an address are there, whatever its kind is. */
  private cooked(begin: number, behind: number, linkType: number): void {
    if (behind === begin) return;
    const isFirst = linkType === COOKED;
    const length = isFirst ? this.view.getUint16(begin + 4) : this.bytes[begin + 11];
    const address = begin + (isFirst ? 6 : 12);
    if (length === 6) this.addresses.mac(address);
    this.bytes.fill(0, address + (length === 6 ? 6 : 0), address + 8);
  }
}
