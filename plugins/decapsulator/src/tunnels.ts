/** The headers of tunnels: each function takes a walk that stands at one, moves it behind, and returns the kind, NONE, TRUNCATED or FRAGMENT. */
import { throughLabels, type BehindLabels } from './labels.js';
import { BRIDGED, FRAGMENT, IPV4, IPV6, LABELS, MULTICAST_LABELS, NONE, PPPOE, PacketWalk, TRUNCATED } from './packet-walk.js';

/** What can be stripped. */
export const KINDS = ['vxlan', 'geneve', 'gre', 'erspan', 'gtp', 'mpls', 'pppoe', 'ipip'] as const;
export type Kind = (typeof KINDS)[number];

const VXLAN = 0;
const GENEVE = 1;
const GRE = 2;
const ERSPAN = 3;
const GTP = 4;
const MPLS = 5;
const PPP_OVER_ETHERNET = 6;
const IP_IN_IP = 7;

/** IP protocols. */
const PROTOCOL_IPV4 = 4;
const PROTOCOL_UDP = 17;
const PROTOCOL_IPV6 = 41;
const PROTOCOL_GRE = 47;

/** What a UDP port means. */
const PORT_VXLAN = 1;
const PORT_GENEVE = 2;
const PORT_GTP = 3;
const PORT_VXLAN_GPE = 4;
const PORT_GRE = 5;

export interface TunnelOptions {
  readonly kinds: readonly Kind[];
  readonly vxlanPorts: readonly number[];
  readonly genevePorts: readonly number[];
  readonly labels: BehindLabels;
}

/** Made once, and moved from packet to packet. */
export class TunnelWalk extends PacketWalk {
  /** One for each kind that is stripped. */
  private readonly wanted: Uint8Array;
  private readonly ports = new Uint8Array(65_536);
  private readonly overUdp: boolean;
  private readonly overIp: boolean;
  private readonly labels: BehindLabels;

  constructor({ kinds, vxlanPorts, genevePorts, labels }: TunnelOptions) {
    super();
    this.wanted = Uint8Array.from(KINDS, (kind) => (kinds.includes(kind) ? 1 : 0));
    this.labels = labels;
    const allow = (kind: Kind, ports: readonly number[], meaning: number): void => {
      if (kinds.includes(kind)) for (const port of ports) this.ports[port] = meaning;
    };
    allow('vxlan', [4790], PORT_VXLAN_GPE);
    allow('vxlan', vxlanPorts, PORT_VXLAN);
    allow('geneve', genevePorts, PORT_GENEVE);
    allow('gtp', [2152], PORT_GTP);
    allow('gre', [4754], PORT_GRE);
    this.overUdp = this.ports.some((meaning) => meaning > 0);
    this.overIp = this.overUdp || kinds.includes('erspan') || kinds.includes('ipip');
  }

  /** Moves into the tunnel that stands here. Returns its kind; or NONE, TRUNCATED or FRAGMENT, and nothing has moved. */
  enter(): number {
    const { at, type, end, wireEnd, frame, frameEnd } = this;
    const kind = this.throughHeaders();
    if (kind >= 0 && this.arrives()) return kind;
    this.at = at;
    this.type = type;
    this.end = end;
    this.wireEnd = wireEnd;
    this.frame = frame;
    this.frameEnd = frameEnd;
    return kind >= 0 ? TRUNCATED : kind;
  }

  private throughHeaders(): number {
    switch (this.type) {
      case IPV4:
        return this.overIp ? this.throughIpv4() : NONE;
      case IPV6:
        return this.overIp ? this.throughIpv6() : NONE;
      case LABELS:
      case MULTICAST_LABELS:
        return this.wanted[MPLS] === 1 ? throughLabels(this, MPLS, this.labels) : NONE;
      case PPPOE:
        return this.wanted[PPP_OVER_ETHERNET] === 1 ? this.throughPppoe() : NONE;
      default:
        return NONE;
    }
  }

  /** Whether the first header of what was carried is there. A frame brings its own Ethernet header. */
  private arrives(): boolean {
    switch (this.type) {
      case BRIDGED:
        return this.readFrame();
      case IPV4:
        return this.has(20);
      case IPV6:
        return this.has(40);
      default:
        return this.has(1);
    }
  }

  private throughIpv4(): number {
    const { view, at } = this;
    if (!this.has(20)) return TRUNCATED;
    const first = view.getUint8(at);
    const headerLength = (first & 15) << 2;
    if (first >>> 4 !== 4 || headerLength < 20) return NONE;
    const protocol = view.getUint8(at + 9);
    if (!this.mayCarry(protocol)) return NONE;
    if ((view.getUint16(at + 6) & 0x3fff) !== 0) return FRAGMENT;
    const said = view.getUint16(at + 2);
    // 0 is that of packets that an offload has made.
    if (said !== 0) this.endsAt(at + said);
    this.at = at + headerLength;
    return this.throughProtocol(protocol);
  }

  private throughIpv6(): number {
    const { view, at } = this;
    if (!this.has(40)) return TRUNCATED;
    if (view.getUint8(at) >>> 4 !== 6) return NONE;
    const said = view.getUint16(at + 4);
    let protocol = view.getUint8(at + 6);
    let fragment = false;
    this.at = at + 40;
    for (;;) {
      const { at: here } = this;
      const isFragmentHeader = protocol === 44;
      // Hop by hop, routing, destination options; authentication, whose length counts 4 bytes.
      if (protocol !== 0 && protocol !== 43 && protocol !== 60 && protocol !== 51 && !isFragmentHeader) break;
      if (!this.has(8)) return TRUNCATED;
      const units = view.getUint8(here + 1);
      if (isFragmentHeader) fragment = fragment || (view.getUint16(here + 2) & 0xfff9) !== 0;
      this.at = here + 8 + (isFragmentHeader ? 0 : protocol === 51 ? units << 2 : units << 3);
      protocol = view.getUint8(here);
      // Behind it there may be no header.
      if (fragment) break;
    }
    if (!this.mayCarry(protocol)) return NONE;
    if (fragment) return FRAGMENT;
    if (said !== 0) this.endsAt(at + 40 + said);
    return this.throughProtocol(protocol);
  }

  private mayCarry(protocol: number): boolean {
    const { wanted } = this;
    switch (protocol) {
      case PROTOCOL_IPV4:
      case PROTOCOL_IPV6:
        return wanted[IP_IN_IP] === 1;
      case PROTOCOL_GRE:
        return wanted[GRE] === 1 || wanted[ERSPAN] === 1;
      case PROTOCOL_UDP:
        return this.overUdp;
      default:
        return false;
    }
  }

  private throughProtocol(protocol: number): number {
    switch (protocol) {
      case PROTOCOL_GRE:
        return this.throughGre();
      case PROTOCOL_UDP:
        return this.throughUdp();
      default: {
        const kind = this.byVersion(IP_IN_IP);
        return kind < 0 || (this.type === IPV4) === (protocol === PROTOCOL_IPV4) ? kind : NONE;
      }
    }
  }

  private throughUdp(): number {
    if (!this.has(8)) return TRUNCATED;
    const meaning = this.ports[this.view.getUint16(this.at + 2)];
    this.at += 8;
    switch (meaning) {
      case PORT_VXLAN:
      case PORT_VXLAN_GPE:
        return this.throughVxlan(meaning === PORT_VXLAN_GPE);
      case PORT_GENEVE:
        return this.throughGeneve();
      case PORT_GTP:
        return this.throughGtp();
      case PORT_GRE:
        return this.throughGre();
      default:
        return NONE;
    }
  }

  /** Also with the group policy extension; `generic` allows other protocols than Ethernet (VXLAN-GPE). */
  private throughVxlan(generic: boolean): number {
    if (!this.has(8)) return TRUNCATED;
    const flags = this.view.getUint8(this.at);
    const next = this.view.getUint8(this.at + 3);
    // The flag that the network identifier is valid; and of VXLAN-GPE version 0.
    if ((flags & 0x08) === 0 || (generic && (flags & 0x30) !== 0)) return NONE;
    this.at += 8;
    this.type = BRIDGED;
    if (!generic || (flags & 0x04) === 0 || next === 3) return VXLAN;
    if (next === 5) return this.throughType(VXLAN, LABELS);
    return next === 1 || next === 2 ? this.throughType(VXLAN, next === 1 ? IPV4 : IPV6) : NONE;
  }

  private throughGeneve(): number {
    if (!this.has(8)) return TRUNCATED;
    const { view, at } = this;
    const first = view.getUint8(at);
    // Another version; or what ends of the tunnel say to each other.
    if (first >>> 6 !== 0 || (view.getUint8(at + 1) & 0x80) !== 0) return NONE;
    this.at = at + 8 + ((first & 0x3f) << 2);
    return this.throughType(GENEVE, view.getUint16(at + 2));
  }

  /** A user's packet in version 1, with its extension headers; other messages carry none. */
  private throughGtp(): number {
    if (!this.has(8)) return TRUNCATED;
    const { view, at, end } = this;
    const flags = view.getUint8(at);
    if (flags >>> 4 !== 3 || view.getUint8(at + 1) !== 255) return NONE;
    this.at = at + 8;
    if ((flags & 7) !== 0) {
      if (!this.has(4)) return TRUNCATED;
      let extension = (flags & 4) !== 0 ? view.getUint8(this.at + 3) : 0;
      this.at += 4;
      while (extension !== 0) {
        if (!this.has(4)) return TRUNCATED;
        const size = view.getUint8(this.at) << 2;
        if (size === 0) return NONE;
        this.at += size;
        if (this.at > end) return TRUNCATED;
        extension = view.getUint8(this.at - 1);
      }
    }
    return this.byVersion(GTP);
  }

  /** RFC 2784 and 2890, the source routes of RFC 1701, and version 1, in which PPTP carries PPP. NVGRE is GRE with a key around a frame. */
  private throughGre(): number {
    if (!this.has(4)) return TRUNCATED;
    const { view, at } = this;
    const flags = view.getUint16(at);
    const protocol = view.getUint16(at + 2);
    const version = flags & 7;
    const isErspan = protocol === 0x88be || protocol === 0x22eb;
    if (version > 1 || this.wanted[isErspan ? ERSPAN : GRE] === 0) return NONE;
    const sequence = (flags & 0x1000) !== 0;
    const routed = (flags & 0x4000) !== 0;
    this.at = at + 4 + ((flags & 0xc000) !== 0 ? 4 : 0) + ((flags & 0x2000) !== 0 ? 4 : 0) + (sequence ? 4 : 0);
    if (version === 1) {
      // Without a sequence number it only acknowledges.
      if (protocol !== 0x880b || !sequence) return NONE;
      this.at += (flags & 0x0080) !== 0 ? 4 : 0;
      return this.throughPpp(GRE);
    }
    if (routed && !this.throughRoutes()) return TRUNCATED;
    if (isErspan) return this.throughErspan(protocol === 0x22eb ? 3 : sequence ? 2 : 1);
    return protocol === 0x880b ? this.throughPpp(GRE) : this.throughType(GRE, protocol);
  }

  /** Source routes: address family, offset and length of each; the last one has none of them. */
  private throughRoutes(): boolean {
    for (;;) {
      if (!this.has(4)) return false;
      const family = this.view.getUint16(this.at);
      const length = this.view.getUint8(this.at + 3);
      this.at += 4 + length;
      if (family === 0 && length === 0) return true;
    }
  }

  /** Type I has no header of its own, type II one of 8 bytes, type III one of 12, and 8 more if its last bit says so. */
  private throughErspan(type: number): number {
    this.type = BRIDGED;
    if (type < 3) {
      this.at += type === 2 ? 8 : 0;
      return ERSPAN;
    }
    if (!this.has(12)) return TRUNCATED;
    const last = this.view.getUint16(this.at + 10);
    this.at += 12 + ((last & 1) !== 0 ? 8 : 0);
    const carried = (last >>> 10) & 31;
    if (carried === 0) return ERSPAN;
    return carried === 2 ? this.byVersion(ERSPAN) : NONE;
  }

  private throughPppoe(): number {
    if (!this.has(6)) return TRUNCATED;
    const { view, at } = this;
    // Version 1, type 1, and code 0: a session.
    if (view.getUint16(at) !== 0x1100) return NONE;
    this.endsAt(at + 6 + view.getUint16(at + 4));
    this.at = at + 6;
    return this.throughPpp(PPP_OVER_ETHERNET);
  }
}
