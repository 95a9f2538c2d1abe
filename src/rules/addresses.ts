/** Addresses, subnets, hardware addresses and ports: from text, strictly, and back. */
import { formatIpAddress, ipv4Word, ipv6Words } from '../model/ip-address';
import type { AddressWords, HardwareAddress, Subnet } from './rule';

/** Longer text is not an address. */
const LONGEST = 64;

/** The words of an address with only its first `length` bits. */
export function maskedWords(words: AddressWords, length: number): AddressWords {
  const masked = words.map((word, index) => (word & maskWord(length, index)) >>> 0);
  return [masked[0], masked[1], masked[2], masked[3]];
}

/** Word `index` of the mask of so many bits. */
export function maskWord(length: number, index: number): number {
  const bits = Math.min(32, Math.max(0, length - 32 * index));
  return bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
}

/** `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`; undefined if it is neither. Bits after the length are ignored. An IPv4-mapped IPv6 address is the IPv4 address. */
export function parseSubnet(text: string): Subnet | undefined {
  if (text.length > LONGEST) return undefined;
  const [address, length, ...more] = text.split('/');
  if (more.length > 0 || (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length))) return undefined;
  const word = address.includes(':') ? undefined : ipv4Word(address);
  const words: AddressWords | undefined = word === undefined ? ipv6Words(address) : [word, 0, 0, 0];
  if (!words) return undefined;
  const longest = word === undefined ? 128 : 32;
  const bits = length === undefined ? longest : Number(length);
  if (bits > longest) return undefined;
  if (word === undefined && bits >= 96 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff) {
    return { version: 4, words: maskedWords([words[3], 0, 0, 0], bits - 96), length: bits - 96 };
  }
  return { version: word === undefined ? 6 : 4, words: bits === longest ? words : maskedWords(words, bits), length: bits };
}

/** A single address. */
export function parseAddress(text: string): Subnet | undefined {
  return text.includes('/') ? undefined : parseSubnet(text);
}

export function isSingle({ version, length }: Subnet): boolean {
  return length === (version === 4 ? 32 : 128);
}

export function formatSubnet(subnet: Subnet): string {
  const address = formatIpAddress(subnet.version === 4 ? [subnet.words[0]] : subnet.words);
  return isSingle(subnet) ? address : `${address}/${subnet.length}`;
}

export function parseHardwareAddress(text: string): HardwareAddress | undefined {
  if (!/^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(text)) return undefined;
  const bytes = text.split(/[:-]/).map((part) => parseInt(part, 16));
  return [((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0, (bytes[4] << 8) | bytes[5]];
}

export function formatHardwareAddress([high, low]: HardwareAddress): string {
  return [high >>> 24, (high >>> 16) & 255, (high >>> 8) & 255, high & 255, low >>> 8, low & 255].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** `80/tcp`, `80`; the protocol is a name or a number. */
export function parsePort(text: string): { readonly port: number; readonly protocol?: number } | undefined {
  const found = /^(\d{1,5})(?:\/([a-z0-9?]{1,8}))?$/.exec(text);
  if (!found || Number(found[1]) > 65_535) return undefined;
  const port = Number(found[1]);
  if (found[2] === undefined || found[2] === '?' || found[2] === 'unknown') return { port };
  const protocol = parseProtocol(found[2]);
  return protocol === undefined ? undefined : { port, protocol };
}

const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, gre: 47, esp: 50, ah: 51, icmp6: 58, ospf: 89, sctp: 132 };

export function parseProtocol(text: string): number | undefined {
  if (Object.hasOwn(PROTOCOLS, text)) return PROTOCOLS[text];
  return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : undefined;
}

export function formatProtocol(protocol: number): string {
  return Object.entries(PROTOCOLS).find(([, number]) => number === protocol)?.[0] ?? String(protocol);
}
