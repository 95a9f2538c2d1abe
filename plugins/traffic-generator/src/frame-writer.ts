/** Writes headers of frames into memory; some 50 ns a frame, nothing is allocated. */
import type { PacketMemory } from 'packet-bricks';

/** Every byte of a payload: so its part of a checksum is known. */
const FILLING = 0x78;
const FILLING_WORD = (FILLING << 8) | FILLING;
const SHORTEST = 60;
const MAC_PREFIX = 0x0200;
const TIME_TO_LIVE = 64;
const MORE_FRAGMENTS = 0x2000;
/** IP protocols. */
export const TCP = 6;
export const UDP = 17;

/** 10.0.0.0/8 and 172.16.0.0/12. */
const CLIENT_NETWORK = 0x0a000000;
const CLIENT_MASK = 0x00ffffff;
const SERVER_NETWORK = 0xac100000 | 0;
const SERVER_MASK = 0x000fffff;
const DOCUMENTATION = 0x20010db8;

export class FrameWriter {
  private view!: DataView;
  private bytes!: Uint8Array;
  private begin = 0;
  private at = 0;

  enter({ view, bytes }: PacketMemory): void {
    this.view = view;
    this.bytes = bytes;
  }

  /** Ethernet, with a tag if `vlan` is not 0. */
  ethernet(begin: number, from: number, to: number, vlan: number, isIpv6: boolean): void {
    const { view } = this;
    this.begin = begin;
    view.setUint16(begin, MAC_PREFIX);
    view.setInt32(begin + 2, to);
    view.setUint16(begin + 6, MAC_PREFIX);
    view.setInt32(begin + 8, from);
    let at = begin + 12;
    if (vlan > 0) {
      view.setUint16(at, 0x8100);
      view.setUint16(at + 2, vlan);
      at += 4;
    }
    view.setUint16(at, isIpv6 ? 0x86dd : 0x0800);
    this.at = at + 2;
  }

  /** IPv4 with so many bytes behind it. Returns the sum that the checksum behind it is about. */
  ipv4(client: number, server: number, toServer: boolean, protocol: number, length: number, identification: number, fragment: number): number {
    const { view, at } = this;
    const ofClient = CLIENT_NETWORK | (client & CLIENT_MASK);
    const ofServer = SERVER_NETWORK | (server & SERVER_MASK);
    view.setUint16(at, 0x4500);
    view.setUint16(at + 2, 20 + length);
    view.setUint16(at + 4, identification);
    view.setUint16(at + 6, fragment);
    view.setUint16(at + 8, (TIME_TO_LIVE << 8) | protocol);
    view.setInt32(at + 12, toServer ? ofClient : ofServer);
    view.setInt32(at + 16, toServer ? ofServer : ofClient);
    const addresses = (ofClient >>> 16) + (ofClient & 0xffff) + (ofServer >>> 16) + (ofServer & 0xffff);
    const sum = 0x4500 + 20 + length + (identification & 0xffff) + fragment + ((TIME_TO_LIVE << 8) | protocol) + addresses;
    view.setUint16(at + 10, ~folded(sum));
    this.at = at + 20;
    return addresses;
  }

  ipv6(client: number, server: number, toServer: boolean, protocol: number, length: number): number {
    const { view, at } = this;
    view.setInt32(at, 0x60000000);
    view.setUint16(at + 4, length);
    view.setUint16(at + 6, (protocol << 8) | TIME_TO_LIVE);
    const first = toServer ? client : server;
    const second = toServer ? server : client;
    this.ipv6Address(at + 8, first, toServer ? 1 : 2);
    this.ipv6Address(at + 24, second, toServer ? 2 : 1);
    this.at = at + 40;
    return 2 * ((DOCUMENTATION >>> 16) + (DOCUMENTATION & 0xffff)) + 3 + (first >>> 16) + (first & 0xffff) + (second >>> 16) + (second & 0xffff);
  }

  private ipv6Address(at: number, host: number, network: number): void {
    const { view } = this;
    view.setInt32(at, DOCUMENTATION);
    view.setInt32(at + 4, network);
    view.setInt32(at + 8, 0);
    view.setInt32(at + 12, host);
  }

  /** UDP with so many bytes of data, of which `here` are in this fragment. */
  udp(from: number, to: number, data: number, here: number, addresses: number): void {
    const { view, at } = this;
    const length = 8 + data;
    view.setUint16(at, from);
    view.setUint16(at + 2, to);
    view.setUint16(at + 4, length);
    const checksum = ~folded(addresses + UDP + length + from + to + length + fillingSum(data)) & 0xffff;
    view.setUint16(at + 6, checksum === 0 ? 0xffff : checksum);
    this.at = at + 8;
    this.data(here);
  }

  tcp(from: number, to: number, sequence: number, acknowledgment: number, flags: number, data: number, addresses: number): void {
    const { view, at } = this;
    const head = 0x5000 | flags;
    view.setUint16(at, from);
    view.setUint16(at + 2, to);
    view.setUint32(at + 4, sequence);
    view.setUint32(at + 8, acknowledgment);
    view.setUint16(at + 12, head);
    view.setUint16(at + 14, 0xffff);
    view.setUint32(at + 16, 0);
    const sum = addresses + TCP + 20 + data + from + to + (sequence >>> 16) + (sequence & 0xffff) + (acknowledgment >>> 16) + (acknowledgment & 0xffff) + head + 0xffff + fillingSum(data);
    view.setUint16(at + 16, ~folded(sum));
    this.at = at + 20;
    this.data(data);
  }

  data(length: number): void {
    const { at } = this;
    this.bytes.fill(FILLING, at, at + length);
    this.at = at + length;
  }

  /** The length of the frame, which gets what it lacks. */
  end(): number {
    const length = this.at - this.begin;
    if (length >= SHORTEST) return length;
    this.bytes.fill(0, this.at, this.begin + SHORTEST);
    return SHORTEST;
  }
}

export function fragmentField(offset: number, more: boolean): number {
  return (offset >>> 3) | (more ? MORE_FRAGMENTS : 0);
}

function fillingSum(bytes: number): number {
  return (bytes >>> 1) * FILLING_WORD + (bytes & 1) * (FILLING << 8);
}

function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16);
  return rest;
}
