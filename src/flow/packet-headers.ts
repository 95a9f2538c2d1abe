/** Where the headers of a packet are, as far as its outermost IP header leads: for the packet form and the header columns, which both tell the same. */
import { FRAGMENT_LATER } from './flow-fields';
import { Protocol, readIpv4, readIpv6 } from './headers';
import { enterLink } from './link-layer';
import { Header, Walk } from './walk';

/** Made once and filled again for each packet. Offsets count from the packet's first byte. */
export class PacketHeaders {
  /** 4 or 6; 0 for packets that are not IP. */
  version = 0;
  /** Where the IP header starts; -1 without one. */
  network = -1;
  /** The protocol behind the IP header and its extension headers; -1 where that is not known. */
  protocol = -1;
  /** Where the header of that protocol starts; -1 where none of it was captured. */
  transport = -1;
  isLaterFragment = false;
  private readonly walk = new Walk();

  /** Reads the packet in the `length` bytes at `start`, and no others. */
  read(view: DataView, start: number, length: number, linkType: number): void {
    const { walk } = this;
    walk.begin(view, start, length);
    this.version = 0;
    this.network = this.protocol = this.transport = -1;
    this.isLaterFragment = false;
    const layer = enterLink(walk, linkType);
    if (layer === Header.None) return;
    const network = walk.position - start;
    if (!(layer === Header.Ipv4 ? readIpv4(walk) : readIpv6(walk))) return;
    this.version = layer === Header.Ipv4 ? 4 : 6;
    this.network = network;
    this.protocol = walk.protocol;
    this.isLaterFragment = walk.fragment === FRAGMENT_LATER;
    const transport = walk.position - start;
    if (!this.isLaterFragment && walk.protocol >= 0 && transport < length) this.transport = transport;
  }
}

/** Whether this Ethernet type announces a VLAN tag. */
export function isVlanTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100;
}

/** The VLAN of the outermost tag of an Ethernet frame whose first bytes, of which `length` were captured, are at `at`; -1 without a tag. */
export function outermostVlan(view: DataView, at: number, length: number): number {
  return length >= 16 && isVlanTag(view.getUint16(at + 12)) ? view.getUint16(at + 14) & 0xfff : -1;
}

/**
 * Where the payload starts in a packet of which `length` bytes were captured, if its transport header is at `transport`; -1 where that header was not
 * captured whole, or is none. `sizeByte`: that of a TCP header which tells its length, the 13th; -1 if it was not captured.
 */
export function payloadBehind(protocol: number, transport: number, length: number, sizeByte: number): number {
  if (protocol !== Protocol.Tcp && protocol !== Protocol.Udp) return transport;
  const words = protocol === Protocol.Udp ? 2 : sizeByte >> 4;
  const payload = transport + words * 4;
  return (protocol === Protocol.Tcp && words < 5) || payload > length ? -1 : payload;
}
