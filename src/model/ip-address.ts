/** IP addresses, hardware addresses, hosts and ports: from text, strictly, and back. */

/** Four words of 32 bits. */
type Ipv6Words = readonly [number, number, number, number];

/** Digit by digit: lists have millions of them. */
export function ipv4Word(text: string): number | undefined {
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

export function ipv6Words(text: string): Ipv6Words | undefined {
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

/** An IP address in words of 32 bits: one of IPv4, four of IPv6; nothing for what is none. */
export function ipAddressWords(text: string): readonly number[] | undefined {
  const word = ipv4Word(text);
  return word === undefined ? ipv6Words(text) : [word];
}

/** The text of an address in words of 32 bits: one of IPv4, four of IPv6. */
export function formatIpAddress(words: readonly number[]): string {
  return words.length === 1 ? formatIpv4(words[0]) : formatIpv6(words);
}

function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** As RFC 5952 has it. */
function formatIpv6(words: readonly number[]): string {
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

/** 6 bytes of `02:00:00:00:00:01`; nothing for what is no such address. */
export function hardwareAddressBytes(text: string): Uint8Array | undefined {
  return /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text) ? Uint8Array.from(text.split(/[:-]/).map((part) => parseInt(part, 16))) : undefined;
}

/** A server, as users write it. */
export interface HostAndPort {
  /** A name or an address. */
  readonly host: string;
  /** From 1 to 65,535. */
  readonly port: number;
}

/** `HOST:PORT`, `[IPV6]:PORT`; nothing for what is neither. */
export function hostAndPort(text: string, lowestPort: 0 | 1 = 1): HostAndPort | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:@[\]\s/]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port < lowestPort || port > 65_535 || (bracketed !== undefined && !ipv6Words(bracketed.replace(/%\w+$/, '')))) return undefined;
  return { host: bracketed ?? plain, port };
}
