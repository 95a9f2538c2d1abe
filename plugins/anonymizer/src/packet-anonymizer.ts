/** Replaces addresses, and empties what else may tell where a packet came from. */
import { HEADER, PacketRewriter, type HeaderKind } from 'packet-bricks';
import type { CryptoPan } from './crypto-pan.js';

type Payload = 'remove' | 'zero' | 'keep';
type Macs = 'replace' | 'vendor' | 'keep';

const { IPV4, TCP, EXTENSION } = HEADER;
const VENDOR_BITS = 24;
const IPV6_GROUP = 0x3333;
const IPV6_GROUP_BITS = 16;
/** Groups of bridges and of protocols between switches; they identify nobody. */
const BRIDGE_GROUP = 0x0180c2;
const CISCO_GROUP = 0x01000c;
const BROADCAST = 0xffffff;
/** Extension headers of IPv6 that consist of options. */
const HOP_BY_HOP = 0;
const DESTINATION = 60;
/** A pad option of IPv6 has two bytes and at most 255 more. */
const PAD_N = 1;
const LONGEST_PAD = 257;
/** Of IPv4 and TCP. */
const NO_OPERATION = 1;
/** TCP: end, no operation, segment size, window scale, selective acknowledgements and times; other options may hold addresses (MPTCP), or identify. */
const TCP_OPTIONS_KEPT = 0b1_0011_1111;

/** What is left of a frame at least: no program reads one without its header. */
export const SHORTEST = 14;

export class PacketAnonymizer extends PacketRewriter {
  constructor(private readonly crypto: CryptoPan, private readonly macs: Macs, private readonly kept: Payload) {
    super({ labels: 'ip', checksums: kept === 'keep' ? 'follow' : 'anew' });
  }

  protected override ipv4(at: number): void {
    const { crypto } = this;
    crypto.address[0] = this.view.getInt32(at);
    crypto.ipv4();
    this.write32(at, crypto.result[0]);
  }

  protected override ipv6(at: number): void {
    const { crypto: { address, result }, view } = this;
    for (let word = 0; word < 4; word++) address[word] = view.getInt32(at + 4 * word);
    this.crypto.ipv6();
    for (let word = 0; word < 4; word++) this.write32(at + 4 * word, result[word]);
  }

  /** No address (all zero) and the broadcast address stay; of groups what says that they are, and of which protocol. */
  protected override hardware(at: number): void {
    const { crypto, crypto: { address, result }, view, macs } = this;
    if (macs === 'keep') return;
    address[0] = view.getInt32(at);
    address[1] = view.getUint16(at + 4) << 16;
    const vendor = address[0] >>> 8;
    let first = macs === 'vendor' ? VENDOR_BITS : 0;
    if ((this.bytes[at] & 1) !== 0) {
      if (vendor === BRIDGE_GROUP || vendor === CISCO_GROUP || vendor === BROADCAST) return;
      first = address[0] >>> 16 === IPV6_GROUP ? IPV6_GROUP_BITS : VENDOR_BITS;
    } else if (address[0] === 0 && address[1] === 0) {
      return;
    }
    crypto.mac(first);
    this.write32(at, result[0]);
    this.write16(at + 4, result[1] >>> 16);
  }

  /** IPv4 options say where a packet came past, and those of IPv6 may hold addresses: all may be skipped. A checksum of SCTP becomes one that its receiver finds missing. */
  protected override others(header: HeaderKind, from: number, end: number): void {
    const { number } = this.walk;
    if (header === IPV4) this.fill(from, end, NO_OPERATION);
    else if (header === TCP) this.tcpOptions(from, end);
    else this.fill(from, end, 0);
    if (header === EXTENSION && (number === HOP_BY_HOP || number === DESTINATION)) this.padding(from, end);
  }

  private tcpOptions(from: number, end: number): void {
    const { bytes } = this;
    for (let option = from; option < end; ) {
      const kind = bytes[option];
      const size = kind < 2 ? 1 : option + 1 < end ? Math.max(2, bytes[option + 1]) : 1;
      const next = Math.min(end, option + size);
      if (kind > 8 || (TCP_OPTIONS_KEPT >>> kind & 1) === 0 || option + size > end) this.fill(option, next, NO_OPERATION);
      option = next;
    }
  }

  private padding(from: number, end: number): void {
    for (let at = from; end - at >= 2; at += LONGEST_PAD) this.write16(at, (PAD_N << 8) | (Math.min(end - at, LONGEST_PAD) - 2));
  }

  /** What is not known may hold addresses: it goes, even where payloads stay. */
  protected override payload(from: number, end: number, isData: boolean): void {
    if (this.kept !== 'keep' || !isData) this.fill(from, this.kept === 'remove' ? Math.min(end, from + SHORTEST) : end, 0);
  }
}
