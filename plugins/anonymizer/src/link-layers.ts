/** From the first byte of a packet to its IP header: hardware addresses, tags, labels, ARP. */
import { Layers } from './layers.js';

const LONGEST_LENGTH = 1500;
const ARP_BYTES = 28;

/** The bytes of a tag behind its type, without the type that follows; 0 for what is no tag. */
function tagBytes(type: number): number {
  switch (type) {
    case 0x8100: // VLAN tags
    case 0x88a8:
    case 0x9100:
      return 2;
    case 0x8926: // VN-Tag
    case 0x892f: // HSR
      return 4;
    case 0x893f: // E-Tag
      return 6;
    default:
      return 0;
  }
}

export abstract class LinkLayers extends Layers {
  protected ethernet(at: number, end: number): number {
    if (end - at < 14) return this.stop(at);
    this.addresses.mac(at);
    this.addresses.mac(at + 6);
    return this.typed(this.view.getUint16(at + 12), at + 14, end);
  }

  /** What an Ethernet type announces. */
  protected typed(first: number, from: number, end: number): number {
    let type = first;
    let at = from;
    for (let tag = tagBytes(type); tag > 0; tag = tagBytes(type)) {
      if (end - at < tag + 2) return this.stop(at);
      type = this.view.getUint16(at + tag);
      at += tag + 2;
    }
    switch (type) {
      case 0x0800:
      case 0x86dd:
        return this.byVersion(at, end);
      case 0x0806:
        return this.arp(at, end);
      case 0x8847:
      case 0x8848:
        return this.mpls(at, end);
      case 0x8864:
        return this.pppoe(at, end);
      case 0x8903: // FabricPath: tag and time to live, then the frame
        return end - at < 2 ? this.stop(at) : this.ethernet(at + 2, end);
      case 0x88e7: // provider backbone bridging: a service tag, then the customer's frame
        return end - at < 4 ? this.stop(at) : this.ethernet(at + 4, end);
      default:
        return type <= LONGEST_LENGTH ? this.snap(at, end) : this.stop(at);
    }
  }

  private snap(at: number, end: number): number {
    const { view } = this;
    if (end - at < 8 || view.getUint32(at) !== 0xaaaa0300 || view.getUint16(at + 4) !== 0 || view.getUint16(at + 6) <= LONGEST_LENGTH) return this.stop(at);
    return this.typed(view.getUint16(at + 6), at + 8, end);
  }

  protected mpls(from: number, end: number): number {
    let at = from;
    for (let bottom = false; !bottom; at += 4) {
      if (end - at < 4) return this.stop(at);
      bottom = (this.bytes[at + 2] & 1) !== 0;
    }
    return this.byVersion(at, end);
  }

  private pppoe(at: number, end: number): number {
    if (end - at < 8 || this.view.getUint16(at) !== 0x1100) return this.stop(at);
    const protocol = this.view.getUint16(at + 6);
    return protocol === 0x0021 || protocol === 0x0057 ? this.byVersion(at + 8, end) : this.stop(at + 6);
  }

  /** Of IPv4 over Ethernet. */
  private arp(at: number, end: number): number {
    const { view, addresses } = this;
    if (end - at < ARP_BYTES || view.getUint32(at) !== 0x00010800 || view.getUint16(at + 4) !== 0x0604) return this.stop(at);
    addresses.mac(at + 8);
    addresses.ipv4(at + 14);
    addresses.mac(at + 18);
    addresses.ipv4(at + 24);
    return this.stop(at + ARP_BYTES);
  }

  /** Linux cooked: where the length of the address stands, how many bytes that has, where the address is and the type, and the size of the whole. */
  protected cooked(at: number, end: number, version: 1 | 2): number {
    const { view } = this;
    const size = version === 1 ? 16 : 20;
    if (end - at < size) return this.stop(at);
    const length = version === 1 ? view.getUint16(at + 4) : this.bytes[at + 11];
    const address = at + (version === 1 ? 6 : 12);
    // 8 bytes are there, whatever the kind of address is.
    if (length === 6) this.addresses.mac(address);
    this.bytes.fill(0, address + (length === 6 ? 6 : 0), address + 8);
    return this.typed(view.getUint16(at + (version === 1 ? 14 : 0)), at + size, end);
  }

  /** BSD loopback: an address family in 32 bits. */
  protected loopback(at: number, end: number): number {
    return end - at < 4 ? this.stop(at) : this.byVersion(at + 4, end);
  }
}
