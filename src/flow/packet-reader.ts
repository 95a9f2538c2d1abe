/** The PacketView that bricks of the packet form get: it reads the headers of one packet after the other. */
import type { CurrentBatch } from '../model/brick';
import type { CurrentPackets } from '../context/current-packets';
import { HEADER_BYTES, type PacketColumns, type PacketMemory } from '../model/packet-batch';
import type { PacketView } from '../model/packet-view';
import { hasPorts } from './headers';
import { LINK_TYPE_ETHERNET } from './link-types';
import { PacketHeaders, isVlanTag, outermostVlan, payloadBehind } from './packet-headers';
import { Apart, callApart } from '../v8/apart';
import { uint32Array } from '../model/typed-arrays';

/** Of a packet whose headers nobody has asked for. */
const UNREAD = -1;
const PROTOCOL_ICMP = 1;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const PROTOCOL_ICMPV6 = 58;

/** Mixes a word into a hash. */
function mixed(hash: number, word: number): number {
  const next = Math.imul(hash ^ word, 0x9e3779b1);
  return Math.imul(next ^ (next >>> 15), 0x85ebca6b) ^ (next >>> 13);
}

/** The Ethernet type and the first byte of IP: IPv4 without options. */
const PLAIN_IPV4 = 0x0800_45;
/** The Ethernet type of IPv6, and its version. */
const PLAIN_IPV6 = 0x86dd_6;

/**
 * One for a node of the graph, whose loop V8 compiles its methods into: so columns and memory are fields that never change, and what few packets need is
 * apart. Plain frames are read by a look at two words (some 5 ns); what is not one of them is walked through, header by header.
 */
export class PacketReader implements PacketView {
  row = 0;
  private readonly columns: PacketColumns;
  private readonly memory: PacketMemory;
  private readonly batchInfo: CurrentBatch;
  /** Where the first bytes of packets are read, if not where they lie. */
  private readonly headerBytes: DataView | null;
  /** Of these each is read when it is first asked for. */
  private hasType = false;
  private type = -1;
  private version = UNREAD;
  private network = -1;
  private ipProtocol = -1;
  private transport = -1;
  private fromPort = -1;
  private toPort = -1;
  /** Source and destination, of IPv4. */
  private readonly addresses = uint32Array(2);
  private laterFragment = false;
  private readonly headers = new PacketHeaders();
  private readonly apart = new Apart<PacketReader, number>((reader) => reader.walkHeaders());

  /** `byHeaderBytes`: the column `headerBytes` is filled, and nothing changes packets while they are looked at. */
  constructor({ columns, memory, batchInfo }: CurrentPackets, byHeaderBytes: boolean) {
    this.headerBytes = byHeaderBytes ? columns.headerBytes : null;
    this.columns = columns;
    this.memory = memory;
    this.batchInfo = batchInfo;
  }

  /** Turns to another packet of the batch that is on its way. Plain frames are read at once: two words tell. */
  moveTo(row: number): void {
    this.row = row;
    this.hasType = false;
    this.version = UNREAD;
    const { headerBytes } = this;
    const captured = this.columns.length[row];
    if (captured < 38 || this.batchInfo.linkType !== LINK_TYPE_ETHERNET) return;
    const bytes = headerBytes ?? this.memory.view;
    const at = headerBytes ? row << 6 : this.columns.offset[row];
    const word = bytes.getInt32(at + 12);
    const isIpv4 = word >>> 8 === PLAIN_IPV4;
    if (isIpv4 ? (bytes.getUint16(at + 20) & 0x3fff) !== 0 : word >>> 12 !== PLAIN_IPV6 || captured < 58) return;
    const protocol = bytes.getUint8(at + (isIpv4 ? 23 : 20));
    // Behind IPv6 there may be extension headers.
    if (!hasPorts(protocol)) return;
    const transport = isIpv4 ? 34 : 54;
    this.version = isIpv4 ? 4 : 6;
    this.network = 14;
    this.ipProtocol = protocol;
    this.laterFragment = false;
    this.transport = transport;
    this.addresses[0] = bytes.getInt32(at + 26);
    this.addresses[1] = bytes.getInt32(at + 30);
    this.fromPort = bytes.getUint16(at + transport);
    this.toPort = bytes.getUint16(at + transport + 2);
  }

  get length(): number {
    return this.columns.length[this.row];
  }

  get wireLength(): number {
    return this.columns.wireLength[this.row];
  }

  get seconds(): number {
    return this.columns.seconds[this.row];
  }

  get nanoseconds(): number {
    return this.columns.nanoseconds[this.row];
  }

  get linkType(): number {
    return this.batchInfo.linkType;
  }

  uint8(at: number): number {
    if (at < 0 || at >= this.length) return -1;
    return this.headerBytes && at < HEADER_BYTES ? this.headerBytes.getUint8((this.row << 6) + at) : this.memory.view.getUint8(this.columns.offset[this.row] + at);
  }

  uint16(at: number): number {
    if (at < 0 || at + 2 > this.length) return -1;
    return this.headerBytes && at + 2 <= HEADER_BYTES ? this.headerBytes.getUint16((this.row << 6) + at) : this.memory.view.getUint16(this.columns.offset[this.row] + at);
  }

  uint32(at: number): number {
    return at < 0 || at + 4 > this.length ? -1 : this.word(at);
  }

  get etherType(): number {
    if (!this.hasType) this.readType();
    return this.type;
  }

  get vlan(): number {
    if (this.batchInfo.linkType !== LINK_TYPE_ETHERNET) return -1;
    const { headerBytes, row, columns } = this;
    return headerBytes ? outermostVlan(headerBytes, row << 6, columns.length[row]) : outermostVlan(this.memory.view, columns.offset[row], columns.length[row]);
  }

  get ipVersion(): number {
    this.read();
    return this.version;
  }

  get networkOffset(): number {
    this.read();
    return this.network;
  }

  get protocol(): number {
    this.read();
    return this.ipProtocol;
  }

  get sourceIpv4(): number {
    this.read();
    return this.version === 4 ? this.addresses[0] : -1;
  }

  get destinationIpv4(): number {
    this.read();
    return this.version === 4 ? this.addresses[1] : -1;
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
    this.read();
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
    this.read();
    return this.transport;
  }

  get sourcePort(): number {
    this.read();
    return this.fromPort;
  }

  get destinationPort(): number {
    this.read();
    return this.toPort;
  }

  get tcpFlags(): number {
    return this.transportOffset >= 0 && this.ipProtocol === PROTOCOL_TCP ? this.uint8(this.transport + 13) : -1;
  }

  get payloadOffset(): number {
    if (this.transportOffset < 0) return -1;
    return payloadBehind(this.ipProtocol, this.transport, this.length, this.ipProtocol === PROTOCOL_TCP ? this.uint8(this.transport + 12) : -1);
  }

  get payloadLength(): number {
    const payload = this.payloadOffset;
    return payload < 0 ? 0 : Math.max(0, Math.min(this.length, this.network + this.ipLength()) - payload);
  }

  connectionHash(salt: number): number {
    this.read();
    const { version } = this;
    if (version !== 4) return version === 6 ? callApart(this.longHash, this, salt) : 0;
    const { addresses, fromPort, toPort, ipProtocol } = this;
    return (mixed(mixed(salt, fromPort), addresses[0]) + mixed(mixed(salt, toPort), addresses[1]) + ipProtocol) | 0;
  }

  /** Of IPv6. */
  private hashLong(salt: number): number {
    let from = mixed(salt, this.fromPort);
    let to = mixed(salt, this.toPort);
    for (let at = this.network + 8; at < this.network + 24; at += 4) {
      from = mixed(from, this.word(at));
      to = mixed(to, this.word(at + 16));
    }
    return (from + to + this.ipProtocol) | 0;
  }
  private readonly longHash = new Apart<PacketReader, number>((reader, salt) => reader.hashLong(salt as number));

  /** The same where it was captured. */
  private word(at: number): number {
    return this.headerBytes && at + 4 <= HEADER_BYTES ? this.headerBytes.getUint32((this.row << 6) + at) : this.memory.view.getUint32(this.columns.offset[this.row] + at);
  }

  private readType(): void {
    this.hasType = true;
    this.type = -1;
    if (this.batchInfo.linkType !== LINK_TYPE_ETHERNET) return;
    let at = 12;
    let type = this.uint16(at);
    while (isVlanTag(type)) {
      at += 4;
      type = this.uint16(at);
    }
    this.type = type >= 0x600 ? type : -1;
  }

  private read(): void {
    if (this.version < 0) callApart(this.apart, this, 0);
  }

  /** Reads the headers of any packet. */
  private walkHeaders(): number {
    const { headers, row, columns } = this;
    headers.read(this.memory.view, columns.offset[row], columns.length[row], this.batchInfo.linkType);
    const { version, network, protocol, transport } = headers;
    this.version = version;
    this.network = network;
    this.ipProtocol = protocol;
    this.transport = transport;
    this.laterFragment = headers.isLaterFragment;
    if (version === 4) {
      this.addresses[0] = this.word(network + 12);
      this.addresses[1] = this.word(network + 16);
    }
    const withPorts = transport >= 0 && hasPorts(protocol);
    this.fromPort = withPorts ? this.uint16(transport) : -1;
    this.toPort = withPorts ? this.uint16(transport + 2) : -1;
    return 0;
  }

  /** What the IP header says of its datagram's length; 0 there is that of offloads: all that was captured. */
  private ipLength(): number {
    const said = this.uint16(this.network + (this.version === 4 ? 2 : 4));
    if (said === 0) return this.length;
    return this.version === 4 ? said : said + 40;
  }
}
