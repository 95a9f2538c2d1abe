/** Finds the tunnels of a packet, one inside another. */
import { HEADER, HeaderWalk, type HeaderWalkOptions } from 'packet-bricks';

/** What can be stripped. */
export const KINDS = ['vxlan', 'geneve', 'gre', 'erspan', 'gtp', 'mpls', 'pppoe', 'ipip'] as const;
export type Kind = (typeof KINDS)[number];
const IP_IN_IP = KINDS.indexOf('ipip');

/** Instead of a kind of tunnel: there is none. */
const NONE = -1;
/** Instead of a kind: its headers, or the first one of what it carries, were not captured whole. */
export const TRUNCATED = -2;
/** Instead of a kind: a fragment of a datagram that may carry a tunnel. */
export const FRAGMENT = -3;

/** The Ethernet types of what tunnels carry: a frame, or IP. */
export const BRIDGED = 0x6558;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

// A module's own constants are faster than imported ones.
const { ETHERNET, TAG, UDP, GENEVE } = HEADER;
/** IP protocols. */
const IPV4_IN_IP = 4;
const IPV6_IN_IP = 41;
const KIND_OF = new Map<number, Kind>([
  [HEADER.VXLAN, 'vxlan'], [HEADER.VXLAN_GPE, 'vxlan'], [HEADER.GENEVE, 'geneve'], [HEADER.GRE, 'gre'], [HEADER.ERSPAN, 'erspan'], [HEADER.GTP, 'gtp'], [HEADER.MPLS, 'mpls'], [HEADER.PPPOE, 'pppoe'],
]);
/** The flag of packets with which the ends of a GENEVE tunnel talk to each other. */
const GENEVE_CONTROL = 0x80;

/** What a header is to the search: the index of a kind that is stripped, or one of these. */
const END = -1;
const ON_THE_WAY = -2;

export interface TunnelOptions extends HeaderWalkOptions {
  readonly kinds: readonly Kind[];
}

/** Made once, and moved from packet to packet. All places are those in the memory that the packet lies in. */
export class Tunnels {
  /** Where the packet starts that the last tunnel carries, its Ethernet type (BRIDGED for a frame), and where it ended on the wire. */
  carried = 0;
  type = 0;
  wireEnd = 0;
  /** The Ethernet header around it, with tags. */
  frame = 0;
  frameEnd = 0;
  private readonly walk: HeaderWalk;
  private view!: DataView;
  /** By header. */
  private readonly meaning = new Int8Array(Math.max(...Object.values(HEADER)) + 1).fill(END);
  /** By IP protocol: one if it may carry a tunnel that is stripped. */
  private readonly carriers = new Uint8Array(256);
  private readonly stripsIp: boolean;

  constructor(options: TunnelOptions) {
    const { kinds } = options;
    this.walk = new HeaderWalk(options);
    this.stripsIp = kinds.includes('ipip');
    const { meaning, carriers } = this;
    const lead = (...headers: number[]): void => void headers.forEach((header) => (meaning[header] = ON_THE_WAY));
    const carry = (protocols: readonly number[], ...carried: Kind[]): boolean => {
      const isWanted = carried.some((kind) => kinds.includes(kind));
      if (isWanted) for (const protocol of protocols) carriers[protocol] = 1;
      return isWanted;
    };
    lead(ETHERNET, TAG);
    const overUdp = carry([17], 'vxlan', 'geneve', 'gtp', 'gre');
    if (overUdp) lead(UDP);
    const overIp = [carry([4, 41], 'ipip'), carry([47], 'gre', 'erspan'), carry([137], 'mpls'), overUdp].includes(true);
    if (overIp) lead(HEADER.IPV4, HEADER.IPV6, HEADER.EXTENSION);
    for (const [header, kind] of KIND_OF) if (kinds.includes(kind)) meaning[header] = KINDS.indexOf(kind);
  }

  /** To a packet's first byte. */
  begin(view: DataView, start: number, length: number, wireLength: number): void {
    this.view = view;
    this.walk.begin(view, start, length, wireLength, 1);
  }

  /** Moves into the next tunnel. Returns its kind; or NONE, TRUNCATED or FRAGMENT, and `carried` and the rest stay. */
  enter(): number {
    const { walk, meaning } = this;
    let { frame, frameEnd } = this;
    while (walk.next()) {
      const { header } = walk;
      const kind = meaning[header];
      if (kind === END) return NONE;
      if (kind >= 0) return this.arrive(kind, frame, frameEnd);
      if (header === ETHERNET || header === TAG) {
        if (header === ETHERNET) frame = walk.start;
        frameEnd = walk.position;
        continue;
      }
      if (header === UDP) continue;
      // An IP header.
      const { protocol } = walk;
      if (walk.isFragment) return this.carriers[protocol] === 1 ? FRAGMENT : NONE;
      if (protocol === IPV4_IN_IP || protocol === IPV6_IN_IP) return this.stripsIp ? this.arrive(IP_IN_IP, frame, frameEnd) : NONE;
    }
    return walk.isTruncated ? this.truncated() : NONE;
  }

  /** `frame` to `frameEnd`: the Ethernet header in front of the tunnel. */
  private arrive(kind: number, frame: number, frameEnd: number): number {
    const { walk } = this;
    if (walk.header === GENEVE && (this.view.getUint8(walk.start + 1) & GENEVE_CONTROL) !== 0) return NONE;
    let type = walk.nextType;
    // PPP has a header of its own.
    if (type === 0 && walk.goesOn && walk.next()) type = walk.nextType;
    if (type === 0) return walk.isTruncated ? TRUNCATED : NONE;
    if (kind === IP_IN_IP && !this.isVersion(type === IPV4 ? 4 : 6)) return NONE;
    const least = type === BRIDGED ? 14 : type === IPV4 ? 20 : type === IPV6 ? 40 : 1;
    if (walk.end - walk.position < least) return TRUNCATED;
    this.carried = walk.position;
    this.type = type;
    this.wireEnd = walk.wireEnd;
    this.frame = frame;
    this.frameEnd = frameEnd;
    return kind;
  }

  private isVersion(version: number): boolean {
    const { position, end } = this.walk;
    return position >= end || this.view.getUint8(position) >>> 4 === version;
  }

  /** A header that was not captured whole may have led to a tunnel, or not. */
  private truncated(): number {
    const { header } = this.walk;
    return header === ETHERNET || header === TAG || this.meaning[header] === END ? NONE : TRUNCATED;
  }
}
