/** The headers of a packet one by one, from the outside inwards: whatever they are. HeaderWalk adds a faster way for the most usual ones. */
import { FRAGMENT_LATER, FRAGMENT_NONE } from './flow-fields';
import type { HeaderKind } from './header-kinds';
import { Protocol, extensionBytes, readFragmentHeader, readIpv4, readIpv6Header } from './headers';
import { behindLabels, type BehindLabels } from './labels';
import { LINK_TYPE_ETHERNET } from './link-types';
import { linkHeader, passLabels, readEthernet, readNsh, readPpp, readPppoe, readType, readVersion } from './link-layer';
import { enterTunnel, tunnelOf } from './tunnels';
import { Header, Walk, cutOff } from './walk';

const ARP = 0x0806;
const BRIDGED = 0x6558;
const LONGEST_LENGTH = 1500;
const ARP_BYTES = 28;
const ICMP_BYTES = 8;
const SCTP_BYTES = 12;
/** Destination unreachable, source quench, redirect, time exceeded, parameter problem. */
const ICMP_ERRORS = [3, 4, 5, 11, 12];

/** What a walk cannot read from the packets. */
export interface HeaderWalkOptions {
  /** UDP ports of VXLAN. */
  readonly vxlanPorts?: readonly number[];
  /** UDP ports of GENEVE. */
  readonly genevePorts?: readonly number[];
  /** What follows MPLS labels, which do not say it themselves. */
  readonly labels?: BehindLabels;
}

/** What a HeaderWalk is, but for its speed. */
export class GeneralWalk {
  /** The header that was passed last, or that `next` could not pass. */
  header: HeaderKind = Header.None;
  /** Where it starts. */
  start = 0;
  /** Of an extension header of IPv6, its number as an IP protocol; of a tag, its Ethernet type. */
  number = 0;
  /** Where the packet ended on the wire, as far as IP and PPPoE headers say it: behind that is padding. */
  wireEnd = 0;
  /** Where the datagram of the last IP header ends, as that header says; behind what was captured, if the packet was cut or an ICMP error quotes it. */
  datagramEnd = 0;
  protected readonly walk = new Walk();
  /** By UDP port: the header of a tunnel. */
  protected readonly tunnels = new Uint8Array(65_536);
  /** What `next` would pass. */
  protected upcoming: Header = Header.None;
  private readonly labels: BehindLabels;

  constructor({ vxlanPorts = [4789, 8472], genevePorts = [6081], labels = 'guess' }: HeaderWalkOptions = {}) {
    this.labels = labels;
    for (const port of [2152, 3544, 4754, 4790]) this.tunnels[port] = tunnelOf(0, port);
    for (const port of vxlanPorts) this.tunnels[port] = Header.Vxlan;
    for (const port of genevePorts) this.tunnels[port] = Header.Geneve;
  }

  /** To the first header of a packet. False for link types that nothing here reads. */
  begin(view: DataView, offset: number, length: number, wireLength: number, linkType: number): boolean {
    const { walk } = this;
    walk.begin(view, offset, length);
    this.start = offset;
    this.header = Header.None;
    this.wireEnd = this.datagramEnd = offset + wireLength;
    walk.fragment = FRAGMENT_NONE;
    this.upcoming = linkType === LINK_TYPE_ETHERNET ? Header.Ethernet : linkHeader(walk, linkType);
    return !walk.unknownProtocol;
  }

  /** Where the next header starts, or the payload behind the last one. */
  get position(): number {
    return this.walk.position;
  }

  /** Where captured bytes end, padding left out. */
  get end(): number {
    return this.walk.end;
  }

  /** The protocol that the last IP header, or the extension header behind it, announces. */
  get protocol(): number {
    return this.walk.protocol;
  }

  /** Whether the last IP header is that of a fragment; of a later one, no more headers follow. */
  get isFragment(): boolean {
    return this.walk.fragment !== FRAGMENT_NONE;
  }

  /** Whether it is a fragment behind the first. */
  get isLaterFragment(): boolean {
    return this.walk.fragment === FRAGMENT_LATER;
  }

  /** Whether `next` returned false since the header, or the one behind it that would tell, was not captured whole. */
  get isTruncated(): boolean {
    return this.walk.truncated;
  }

  /** Whether another header is expected. If not, what is left is the payload. */
  get goesOn(): boolean {
    return this.upcoming !== Header.None;
  }

  /** The Ethernet type of what comes next: 0x6558 for an Ethernet frame, 0 if that has none. */
  get nextType(): number {
    switch (this.upcoming === Header.ByVersion ? readVersion(this.walk) : this.upcoming) {
      case Header.Ethernet:
      case Header.GuessedEthernet:
        return BRIDGED;
      case Header.Type:
        return this.walk.type;
      case Header.Ipv4:
        return 0x0800;
      case Header.Ipv6:
        return 0x86dd;
      case Header.Mpls:
        return this.walk.type === 0x8848 ? 0x8848 : 0x8847;
      case Header.Nsh:
        return 0x894f;
      default:
        return 0;
    }
  }

  /** Moves behind the next header. False if there is none that is known, or not all of it: then the walk stays where it is. */
  next(): boolean {
    return this.passAny();
  }

  /** The same, whatever it is. */
  protected passAny(): boolean {
    const { walk } = this;
    const start = this.start = walk.position;
    let header = this.upcoming;
    let upcoming: Header = Header.None;
    if (header === Header.ByVersion) header = readVersion(walk);
    else if (header === Header.Type) {
      const type = this.number = walk.type;
      upcoming = readType(walk);
      if (walk.position > start || walk.truncated) header = tagKind(type, upcoming);
      else header = type === ARP ? Header.Arp : upcoming;
    }
    this.header = header as HeaderKind;
    if (walk.position === start && !walk.truncated) upcoming = this.pass(header);
    if (walk.position > walk.end) walk.truncated = true;
    const passed = (walk.position > start || upcoming !== Header.None) && !walk.truncated;
    if (!passed) walk.position = start;
    this.upcoming = passed ? upcoming : Header.None;
    return passed;
  }

  private pass(header: Header): Header {
    const { walk } = this;
    switch (header) {
      case Header.None:
        return Header.None;
      case Header.Ethernet:
      case Header.GuessedEthernet:
        return this.passEthernet();
      case Header.Ipv4:
        return this.passIpv4();
      case Header.Ipv6:
        return this.passIpv6();
      case Header.Extension:
        return this.passExtension();
      case Header.Tcp:
        return this.passTcp();
      case Header.Udp:
        return this.passUdp();
      case Header.Icmp:
      case Header.Icmpv6:
        return this.passIcmp(header);
      case Header.Mpls:
        return passLabels(walk) ? behindLabels(walk, this.labels, this.wireEnd) : Header.None;
      case Header.Pppoe:
        return this.passPppoe();
      case Header.Ppp:
        return readPpp(walk);
      case Header.Nsh:
        return readNsh(walk);
      case Header.Arp:
        return this.passBytes(ARP_BYTES);
      case Header.Igmp:
        return this.passBytes(ICMP_BYTES);
      case Header.Sctp:
        return this.passBytes(SCTP_BYTES);
      case Header.Gre:
        return this.passGre();
      default:
        return enterTunnel(walk, header);
    }
  }

  /** Most frames hold IP: to say so at once is faster than another step. */
  private passEthernet(): Header {
    const { walk } = this;
    this.header = Header.Ethernet;
    const next = readEthernet(walk);
    return next === Header.Type && walk.type === 0x0800 ? Header.Ipv4 : next;
  }

  private passIpv4(): Header {
    const { walk } = this;
    if (!readIpv4(walk)) return Header.None;
    const said = walk.view.getUint16(walk.network + 2);
    // 0 is that of packets that an offload has made.
    this.endAt(said === 0 ? this.wireEnd : walk.network + said);
    return this.byProtocol();
  }

  private passIpv6(): Header {
    const { walk } = this;
    if (!readIpv6Header(walk)) return Header.None;
    const said = walk.view.getUint16(walk.network + 4);
    this.endAt(said === 0 ? this.wireEnd : walk.position + said);
    return this.byProtocol();
  }

  private passExtension(): Header {
    const { walk } = this;
    const size = extensionBytes(walk, walk.protocol);
    if (size <= 0 || walk.end - walk.position < size) return cutOff(walk);
    this.number = walk.protocol;
    if (walk.protocol === Protocol.Fragment) readFragmentHeader(walk);
    walk.protocol = walk.view.getUint8(walk.position);
    walk.position += size;
    return this.byProtocol();
  }

  private endAt(said: number): void {
    this.datagramEnd = said;
    this.trimTo(said);
  }

  /** Behind this place is padding. */
  private trimTo(said: number): void {
    const { walk } = this;
    if (said < this.wireEnd) this.wireEnd = said;
    if (said < walk.end) walk.end = Math.max(said, walk.position);
  }

  /** What follows an IP header. */
  protected byProtocol(): Header {
    const { walk } = this;
    if (walk.fragment === FRAGMENT_LATER) return Header.None;
    switch (walk.protocol) {
      case Protocol.Udp:
        return Header.Udp;
      case Protocol.Tcp:
        return Header.Tcp;
      case Protocol.Icmp:
        return Header.Icmp;
      case Protocol.Igmp:
        return Header.Igmp;
      case Protocol.Ipv4:
        return Header.Ipv4;
      case Protocol.Ipv6:
        return Header.Ipv6;
      case Protocol.Gre:
        return Header.Gre;
      case Protocol.Icmpv6:
        return Header.Icmpv6;
      case Protocol.Pim:
        return Header.Pim;
      case Protocol.Sctp:
        return Header.Sctp;
      case Protocol.MplsInIp:
        walk.type = 0x8847;
        return Header.Mpls;
      default:
        return isExtension(walk) ? Header.Extension : Header.None;
    }
  }

  private passTcp(): Header {
    const { walk } = this;
    const { view, position, end } = walk;
    if (end - position < 8) return cutOff(walk);
    const size = end - position < 13 ? 8 : Math.max(20, (view.getUint8(position + 12) >>> 4) << 2);
    walk.position = Math.min(end, position + size);
    return Header.None;
  }

  private passUdp(): Header {
    const { walk } = this;
    const { view, position } = walk;
    if (walk.end - position < 8) return cutOff(walk);
    walk.position = position + 8;
    const destination = this.tunnels[view.getUint16(position + 2)];
    return destination === 0 ? tunnelOf(view.getUint16(position), 0) : destination;
  }

  /** Errors quote the beginning of a packet; the length of that is said where something else follows (RFC 4884). */
  private passIcmp(header: Header.Icmp | Header.Icmpv6): Header {
    const { walk } = this;
    const { view, position } = walk;
    this.passBytes(ICMP_BYTES);
    if (walk.truncated) return Header.None;
    const type = view.getUint8(position);
    const isV4 = header === Header.Icmp;
    if (isV4 ? !ICMP_ERRORS.includes(type) : type < 1 || type > 4) return Header.None;
    const said = isV4 ? (type > 5 || type === 3 ? view.getUint8(position + 5) << 2 : 0) : type === 1 || type === 3 ? view.getUint8(position + 4) << 3 : 0;
    if (said > 0) walk.end = Math.min(walk.end, walk.position + said);
    return isV4 ? Header.Ipv4 : Header.Ipv6;
  }

  private passPppoe(): Header {
    const { walk } = this;
    const next = readPppoe(walk);
    if (next === Header.None) return next;
    this.trimTo(walk.position + walk.view.getUint16(walk.position - 2));
    return next;
  }

  private passGre(): Header {
    const { walk } = this;
    const { view, position } = walk;
    const next = enterTunnel(walk, Header.Gre);
    if (walk.position === position) return next;
    const type = view.getUint16(position + 2);
    if (type === 0x88be || type === 0x22eb) this.header = Header.Erspan;
    return next;
  }

  private passBytes(size: number): Header {
    const { walk } = this;
    if (walk.end - walk.position < size) return cutOff(walk);
    walk.position += size;
    return Header.None;
  }
}

/** What stood behind an Ethernet type, or a length, if it was no header with a name of its own. */
function tagKind(type: number, next: Header): Header {
  if (type <= LONGEST_LENGTH) return Header.Snap;
  return next === Header.Ethernet ? Header.Backbone : Header.Tag;
}

function isExtension(walk: Walk): boolean {
  return extensionBytes(walk, walk.protocol) !== 0;
}
