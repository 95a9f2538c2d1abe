/** The headers of a packet one by one, for bricks that do more with them than a PacketView tells. */
import { FRAGMENT_NONE } from './flow-fields';
import { GeneralWalk } from './general-walk';
import { Protocol } from './headers';
import { Header } from './walk';

export type { HeaderWalkOptions } from './general-walk';

const TEREDO_PORT = 3544;
const BRIDGED = 0x6558;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/**
 * Made once and used for each packet:
 *
 *     if (walk.begin(memory.view, offset[row], length[row], wireLength[row], batch.linkType)) {
 *       while (walk.next()) if (walk.header === HEADER.VXLAN) ...
 *     }
 *
 * All places are those in the memory that packets lie in. Any bytes at all can be walked through: no byte behind the captured ones is read, and nothing is
 * allocated. Change headers behind the walk, or when it has ended.
 *
 * A header that most packets have takes some 3 ns, others 10 to 15.
 */
export class HeaderWalk extends GeneralWalk {
  /** Moves behind the next header. False if there is none that is known, or not all of it: then the walk stays where it is. */
  override next(): boolean {
    const { walk } = this;
    const { view, position } = walk;
    const left = walk.end - position;
    switch (this.upcoming) {
      case Header.Ethernet:
        if (left < 14) break;
        return this.passed(Header.Ethernet, 14, this.ofType(view.getUint16(position + 12)));
      case Header.Ipv4:
        // Neither options nor fragments.
        if (left < 20 || view.getUint8(position) !== 0x45 || (view.getUint16(position + 6) & 0x3fff) !== 0) break;
        return this.passedIp(Header.Ipv4, 20, view.getUint8(position + 9), view.getUint16(position + 2));
      case Header.Udp: {
        if (left < 8) break;
        const tunnel = this.tunnels[view.getUint16(position + 2)];
        return this.passed(Header.Udp, 8, tunnel === 0 && view.getUint16(position) === TEREDO_PORT ? Header.Teredo : tunnel);
      }
      case Header.Tcp: {
        if (left < 13) break;
        const size = (view.getUint8(position + 12) >>> 4) << 2;
        return this.passed(Header.Tcp, Math.min(left, size < 20 ? 20 : size), Header.None);
      }
      case Header.Ipv6:
        if (left < 40 || view.getUint8(position) >>> 4 !== 6) break;
        return this.passedIp(Header.Ipv6, 40, view.getUint8(position + 6), view.getUint16(position + 4));
      case Header.Vxlan:
        if (left < 8 || (view.getUint8(position) & 0x08) === 0) break;
        return this.passed(Header.Vxlan, 8, Header.Ethernet);
      default:
        return this.passLessUsual();
    }
    return this.passAny();
  }

  private passLessUsual(): boolean {
    const { walk } = this;
    const { view, position } = walk;
    const left = walk.end - position;
    switch (this.upcoming) {
      case Header.Type: {
        const { type } = walk;
        if (left < 4 || (type !== 0x8100 && type !== 0x88a8 && type !== 0x9100)) break;
        this.number = type;
        return this.passed(Header.Tag, 4, this.ofType(view.getUint16(position + 2)));
      }
      case Header.Gre: {
        if (left < 4) break;
        const flags = view.getUint16(position);
        const type = view.getUint16(position + 2);
        const size = 4 + ((flags & 0x2000) >>> 11) + ((flags & 0x1000) >>> 10);
        // Neither a checksum, routes nor another version.
        if ((flags & 0xc007) !== 0 || left < size || (type !== BRIDGED && type !== IPV4 && type !== IPV6)) break;
        return this.passed(Header.Gre, size, type === BRIDGED ? Header.Ethernet : this.ofType(type));
      }
      case Header.Gtp: {
        if (left < 13) break;
        const flags = view.getUint8(position);
        // Without extension headers.
        if ((flags & 0xf4) !== 0x30 || view.getUint8(position + 1) !== 255) break;
        return this.passed(Header.Gtp, (flags & 7) === 0 ? 8 : 12, Header.ByVersion);
      }
      case Header.ByVersion: {
        const version = left > 0 ? view.getUint8(position) >>> 4 : 0;
        if (version !== 4 && version !== 6) break;
        this.upcoming = version === 4 ? Header.Ipv4 : Header.Ipv6;
        return this.next();
      }
      default:
        break;
    }
    return this.passAny();
  }

  /** What an Ethernet type announces. Most are those of IP: to say so at once saves a step. */
  private ofType(type: number): Header {
    this.walk.type = type;
    return type === IPV4 ? Header.Ipv4 : type === IPV6 ? Header.Ipv6 : Header.Type;
  }

  private passed(header: HeaderWalk['header'], size: number, upcoming: Header): true {
    const { walk } = this;
    const { position } = walk;
    this.header = header;
    this.start = position;
    walk.position = position + size;
    this.upcoming = upcoming;
    return true;
  }

  /** `length`: of the packet, as the header says it, of IPv6 without the header itself. */
  private passedIp(header: HeaderWalk['header'], size: number, protocol: number, length: number): true {
    const { walk } = this;
    const { position } = walk;
    walk.protocol = protocol;
    walk.fragment = FRAGMENT_NONE;
    // 0 is that of packets that an offload has made.
    const end = length === 0 ? this.wireEnd : position + length + (header === Header.Ipv6 ? 40 : 0);
    this.datagramEnd = end;
    if (end < this.wireEnd) this.wireEnd = end;
    if (end < walk.end) walk.end = Math.max(end, position + size);
    return this.passed(header, size, protocol === Protocol.Udp ? Header.Udp : protocol === Protocol.Tcp ? Header.Tcp : this.byProtocol());
  }
}
