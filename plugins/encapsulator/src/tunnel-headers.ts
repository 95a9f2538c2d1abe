/** The headers of each kind of tunnel, in front of packets to one destination. */
import { OuterHeaders, type PacketMemory } from 'packet-bricks';
import { TUNNELS, type EncapsulatorOptions, type Kind } from './options.js';

const GRE = 47;
const BRIDGED = 0x6558;
/** The longest of all: Ethernet, IPv6, ERSPAN III. */
export const HEADERS_MAXIMUM = 14 + 40 + 20;
const CUSTOMER_TAG = 0x8100;

export class TunnelHeaders extends OuterHeaders {
  private readonly kind: Kind;
  private readonly id: number;
  /** The sequence number of the next packet. */
  private readonly sequence = new Uint32Array(1);

  constructor(source: readonly number[], destination: readonly number[], options: EncapsulatorOptions) {
    const { kind, id } = options;
    const { bytes, port } = TUNNELS[kind];
    super(source, destination, { ...options, ownBytes: bytes, port: port && (options.port || port), protocol: GRE });
    this.kind = kind;
    this.id = id;
    this.begin();
  }

  private begin(): void {
    const { view, ownAt: at, id } = this;
    switch (this.kind) {
      case 'vxlan':
        view.setUint32(at, 0x08000000);
        view.setUint32(at + 4, id << 8);
        return;
      case 'geneve':
        view.setUint32(at, BRIDGED);
        view.setUint32(at + 4, id << 8);
        return;
      case 'gre':
        // A key follows.
        view.setUint32(at, 0x20000000 | BRIDGED);
        view.setUint32(at + 4, id);
        return;
      case 'gtp':
        // Version 1, and a user's packet; its length comes later.
        view.setUint32(at, 0x30ff0000);
        view.setUint32(at + 4, id);
        return;
      default:
        // A sequence number follows.
        view.setUint32(at, 0x10000000 | (this.kind === 'erspan' ? 0x88be : 0x22eb));
    }
  }

  /**
   * In front of a packet for which room was made: the frame is now in the `length` bytes at `start`. `hash` is that of the flow; `cut` says
   * that the packet was longer. ERSPAN III wants the time of arrival too.
   */
  put(memory: PacketMemory, start: number, length: number, hash: number, cut: boolean, seconds: number, nanoseconds: number): void {
    if (this.kind === 'gtp') this.view.setUint16(this.ownAt + 2, length - this.bytes.length);
    else if (this.kind === 'erspan' || this.kind === 'erspan3') this.turnErspan(memory.view, start + this.bytes.length, cut, seconds, nanoseconds);
    this.write(memory, start, length, hash);
  }

  /** Sequence number, then the header, with the tag of the frame (in which it stays, too) and whether it was cut. */
  private turnErspan(packets: DataView, frame: number, cut: boolean, seconds: number, nanoseconds: number): void {
    const { view, ownAt: at } = this;
    const tag = packets.getUint16(frame + 12) === CUSTOMER_TAG ? packets.getUint16(frame + 14) : -1;
    const isThird = this.kind === 'erspan3';
    view.setUint32(at + 4, this.sequence[0]++);
    // Version, VLAN; class, encapsulation (of type II: 3 says that the tag is in the frame), truncation, session.
    view.setUint16(at + 8, ((isThird ? 2 : 1) << 12) | (tag < 0 ? 0 : tag & 0x0fff));
    view.setUint16(at + 10, (tag < 0 ? 0 : (tag & 0xe000) | (isThird ? 0 : 0x1800)) | (cut ? 0x0400 : 0) | this.id);
    if (!isThird) return;
    // In units of 100 µs, which the granularity bits 0 say; and that it is a frame.
    view.setUint32(at + 12, (Math.imul(seconds, 10_000) + ((nanoseconds / 100_000) | 0)) | 0);
    view.setUint16(at + 18, 0x8000);
  }
}
