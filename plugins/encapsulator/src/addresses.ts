/** Addresses as users write them, and as they stand in packets. */
import { isIP } from 'node:net';

/** 4 or 16 bytes; nothing for what is no IP address. */
export function addressBytes(text: string): Uint8Array | undefined {
  const version = text.includes('%') ? 0 : isIP(text);
  if (version === 4) return Uint8Array.from(text.split('.').map(Number));
  if (version !== 6) return undefined;
  // An IPv4 address may stand in the last 32 bits.
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const [before, after] = (dotted ? `${dotted[1]}${groupsOfIpv4(dotted[2])}` : text).split('::').map((part) => (part === '' ? [] : part.split(':')));
  const groups = after === undefined ? before : [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return Uint8Array.from(groups.flatMap((group) => [parseInt(group, 16) >>> 8, parseInt(group, 16) & 0xff]));
}

function groupsOfIpv4(text: string): string {
  const [a, b, c, d] = text.split('.').map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** 6 bytes of `02:00:00:00:00:01`; nothing for what is no such address. */
export function hardwareBytes(text: string): Uint8Array | undefined {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? Uint8Array.from(text.split(':').map((part) => parseInt(part, 16))) : undefined;
}
