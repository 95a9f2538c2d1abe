/** Checksums of the headers of one packet that is changed, one inside another. */
import { changedChecksum, checksumOf, foldedSum, wordSum } from '../flow/checksums';
import { HEADER } from '../flow/header-kinds';
import type { HeaderWalk } from '../flow/header-walk';

const { IPV4, TCP, UDP, ICMP, ICMPV6, IGMP, GRE, ERSPAN } = HEADER;
/** How long what a checksum covers is: a first fragment does not say. */
const UNKNOWN = -1;

/** What one checksum covers: bytes from `start` to `end`, as far as they were captured, and often addresses. */
class ChecksumRange {
  header = 0;
  start = 0;
  end = 0;
  /** Where the checksum is. */
  place = 0;
  /** As its header says it, captured or not. */
  length = 0;
  /** The sum of addresses, protocol and length, with the new addresses; 0 if it covers none. */
  pseudo = 0;
  /** Whether it is worked out anew, or follows what changes. */
  anew = false;
  /** Whether the interface that sends it makes the rest: it holds the sum of addresses, protocol and length alone. */
  isPartial = false;
  /** Sums of what has changed, before and after. */
  before = 0;
  after = 0;
}

/** Made once and used for each packet. */
export class ChecksumRanges {
  private readonly ranges: readonly ChecksumRange[];
  private count = 0;
  private view!: DataView;
  /** Where the addresses of the last IP header are, how many bytes each has (0: there was none), and the sums that they had. */
  private source = 0;
  private destination = 0;
  private addressBytes = 0;
  private sourceBefore = 0;
  private destinationBefore = 0;

  /** For packets of at most so many headers. `anew`: all but those of IPv4 headers are worked out anew, and bytes that are not kept count as zeros. */
  constructor(headers: number, private readonly anew: boolean) {
    this.ranges = Array.from({ length: headers }, () => new ChecksumRange());
  }

  /** To a packet. */
  begin(view: DataView): void {
    this.view = view;
    this.count = 0;
    this.addressBytes = 0;
  }

  /** The addresses of an IP header, before they change. */
  addresses(source: number, destination: number, bytes: number): void {
    this.source = source;
    this.addressBytes = bytes;
    this.sourceBefore = wordSum(this.view, source, source + bytes);
    this.finalDestination(destination);
  }

  /** On its way there, checksums are about the last address of a route. */
  finalDestination(destination: number): void {
    this.destination = destination;
    this.destinationBefore = wordSum(this.view, destination, destination + this.addressBytes);
  }

  /** The header that a walk has just passed, before it changes; `end`: of what the header around it covers. */
  pass(walk: HeaderWalk, end: number): void {
    const { view } = this;
    const { header, start } = walk;
    switch (header) {
      case IPV4:
        // 0: the interface that sends it fills it in.
        if (view.getUint16(start + 10) !== 0) this.open(header, start, start + 10, walk.position);
        break;
      case TCP:
        this.openTransport(walk, start + 16, end, 6);
        break;
      case UDP:
        if (view.getUint16(start + 6) !== 0) this.openTransport(walk, start + 6, end, 17);
        break;
      case ICMPV6:
        this.openTransport(walk, start + 2, end, 58);
        break;
      case ICMP:
      case IGMP:
        this.open(header, start, start + 2, end);
        break;
      case GRE:
      case ERSPAN:
        if ((view.getUint16(start) & 0x8000) !== 0) this.open(header, start, start + 4, end);
        break;
      default:
        break;
    }
  }

  private open(header: number, start: number, place: number, end: number): ChecksumRange {
    const range = this.ranges[this.count++];
    range.header = header;
    range.start = start;
    range.end = end;
    range.place = place;
    range.length = end - start;
    range.anew = this.anew && header !== IPV4;
    range.isPartial = false;
    range.pseudo = range.before = range.after = 0;
    return range;
  }

  private openTransport(walk: HeaderWalk, place: number, end: number, protocol: number): void {
    const { view, source, destination, addressBytes } = this;
    const { start } = walk;
    const said = walk.header === UDP ? view.getUint16(start + 4) : 0;
    const range = this.open(walk.header, start, place, said >= 8 ? Math.min(end, start + said) : end);
    if (addressBytes === 0) return;
    range.length = said >= 8 ? said : walk.isFragment ? UNKNOWN : Math.max(0, walk.datagramEnd - start);
    const rest = protocol + Math.max(0, range.length);
    range.before = foldedSum(this.sourceBefore + this.destinationBefore + rest);
    range.pseudo = range.after = foldedSum(wordSum(view, source, source + addressBytes) + wordSum(view, destination, destination + addressBytes) + rest);
    range.isPartial = this.isPartial(range);
  }

  /** A right checksum may happen to be that of addresses, protocol and length, too. */
  private isPartial({ start, end, place, length, before }: ChecksumRange): boolean {
    const { view } = this;
    if (length === UNKNOWN || place + 2 > end || view.getUint16(place) !== before) return false;
    return start + length > end || checksumOf(wordSum(view, start, start + length) + before) % 0xffff !== 0;
  }

  /** Bytes from `at` to `end` are about to change. */
  changing(at: number, end: number): void {
    for (let index = 0; index < this.count; index++) {
      const range = this.ranges[index];
      if (!range.anew && at >= range.start && at < range.end) range.before = foldedSum(range.before + this.sumIn(range, at, end));
    }
  }

  /** They have changed. */
  changed(at: number, end: number): void {
    for (let index = 0; index < this.count; index++) {
      const range = this.ranges[index];
      if (!range.anew && at >= range.start && at < range.end) range.after = foldedSum(range.after + this.sumIn(range, at, end));
    }
  }

  /** Of those that the range covers. Words lie as its checksum takes them: a header inside may start at an odd place. */
  private sumIn(range: ChecksumRange, at: number, end: number): number {
    const sum = wordSum(this.view, at, Math.min(end, range.end));
    if (((at - range.start) & 1) === 0) return sum;
    const folded = foldedSum(sum);
    return ((folded & 0xff) << 8) | (folded >>> 8);
  }

  /** Writes the checksums, the innermost first, when all else has changed. `kept`: where what is left of the packet ends. */
  settle(kept: number): void {
    const { view, ranges } = this;
    for (let index = this.count - 1; index >= 0; index--) {
      const range = ranges[index];
      const { place, start } = range;
      const end = Math.min(kept, range.end);
      if (place + 2 > end) continue;
      let checksum = view.getUint16(place);
      if (range.isPartial) {
        checksum = range.pseudo;
      } else if (!range.anew) {
        if (range.before === range.after) continue;
        checksum = changedChecksum(checksum, range.before, range.after);
      } else if (range.length === UNKNOWN) {
        checksum = 0;
      } else {
        view.setUint16(place, 0);
        checksum = checksumOf(wordSum(view, start, end) + range.pseudo);
      }
      // 0 would say that there is none.
      if (range.header === UDP && range.length !== UNKNOWN && checksum === 0) checksum = 0xffff;
      this.changing(place, place + 2);
      view.setUint16(place, checksum);
      this.changed(place, place + 2);
    }
  }
}
