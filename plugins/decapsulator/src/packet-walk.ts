/** A walk from the outside of an Ethernet frame inwards. No byte from `end` on is ever read. */

/** Instead of a kind of tunnel: there is none. */
export const NONE = -1;
/** Instead of a kind: its headers, or the first one of what it carries, were not captured whole. */
export const TRUNCATED = -2;
/** Instead of a kind: a fragment of a datagram that may carry a tunnel. */
export const FRAGMENT = -3;

/** Ethernet types. */
export const IPV4 = 0x0800;
export const IPV6 = 0x86dd;
export const ARP = 0x0806;
export const LABELS = 0x8847;
export const MULTICAST_LABELS = 0x8848;
export const PPPOE = 0x8864;
/** An Ethernet frame follows. */
export const BRIDGED = 0x6558;

/** Below are lengths, above types. */
export const LEAST_TYPE = 0x0600;
export const ETHERNET_BYTES = 14;
const TAG_BYTES = 4;

export function isTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100;
}

/** All places are those in the memory that the packet lies in. */
export class PacketWalk {
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the next header starts, and its Ethernet type. */
  at = 0;
  type = 0;
  /** Where the captured bytes end, and where the packet ended on the wire. */
  end = 0;
  wireEnd = 0;
  /** The Ethernet header, with tags, that the packet has or gets. */
  frame = 0;
  frameEnd = 0;

  /** To a packet's first byte. False if there is no whole Ethernet header. */
  begin(view: DataView, start: number, length: number, wireLength: number): boolean {
    this.view = view;
    this.at = start;
    this.end = start + length;
    this.wireEnd = start + wireLength;
    return this.readFrame();
  }

  /** Moves behind an Ethernet header and its tags. */
  readFrame(): boolean {
    const { view, at, end } = this;
    if (end - at < ETHERNET_BYTES) return false;
    let behind = at + ETHERNET_BYTES;
    let type = view.getUint16(at + 12);
    while (isTag(type)) {
      if (end - behind < TAG_BYTES) return false;
      type = view.getUint16(behind + 2);
      behind += TAG_BYTES;
    }
    this.frame = at;
    this.frameEnd = this.at = behind;
    this.type = type;
    return true;
  }

  /** A header says where the packet ends: what is behind is padding, or a trailer of the frame. */
  endsAt(said: number): void {
    if (said < this.wireEnd) this.wireEnd = said;
    if (said < this.end) this.end = said;
  }

  /** Whether so many bytes were captured from here on. */
  has(bytes: number): boolean {
    return this.end - this.at >= bytes;
  }

  /** Takes the IP version here for the type of what follows. */
  byVersion(kind: number): number {
    if (!this.has(1)) return TRUNCATED;
    const version = this.view.getUint8(this.at) >>> 4;
    if (version !== 4 && version !== 6) return NONE;
    return this.throughType(kind, version === 4 ? IPV4 : IPV6);
  }

  /** PPP, with or without address and control field, its protocol in two bytes or compressed to one. */
  throughPpp(kind: number): number {
    const { view } = this;
    if (this.has(2) && view.getUint16(this.at) === 0xff03) this.at += 2;
    if (!this.has(2)) return TRUNCATED;
    let protocol = view.getUint8(this.at++);
    if ((protocol & 1) === 0) protocol = (protocol << 8) | view.getUint8(this.at++);
    switch (protocol) {
      case 0x0021:
        return this.throughType(kind, IPV4);
      case 0x0057:
        return this.throughType(kind, IPV6);
      case 0x0281:
        return this.throughType(kind, LABELS);
      case 0x0283:
        return this.throughType(kind, MULTICAST_LABELS);
      default:
        return NONE;
    }
  }

  /** As `type` announces it in a tunnel: a frame or another packet. */
  throughType(kind: number, type: number): number {
    this.type = type;
    return type < LEAST_TYPE ? NONE : kind;
  }
}
