/** A packet in one line of text, as tcpdump's users know it. */
import { SinglePacketReader, type SinglePacket } from '../flow/view-of';
import type { PacketView } from '../model/packet-view';
import { formatProtocol, formatSubnet } from '../rules/addresses';

const ETHERNET = 1;
const ARP = 0x0806;
const FLAGS = [[2, 'S'], [1, 'F'], [4, 'R'], [8, 'P'], [32, 'U'], [64, 'E'], [128, 'W'], [16, '.']] as const;
const ICMP_TYPES: Readonly<Record<number, string>> = { 0: 'echo reply', 3: 'unreachable', 5: 'redirect', 8: 'echo request', 11: 'time exceeded' };
const ICMP6_TYPES: Readonly<Record<number, string>> = { 1: 'unreachable', 2: 'packet too big', 3: 'time exceeded', 128: 'echo request', 129: 'echo reply', 133: 'router solicitation', 134: 'router advertisement', 135: 'neighbor solicitation', 136: 'neighbor advertisement' };

/** For one packet after the other: a new reader for each would take longer than all the rest. */
const reader = new SinglePacketReader();

/** `IP 10.0.0.1.1025 > 192.0.2.1.80: TCP [S], length 0`. Of what was captured too short for that, what there is. */
export function packetLine(packet: SinglePacket): string {
  const view = reader.read(packet);
  const tag = view.vlan >= 0 ? `vlan ${view.vlan}, ` : '';
  return `${tag}${view.ipVersion === 0 ? otherLine(view) : ipLine(view)}`;
}

/** The last second that was told, and its text. */
let toldSecond = NaN;
let secondText = '';

/** `12:34:56.123456789`, in local time. */
export function timeText(seconds: number, nanoseconds: number): string {
  if (seconds !== toldSecond) {
    const two = (value: number): string => String(value).padStart(2, '0');
    const time = new Date(seconds * 1000);
    secondText = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
    toldSecond = seconds;
  }
  return `${secondText}.${String(nanoseconds).padStart(9, '0')}`;
}

function otherLine(view: PacketView): string {
  const { etherType, wireLength, linkType } = view;
  if (linkType !== ETHERNET) return `link type ${linkType}, length ${wireLength}`;
  if (etherType === ARP) return arpLine(view);
  const to = hardwareAddress(view, 0);
  const from = hardwareAddress(view, 6);
  const kind = etherType < 0 ? '802.3' : `ethertype 0x${etherType.toString(16).padStart(4, '0')}`;
  return `${from} > ${to}, ${kind}, length ${wireLength}`;
}

function arpLine(view: PacketView): string {
  const at = view.vlan >= 0 ? 18 : 14;
  const [operation, sender, target] = [view.uint16(at + 6), view.uint32(at + 14), view.uint32(at + 24)];
  if (operation === 1) return `ARP who-has ${ipv4(target)} tell ${ipv4(sender)}`;
  if (operation === 2) return `ARP ${ipv4(sender)} is-at ${hardwareAddress(view, at + 8)}`;
  return `ARP, operation ${operation}`;
}

function ipLine(view: PacketView): string {
  const name = view.ipVersion === 4 ? 'IP' : 'IP6';
  const from = address(view, view.sourceOffset);
  const to = address(view, view.destinationOffset);
  if (view.isLaterFragment) return `${name} ${from} > ${to}: fragment${fragmentText(view)}, ${protocolName(view)}`;
  const ports = view.sourcePort >= 0;
  return `${name} ${from}${ports ? `.${view.sourcePort}` : ''} > ${to}${ports ? `.${view.destinationPort}` : ''}: ${transportText(view)}${fragmentText(view)}`;
}

function transportText(view: PacketView): string {
  if (view.tcpFlags >= 0) return `TCP [${FLAGS.map(([bit, letter]) => ((view.tcpFlags & bit) === 0 ? '' : letter)).join('') || 'none'}], length ${view.payloadLength}`;
  if (view.isUdp && view.sourcePort >= 0) return `UDP, length ${view.payloadLength}`;
  if (view.isIcmp && view.transportOffset >= 0) {
    const type = view.uint8(view.transportOffset);
    const known = (view.ipVersion === 4 ? ICMP_TYPES : ICMP6_TYPES)[type];
    return `${view.ipVersion === 4 ? 'ICMP' : 'ICMP6'} ${known ?? `type ${type}`}, length ${view.payloadLength}`;
  }
  return `${protocolName(view)}, length ${view.wireLength}`;
}

function protocolName({ protocol }: PacketView): string {
  return protocol < 0 ? 'protocol unknown' : /^\d/.test(formatProtocol(protocol)) ? `protocol ${protocol}` : formatProtocol(protocol).toUpperCase();
}

/** ` of id 17 at 1480`, of IPv4. */
function fragmentText(view: PacketView): string {
  if (view.ipVersion !== 4) return '';
  const word = view.uint16(view.networkOffset + 6);
  if (word < 0 || (word & 0x3fff) === 0) return '';
  const offset = (word & 0x1fff) * 8;
  return `${offset === 0 ? ', first fragment' : ''} of id ${view.uint16(view.networkOffset + 4)} at ${offset}`;
}

function address(view: PacketView, at: number): string {
  if (view.ipVersion === 4) return ipv4(view.uint32(at));
  const words = [view.uint32(at), view.uint32(at + 4), view.uint32(at + 8), view.uint32(at + 12)] as const;
  return words.includes(-1) ? '?' : formatSubnet({ version: 6, words: [...words], length: 128 });
}

function ipv4(word: number): string {
  return word < 0 ? '?' : formatSubnet({ version: 4, words: [word >>> 0, 0, 0, 0], length: 32 });
}

function hardwareAddress(view: PacketView, at: number): string {
  const bytes = Array.from({ length: 6 }, (_, index) => view.uint8(at + index));
  return bytes.includes(-1) ? '?' : bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
