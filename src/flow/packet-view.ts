/** Reads the headers of one packet after the other for bricks of the packet form. */
import type { PacketBatch, PacketMemory } from '../core/packet-batch';
import type { PacketView } from '../core/packet-view';
import { FRAGMENT_LATER } from './flow-fields';
import { readIpv4, readIpv6 } from './headers';
import { LINK_TYPE_ETHERNET } from './link-types';
import { enterLink } from './tags';
import { Header, Walk } from './walk';

const PROTOCOL_ICMP = 1;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const PROTOCOL_ICMPV6 = 58;

function isTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100;
}

export class PacketReader implements PacketView {
  row = 0;
  length = 0;
  wireLength = 0;
  seconds = 0;
  nanoseconds = 0;
  linkType = LINK_TYPE_ETHERNET;
  private memory: PacketMemory;
  private start = 0;
  /** Of these each is read when it is first asked for. */
  private hasLinkHeader = false;
  private hasNetworkHeader = false;
  private type = -1;
  private tag = -1;
  private version = 0;
  private network = -1;
  private ipProtocol = -1;
  private transport = -1;
  private ipEnd = 0;
  private laterFragment = false;
  private readonly walk = new Walk();

  constructor(memory: PacketMemory) {
    this.memory = memory;
  }

  /** Turns to another packet. */
  moveTo(batch: PacketBatch, row: number): void {
    this.row = row;
    this.length = batch.length[row];
    this.wireLength = batch.wireLength[row];
    this.seconds = batch.seconds[row];
    this.nanoseconds = batch.nanoseconds[row];
    this.linkType = batch.linkType;
    this.memory = batch.memory;
    this.start = batch.offset[row];
    this.hasLinkHeader = false;
    this.hasNetworkHeader = false;
  }

  uint8(at: number): number {
    return at >= 0 && at < this.length ? this.memory.bytes[this.start + at] : -1;
  }

  uint16(at: number): number {
    return at >= 0 && at + 2 <= this.length ? this.memory.view.getUint16(this.start + at) : -1;
  }

  uint32(at: number): number {
    return at >= 0 && at + 4 <= this.length ? this.memory.view.getUint32(this.start + at) : -1;
  }

  get etherType(): number {
    this.readLinkHeader();
    return this.type;
  }

  get vlan(): number {
    this.readLinkHeader();
    return this.tag;
  }

  get ipVersion(): number {
    this.readNetworkHeader();
    return this.version;
  }

  get networkOffset(): number {
    this.readNetworkHeader();
    return this.network;
  }

  get protocol(): number {
    this.readNetworkHeader();
    return this.ipProtocol;
  }

  get sourceIpv4(): number {
    return this.ipVersion === 4 ? this.uint32(this.network + 12) : -1;
  }

  get destinationIpv4(): number {
    return this.ipVersion === 4 ? this.uint32(this.network + 16) : -1;
  }

  get sourceOffset(): number {
    const version = this.ipVersion;
    return version === 4 ? this.network + 12 : version === 6 ? this.network + 8 : -1;
  }

  get destinationOffset(): number {
    const version = this.ipVersion;
    return version === 4 ? this.network + 16 : version === 6 ? this.network + 24 : -1;
  }

  get isLaterFragment(): boolean {
    this.readNetworkHeader();
    return this.laterFragment;
  }

  get isTcp(): boolean {
    return this.protocol === PROTOCOL_TCP;
  }

  get isUdp(): boolean {
    return this.protocol === PROTOCOL_UDP;
  }

  get isIcmp(): boolean {
    return this.protocol === (this.version === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6);
  }

  get transportOffset(): number {
    this.readNetworkHeader();
    return this.transport;
  }

  get sourcePort(): number {
    return this.hasPorts() ? this.uint16(this.transport) : -1;
  }

  get destinationPort(): number {
    return this.hasPorts() ? this.uint16(this.transport + 2) : -1;
  }

  get tcpFlags(): number {
    return this.transportOffset >= 0 && this.ipProtocol === PROTOCOL_TCP ? this.uint8(this.transport + 13) : -1;
  }

  get payloadOffset(): number {
    if (this.transportOffset < 0) return -1;
    if (this.ipProtocol === PROTOCOL_UDP) return this.bounded(this.transport + 8);
    if (this.ipProtocol !== PROTOCOL_TCP) return this.transport;
    const words = this.uint8(this.transport + 12) >> 4;
    return words < 5 ? -1 : this.bounded(this.transport + words * 4);
  }

  get payloadLength(): number {
    const payload = this.payloadOffset;
    return payload < 0 ? 0 : Math.max(0, this.ipEnd - payload);
  }

  private bounded(offset: number): number {
    return offset <= this.length ? offset : -1;
  }

  private hasPorts(): boolean {
    this.readNetworkHeader();
    return this.transport >= 0 && (this.ipProtocol === PROTOCOL_TCP || this.ipProtocol === PROTOCOL_UDP);
  }

  private readLinkHeader(): void {
    if (this.hasLinkHeader) return;
    this.hasLinkHeader = true;
    this.type = -1;
    this.tag = -1;
    if (this.linkType !== LINK_TYPE_ETHERNET) return;
    let at = 12;
    let type = this.uint16(at);
    while (isTag(type)) {
      if (this.tag < 0) this.tag = this.uint16(at + 2) < 0 ? -1 : this.uint16(at + 2) & 0xfff;
      at += 4;
      type = this.uint16(at);
    }
    this.type = type >= 0x600 ? type : -1;
  }

  private readNetworkHeader(): void {
    if (this.hasNetworkHeader) return;
    this.hasNetworkHeader = true;
    const { walk, start, length } = this;
    walk.begin(this.memory.view, start, length);
    this.version = 0;
    this.network = this.ipProtocol = this.transport = -1;
    this.laterFragment = false;
    this.ipEnd = length;
    const layer = enterLink(walk, this.linkType);
    if (layer === Header.Unknown) return;
    const network = walk.position - start;
    if (!(layer === Header.Ipv4 ? readIpv4(walk) : readIpv6(walk))) return;
    this.version = layer === Header.Ipv4 ? 4 : 6;
    this.network = network;
    this.ipProtocol = walk.protocol;
    this.ipEnd = Math.min(length, network + this.ipLength(network));
    this.laterFragment = walk.fragment === FRAGMENT_LATER;
    const transport = walk.position - start;
    if (!this.laterFragment && walk.protocol >= 0 && transport < length) this.transport = transport;
  }

  /** What the IP header says of its datagram's length; 0 there is that of offloads: all that was captured. */
  private ipLength(network: number): number {
    const said = this.memory.view.getUint16(this.start + network + (this.version === 4 ? 2 : 4));
    if (said === 0) return this.length;
    return this.version === 4 ? said : said + 40;
  }
}
