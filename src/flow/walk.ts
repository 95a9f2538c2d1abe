/**
 * A cursor that goes through the headers of one packet. The functions in link-layer.ts, headers.ts and tunnels.ts take one that stands at the start of a
 * header, move it behind that header, and say what comes next. Nothing from `end` on is ever read.
 */

/** What a walk stands at, or what comes next. A const enum: where V8 runs it, its members are numbers, not loads from another module. */
export const enum Header {
  /** Nothing that leads to an IP header. */
  None = 0,
  /** What the Ethernet type in `walk.type` announces. */
  Type = 1,
  Ethernet = 2,
  /** An Ethernet header, in all likelihood. */
  GuessedEthernet = 3,
  Ipv4 = 4,
  Ppp = 5,
  Ipv6 = 6,
  Mpls = 7,
  /** A network service header. */
  Nsh = 8,
  /** IPv4 or IPv6, as the first four bits say. */
  ByVersion = 9,
  Pppoe = 10,
  Udp = 11,
  Gre = 12,
  Vxlan = 13,
  VxlanGpe = 14,
  Geneve = 15,
  /** GTP-U. */
  Gtp = 16,
  Teredo = 17,
  /** What a router registers of a multicast source. */
  Pim = 18,
  // What only a HeaderWalk stops at:
  /** A tag between an Ethernet header and its type. */
  Tag = 19,
  /** LLC and SNAP, and the type that they hold. */
  Snap = 20,
  /** What is in front of a frame in a frame. */
  Backbone = 21,
  Arp = 22,
  /** An extension header of IPv6. */
  Extension = 23,
  /** ERSPAN, with the GRE header in front of it. */
  Erspan = 24,
  Tcp = 25,
  Icmp = 26,
  Icmpv6 = 27,
  Igmp = 28,
  Sctp = 29,
}

/** Where a walk to the next IP header ends. */
export type Layer = Header.None | Header.Ipv4 | Header.Ipv6;

/** Made once and used again for each packet. All numbers are small or signed, so that none needs a place on the heap. */
export class Walk {
  /** The memory that the packet lies in; where the walk stands and the packet ends in it. A DataView reads network order wherever it stands. */
  view: DataView = new DataView(new ArrayBuffer(0));
  position = 0;
  end = 0;
  /** Where the last Ethernet header starts that was not merely guessed; -1 if there was none. */
  hardware = -1;
  /** The Ethernet type that Header.Type is about. */
  type = 0;
  /** Whether the walk ended at a protocol that nothing here reads. */
  unknownProtocol = false;
  /** Whether a header was not captured whole. */
  truncated = false;

  // Of the last IP header:
  /** Where it starts. */
  network = 0;
  /** The protocol of what is behind it and its extension headers; -1 if that was not captured. */
  protocol = -1;
  /** The XOR of the 16-bit words of both its addresses. */
  addresses = 0;
  /** One of the FRAGMENT_ constants. */
  fragment = 0;
  /** The identification of the datagram that it is a fragment of, signed. */
  identification = 0;

  /** To the first byte of a packet. */
  begin(view: DataView, offset: number, length: number): void {
    this.view = view;
    this.position = offset;
    this.end = offset + length;
    this.hardware = -1;
    this.unknownProtocol = false;
    this.truncated = false;
    this.protocol = -1;
  }
}

/** Says of a header that it was not captured whole. */
export function cutOff(walk: Walk): Header {
  walk.truncated = true;
  return Header.None;
}
