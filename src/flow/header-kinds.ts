/** Names of headers for bricks. */
import { Header } from './walk';

/** What a HeaderWalk stops at. Put those that you use into constants of your own module: V8 loads imported ones again for each packet. */
export const HEADER = {
  /** No header that is known. */
  NONE: Header.None,
  ETHERNET: Header.Ethernet,
  /** A tag behind an Ethernet header (802.1Q, 802.1ad, VN-Tag, E-Tag, HSR, Cisco metadata), or behind another one; the type of what follows included. */
  TAG: Header.Tag,
  /** LLC and SNAP. */
  SNAP: Header.Snap,
  /** What is in front of a frame in a frame: TRILL, FabricPath, provider backbone bridging. */
  BACKBONE: Header.Backbone,
  ARP: Header.Arp,
  /** A whole stack of MPLS labels, and the control word behind it. */
  MPLS: Header.Mpls,
  PPPOE: Header.Pppoe,
  PPP: Header.Ppp,
  /** A network service header. */
  NSH: Header.Nsh,
  /** IPv4, with its options. */
  IPV4: Header.Ipv4,
  /** IPv6, without extension headers. */
  IPV6: Header.Ipv6,
  /** An extension header of IPv6; `number` says which. */
  EXTENSION: Header.Extension,
  /** TCP with its options, or as much of it as was captured: at least 8 bytes, as ICMP errors quote. */
  TCP: Header.Tcp,
  UDP: Header.Udp,
  /** 8 bytes. The packet that an error is about comes next. */
  ICMP: Header.Icmp,
  ICMPV6: Header.Icmpv6,
  IGMP: Header.Igmp,
  SCTP: Header.Sctp,
  /** GRE, also in UDP. */
  GRE: Header.Gre,
  /** ERSPAN I, II or III, with the GRE header in front of it. */
  ERSPAN: Header.Erspan,
  VXLAN: Header.Vxlan,
  VXLAN_GPE: Header.VxlanGpe,
  GENEVE: Header.Geneve,
  /** A user's packet in GTP-U. */
  GTP: Header.Gtp,
  TEREDO: Header.Teredo,
  /** What a router registers of a multicast source. */
  PIM: Header.Pim,
} as const;
/** One of the numbers in `HEADER`. */
export type HeaderKind = (typeof HEADER)[keyof typeof HEADER];
