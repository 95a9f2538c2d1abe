/** One header of a packet, and its checksum. */
import { HEADER, changedChecksum, checksumOf, foldedSum, wordSum, type HeaderWalk } from 'packet-bricks';

const { IPV4, IPV6, TCP, UDP, ICMP, ICMPV6, IGMP, GRE, ERSPAN } = HEADER;
/** Instead of the place of a checksum. */
const NO_CHECKSUM = -1;
/** How long what a checksum covers is: a first fragment does not say. */
const UNKNOWN = -1;

/** Made once and filled again for each packet. */
export class Layer {
  header = 0;
  number = 0;
  /** Where it starts, where it ends, where what was captured of all it covers ends, and of that what the headers inside say. */
  start = 0;
  behind = 0;
  end = 0;
  innerEnd = 0;
  private view!: DataView;
  /** Where the addresses are that the checksum is about, and how many bytes each has; 0 if it is about none. */
  private source = 0;
  private destination = 0;
  private addressBytes = 0;
  private protocol = 0;
  private length = 0;
  private checksum = NO_CHECKSUM;
  private summed = 0;
  private before = 0;
  private isPartial = false;

  /** The header that a walk has just passed; `end`: of what the one before covers. `network`: the last IP header; `destination`: its last address. */
  take(walk: HeaderWalk, view: DataView, end: number, network: Layer | undefined, destination: number): void {
    this.view = view;
    this.header = walk.header;
    this.number = walk.number;
    this.start = walk.start;
    this.behind = walk.position;
    this.end = end;
    this.innerEnd = walk.end;
    this.checksum = this.checksumPlace();
    const protocol = walk.header === TCP ? 6 : walk.header === UDP ? 17 : walk.header === ICMPV6 ? 58 : -1;
    this.addressBytes = 0;
    this.length = 0;
    if (protocol < 0 || network === undefined) return;
    this.protocol = protocol;
    this.addressBytes = network.header === IPV4 ? 4 : 16;
    this.source = network.start + (network.header === IPV4 ? 12 : 8);
    this.destination = destination;
    const said = walk.header === UDP && end - walk.start >= 8 ? view.getUint16(walk.start + 4) : 0;
    if (said >= 8) this.end = Math.min(end, walk.start + said);
    this.length = said >= 8 ? said : walk.isFragment ? UNKNOWN : Math.max(0, walk.datagramEnd - walk.start);
  }

  private checksumPlace(): number {
    const { header, view, start, end } = this;
    switch (header) {
      case IPV4:
        // 0: the interface that sends it fills it in.
        return view.getUint16(start + 10) === 0 ? NO_CHECKSUM : start + 10;
      case TCP:
        return start + 16;
      case UDP:
        return end - start < 8 || view.getUint16(start + 6) === 0 ? NO_CHECKSUM : start + 6;
      case ICMP:
      case ICMPV6:
      case IGMP:
        return start + 2;
      case GRE:
      case ERSPAN:
        return (view.getUint16(start) & 0x8000) === 0 ? NO_CHECKSUM : start + 4;
      default:
        return NO_CHECKSUM;
    }
  }

  /** Before anything is changed. `hasPayload`: what is behind stays as it is, or is removed. */
  note(hasPayload: boolean, keepsPayload: boolean): void {
    const { view, header, checksum, start, end, behind, length } = this;
    if (checksum === NO_CHECKSUM) return;
    this.summed = header === IPV4 || (hasPayload && (header === TCP || header === UDP)) ? behind : end;
    this.isPartial = false;
    const pseudo = this.pseudoSum();
    if (keepsPayload || header === IPV4) this.before = foldedSum(wordSum(view, start, this.summed)) + pseudo;
    // It holds the sum of addresses, protocol and length alone: the interface that sends it makes the rest. A right one may happen to be the same.
    if (pseudo === 0 || length === UNKNOWN || checksum + 2 > end || view.getUint16(checksum) !== foldedSum(pseudo)) return;
    this.isPartial = start + length > end || checksumOf(wordSum(view, start, start + length) + pseudo) % 0xffff !== 0;
  }

  /**
   * After all is changed, also in the headers inside. Where payloads stay, the checksum is changed by what was changed; otherwise what is behind `kept`
   * counts as zeros, which can't be told from a first fragment.
   */
  settle(kept: number, keepsPayload: boolean): void {
    const { view, checksum, start, end, length, header } = this;
    if (checksum === NO_CHECKSUM || checksum + 2 > Math.min(kept, end)) return;
    const pseudo = this.pseudoSum();
    if (this.isPartial) {
      view.setUint16(checksum, foldedSum(pseudo));
    } else if (keepsPayload || header === IPV4) {
      view.setUint16(checksum, changedChecksum(view.getUint16(checksum), this.before, foldedSum(wordSum(view, start, this.summed)) + pseudo));
    } else {
      view.setUint16(checksum, 0);
      if (length !== UNKNOWN) view.setUint16(checksum, checksumOf(wordSum(view, start, Math.min(kept, end)) + pseudo));
    }
    // 0 would say that there is none.
    if (header === UDP && length !== UNKNOWN && view.getUint16(checksum) === 0) view.setUint16(checksum, 0xffff);
  }

  private pseudoSum(): number {
    const { view, source, destination, addressBytes, protocol, length } = this;
    if (addressBytes === 0) return 0;
    const addresses = wordSum(view, source, source + addressBytes) + wordSum(view, destination, destination + addressBytes);
    return addresses + protocol + Math.max(0, length);
  }
}

/** Whether it is an IP header. */
export function isIp(header: number): boolean {
  return header === IPV4 || header === IPV6;
}
