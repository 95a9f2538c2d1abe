/** Addresses, subnets, hardware addresses and ports: from text, strictly, and back. */
import type { AddressWords, HardwareAddress, Subnet } from './rule';

/** Longer text is not an address. */
const LONGEST = 64;

/** Digit by digit: lists have millions of them. */
function ipv4Word(text: string): number | undefined {
  let word = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 46) {
      if (digits === 0 || ++dots > 3) return undefined;
      word = word * 256 + part;
      part = digits = 0;
      continue;
    }
    // No leading zero: some read such numbers as octal.
    if (code < 48 || code > 57 || (digits > 0 && part === 0)) return undefined;
    part = part * 10 + code - 48;
    digits++;
    if (part > 255) return undefined;
  }
  return dots === 3 && digits > 0 ? word * 256 + part : undefined;
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes('.')) {
      const word = ipv4Word(part);
      if (word === undefined) return undefined;
      groups.push(word >>> 16, word & 0xffff);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(parseInt(part, 16));
    }
  }
  return groups;
}

function ipv6Words(text: string): AddressWords | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = [groupsOf(halves[0]), halves.length === 2 ? groupsOf(halves[1]) : []];
  if (!head || !tail || (halves.length === 2 && halves[1] !== '' && halves[0].includes('.'))) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  const word = (index: number): number => ((groups[2 * index] << 16) | groups[2 * index + 1]) >>> 0;
  return [word(0), word(1), word(2), word(3)];
}

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
  const address = subnet.version === 4 ? formatIpv4(subnet.words[0]) : formatIpv6(subnet.words);
  return isSingle(subnet) ? address : `${address}/${subnet.length}`;
}

function formatIpv4(word: number): string {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join('.');
}

/** As RFC 5952 has it. */
function formatIpv6(words: AddressWords): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let best = { start: 0, size: 1 };
  for (let start = 0; start < 8; start++) {
    let size = 0;
    while (start + size < 8 && groups[start + size] === 0) size++;
    if (size > best.size) best = { start, size };
  }
  const texts = groups.map((group) => group.toString(16));
  if (best.size < 2) return texts.join(':');
  return `${texts.slice(0, best.start).join(':')}::${texts.slice(best.start + best.size).join(':')}`;
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
