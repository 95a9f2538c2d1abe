/** What a packet says of its flow. Nothing is allocated for it. */
import type { Packets } from '../model/brick';
import type { PacketView } from '../model/packet-view';

const { imul, max } = Math;
const ICMP = 1;
const TCP = 6;
const ICMPV6 = 58;
const SCTP = 132;
const UNTAGGED = 14;

/** Mixes one number into a hash. */
function mix(hash: number, word: number): number {
  const next = imul(hash ^ word, 0x9e3779b1);
  return imul(next ^ (next >>> 15), 0x85ebca6b) ^ (next >>> 13);
}

/** Types of ICMP that ask and answer, each with its counterpart, as the Community ID pairs them. */
function pairs(...types: readonly (readonly [number, number])[]): Int16Array {
  const answers = new Int16Array(256).fill(-1);
  for (const [one, other] of types) {
    answers[one] = other;
    answers[other] = one;
  }
  return answers;
}
const ANSWERS = pairs([8, 0], [13, 14], [15, 16], [10, 9], [17, 18]);
const ANSWERS_V6 = pairs([128, 129], [130, 131], [133, 134], [135, 136], [139, 140], [144, 145]);

/** The ICMP type that answers one, or is answered by it; -1 for those that go one way. */
export function icmpCounterpart(ipVersion: number, type: number): number {
  return (ipVersion === 4 ? ANSWERS : ANSWERS_V6)[type];
}

/** Of one packet after the other. */
export class FlowKey {
  /** Source and destination address, four words each. */
  readonly addresses = new Int32Array(8);
  /** The same for both directions, where they are one flow. */
  hash = 0;
  /** Source << 16 | destination; of ICMP its type, and the type of the answer or else the code. */
  ports = 0;
  /** VLAN << 16 | IP version << 8 | protocol. */
  kind = 0;
  /** 0 for what is not TCP. */
  tcpFlags = 0;
  /** Traffic class and congestion bits of the IP header. */
  classOfService = 0;
  /** Type << 8 | code, of ICMP. */
  icmp = 0;
  /** Of the IP packet, its header included. */
  bytes = 0;

  private readonly memory: Packets['memory'];
  private readonly offset: Packets['offset'];

  /** `bidirectional`: both directions of a connection have one hash. `salt`: a random number, so that nobody can choose packets with the same hash. */
  constructor({ memory, offset }: Pick<Packets, 'memory' | 'offset'>, private readonly bidirectional: boolean, private readonly salt: number) {
    this.memory = memory;
    this.offset = offset;
  }

  /** Turns to a packet. False for what is not IP. */
  read(packet: PacketView): boolean {
    const version = packet.ipVersion;
    if (version === 0) return false;
    const network = packet.networkOffset;
    const isIpv4 = version === 4;
    const { view } = this.memory;
    // Where there is an IP version, its header was captured whole.
    const at = this.offset[packet.row] + network;
    const said = view.getUint16(at + (isIpv4 ? 2 : 4));
    // Offloads say 0.
    this.bytes = said === 0 ? packet.wireLength - network : isIpv4 ? said : said + 40;
    this.classOfService = isIpv4 ? view.getUint8(at + 1) : (view.getUint16(at) >> 4) & 0xff;
    // Unknown is what stands behind headers that were not captured, or in another fragment.
    const protocol = packet.protocol >= 0 ? packet.protocol : view.getUint8(at + 6);
    // An IP header right behind an Ethernet header is behind no tag.
    const vlan = network === UNTAGGED ? 0 : max(0, packet.vlan);
    this.kind = (vlan << 16) | (version << 8) | protocol;
    this.tcpFlags = protocol === TCP ? max(0, packet.tcpFlags) : 0;
    this.icmp = 0;
    this.readPorts(packet, protocol, version);
    this.readAddresses(at + (isIpv4 ? 12 : 8), isIpv4);
    return true;
  }

  private readPorts(packet: PacketView, protocol: number, version: number): void {
    this.ports = 0;
    if (packet.sourcePort >= 0) {
      this.ports = (packet.sourcePort << 16) | max(0, packet.destinationPort);
      return;
    }
    const at = packet.transportOffset;
    if (at < 0) return;
    if (protocol === SCTP) this.ports = (max(0, packet.uint16(at)) << 16) | max(0, packet.uint16(at + 2));
    else if (protocol === (version === 4 ? ICMP : ICMPV6)) {
      this.icmp = max(0, packet.uint16(at));
      const type = this.icmp >> 8;
      const counterpart = this.bidirectional ? icmpCounterpart(version, type) : -1;
      this.ports = (type << 16) | (counterpart < 0 ? this.icmp & 0xff : counterpart);
    }
  }

  private readAddresses(source: number, isIpv4: boolean): void {
    const { addresses, ports, salt } = this;
    const { view } = this.memory;
    const destination = source + (isIpv4 ? 4 : 16);
    let from = mix(salt, ports >>> 16);
    let to = mix(salt, ports & 0xffff);
    if (isIpv4) {
      from = mix(from, addresses[0] = view.getInt32(source));
      to = mix(to, addresses[4] = view.getInt32(destination));
      addresses[1] = addresses[2] = addresses[3] = addresses[5] = addresses[6] = addresses[7] = 0;
    } else {
      for (let word = 0; word < 4; word++) {
        from = mix(from, addresses[word] = view.getInt32(source + 4 * word));
        to = mix(to, addresses[4 + word] = view.getInt32(destination + 4 * word));
      }
    }
    // Both directions together have one hash for both.
    this.hash = mix((this.bidirectional ? from + to : from ^ imul(to, 3)) | 0, this.kind);
  }
}
