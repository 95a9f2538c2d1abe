/** IPv4 and IPv6 headers, with options and extension headers. */
import { sumOf, updated } from './checksums.js';
import { LinkLayers } from './link-layers.js';

const NO_OPERATION = 1;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION = 60;
const PAD_N = 1;
/** A pad option of IPv6 has two bytes and at most 255 more. */
const LONGEST_PAD = 257;
const SEGMENT_ROUTING = 4;
/** How many bytes are behind an IP header: a first fragment does not say. */
export const UNKNOWN = -1;

export abstract class NetworkLayers extends LinkLayers {
  /** `quoted`: of a packet in an ICMP error, of which only the beginning is there. */
  protected ipv4(at: number, end: number, quoted: boolean): number {
    const { view, bytes, addresses } = this;
    if (end - at < 20) return this.stop(at);
    const header = (bytes[at] & 15) << 2;
    if (bytes[at] >>> 4 !== 4 || header < 20 || end - at < header) return this.stop(at);
    const total = view.getUint16(at + 2);
    const fragment = view.getUint16(at + 6);
    const whole = sumOf(view, at, at + header);
    const before = sumOf(view, at + 12, at + 20);
    addresses.ipv4(at + 12);
    addresses.ipv4(at + 16);
    // Options say where a packet came past.
    if (header > 20) bytes.fill(NO_OPERATION, at + 20, at + header);
    const after = sumOf(view, at + 12, at + 20);
    const checksum = view.getUint16(at + 10);
    // 0: the interface that sends it fills it in.
    if (checksum !== 0) view.setUint16(at + 10, updated(checksum, whole, sumOf(view, at, at + header)));
    const behind = at + header;
    if ((fragment & 0x1fff) !== 0) return behind;
    // Segments that an interface is to cut up may say 0.
    const said = total >= header;
    const limit = quoted || !said ? end : Math.min(end, at + total);
    const length = (fragment & 0x2000) !== 0 ? UNKNOWN : said ? total - header : end - behind;
    return this.transport(bytes[at + 9], behind, limit, before, after, length);
  }

  protected ipv6(at: number, end: number, quoted: boolean): number {
    const { view, bytes, addresses } = this;
    if (end - at < 40 || bytes[at] >>> 4 !== 6) return this.stop(at);
    const payload = view.getUint16(at + 4);
    const limit = quoted || payload === 0 ? end : Math.min(end, at + 40 + payload);
    const destination = sumOf(view, at + 24, at + 40);
    let before = sumOf(view, at + 8, at + 24) + destination;
    addresses.ipv6(at + 8);
    addresses.ipv6(at + 24);
    let after = sumOf(view, at + 8, at + 40);
    let protocol = bytes[at + 6];
    let here = at + 40;
    let isWhole = true;
    for (; isExtension(protocol); protocol = bytes[here], here += this.size) {
      if (!this.measure(protocol, here, limit)) return this.stop(here);
      if (protocol === ROUTING) {
        // On its way there, the checksum is about the last of the addresses.
        const last = this.lastOfRoute(here);
        if (last >= 0) before += sumOf(view, last, last + 16) - destination;
        this.route(here);
        if (last >= 0) after += sumOf(view, last, last + 16) - sumOf(view, at + 24, at + 40);
      } else if (protocol === FRAGMENT) {
        const field = view.getUint16(here + 2);
        if (field >>> 3 !== 0) return here + this.size;
        isWhole = isWhole && (field & 1) === 0;
      } else if (protocol === AUTHENTICATION) {
        bytes.fill(0, Math.min(here + 12, here + this.size), here + this.size);
      } else {
        this.pad(here + 2, here + this.size);
      }
    }
    const length = !isWhole ? UNKNOWN : payload === 0 ? limit - here : Math.max(0, payload - (here - at - 40));
    return this.transport(protocol, here, limit, before, after, length);
  }

  /** Bytes of the extension header that was measured last. */
  private size = 0;

  /** False for one that is not whole. */
  private measure(protocol: number, at: number, end: number): boolean {
    if (end - at < 8) return false;
    const units = this.bytes[at + 1];
    this.size = protocol === FRAGMENT ? 8 : protocol === AUTHENTICATION ? 8 + (units << 2) : 8 + (units << 3);
    return end - at >= this.size;
  }

  /** Options may hold addresses; some pad, and all may be skipped. */
  private pad(from: number, end: number): void {
    const { bytes } = this;
    bytes.fill(0, from, end);
    for (let at = from; end - at >= 2; ) {
      const size = Math.min(end - at, LONGEST_PAD);
      bytes[at] = PAD_N;
      bytes[at + 1] = size - 2;
      at += size;
    }
  }

  /** Of a routing header: the addresses in it. */
  private routeLength(at: number): number {
    const type = this.bytes[at + 2];
    const most = (this.size - 8) >>> 4;
    if (type === SEGMENT_ROUTING) return Math.min(most, this.bytes[at + 4] + 1);
    return type === 0 || type === 2 ? most : 0;
  }

  private lastOfRoute(at: number): number {
    const count = this.routeLength(at);
    if (this.bytes[at + 3] === 0 || count === 0) return -1;
    return this.bytes[at + 2] === SEGMENT_ROUTING ? at + 8 : at + 8 + 16 * (count - 1);
  }

  private route(at: number): void {
    const count = this.routeLength(at);
    const end = at + 8 + 16 * count;
    for (let address = at + 8; address < end; address += 16) this.addresses.ipv6(address);
    this.bytes.fill(0, count === 0 ? at + 4 : end, at + this.size);
  }

  /**
   * What is behind an IP header: `before` and `after` are the sums of both addresses in its checksum, and `length` is how many bytes it has, or UNKNOWN.
   */
  protected abstract transport(protocol: number, at: number, end: number, before: number, after: number, length: number): number;
}

function isExtension(protocol: number): boolean {
  return protocol === HOP_BY_HOP || protocol === ROUTING || protocol === FRAGMENT || protocol === AUTHENTICATION || protocol === DESTINATION;
}
