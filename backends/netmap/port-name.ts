/**
 * netmap's link names, in the form that the kernel wants: suffixes become mode, ring and flags.
 *
 *     eth3  eth3-2  eth3^  eth3^1  eth3*     all rings, ring 2, host rings, host ring 1, both kinds
 *     eth3{0  eth3}0  name{0  vale0:a{0      the ends of a pipe; the suffix stays in the name
 *     vale0:a                                a port of a switch
 *     eth3/x  eth3@4  eth3-2/xR@4            flags, memory id
 */
import { BricksError } from '../../src/model/errors';
import type { LinkName } from '../../src/model/link-name';

/** Modes of a registration. */
export const MODE_ALL_NIC = 1;
export const MODE_HOST = 2;
export const MODE_NIC_AND_HOST = 3;
export const MODE_ONE_NIC = 4;
export const MODE_ONE_HOST = 8;

export const FLAG_MONITOR_TRANSMIT = 0x100;
export const FLAG_MONITOR_RECEIVE = 0x200;
export const FLAG_ZERO_COPY_MONITOR = 0x400;
export const FLAG_EXCLUSIVE = 0x800;
export const FLAG_RECEIVE_ONLY = 0x2000;
export const FLAG_TRANSMIT_ONLY = 0x4000;

const FLAGS: Readonly<Record<string, number>> = {
  x: FLAG_EXCLUSIVE,
  z: FLAG_ZERO_COPY_MONITOR,
  t: FLAG_MONITOR_TRANSMIT,
  r: FLAG_MONITOR_RECEIVE,
  R: FLAG_RECEIVE_ONLY,
  T: FLAG_TRANSMIT_ONLY,
};

const KERNEL_NAME_BYTES = 63;

export interface PortName {
  /** As the kernel wants it. */
  readonly name: string;
  readonly kind: 'interface' | 'switch' | 'pipe';
  /** The interface or switch port; of a pipe, its parent. */
  readonly device: string;
  readonly mode: number;
  readonly ring: number;
  readonly flags: number;
  /** 0 for none. */
  readonly memoryId: number;
}

/**
 * Parses the name of a link. `queue` binds one hardware ring, or -1. `isInterface` returns whether an
 * interface of exactly that name exists: only for names like `veth-1`, which might mean a ring too.
 * @throws BricksError E_LINK_NAME
 */
export function parsePortName(link: LinkName, queue = -1, isInterface: (name: string) => boolean = () => false): PortName {
  let rest = link.text;
  let flags = 0;
  let memoryId = 0;
  for (let suffix = takeSuffix(rest); suffix; suffix = takeSuffix(rest)) {
    rest = suffix.rest;
    if (suffix.flags !== undefined) flags |= flagsOf(link, suffix.flags);
    else memoryId = suffix.memoryId;
  }
  const rings = link.pipe || isInterface(rest) ? wholePort(rest) : ringsOf(rest);
  const { device } = rings;
  if (device === '' || new TextEncoder().encode(device).length > KERNEL_NAME_BYTES) {
    throw new BricksError('E_LINK_NAME', `The link name ${link.text} does not name a port.`, 'Write it as eth3, eth3-2, eth3{0 or vale0:a.');
  }
  const { mode, ring } = withQueue(link, rings, queue);
  return { name: device, kind: link.pipe ? 'pipe' : isSwitchPort(device) ? 'switch' : 'interface', device: parentOf(device, link), mode, ring, flags, memoryId };
}

interface Suffix {
  readonly rest: string;
  readonly flags?: string;
  readonly memoryId: number;
}

/** Flags or memory id at the end, in any order. */
function takeSuffix(text: string): Suffix | undefined {
  const flags = /^(.+)\/([xzrtRT]+)$/.exec(text);
  if (flags) return { rest: flags[1], flags: flags[2], memoryId: 0 };
  const memory = /^(.+)@(\d{1,5})$/.exec(text);
  return memory ? { rest: memory[1], memoryId: Number(memory[2]) } : undefined;
}

function flagsOf(link: LinkName, letters: string): number {
  let flags = 0;
  for (const letter of letters) flags |= FLAGS[letter];
  if (flags & FLAG_RECEIVE_ONLY && flags & FLAG_TRANSMIT_ONLY) {
    throw new BricksError('E_LINK_NAME', `The link name ${link.text} asks for both receive rings only (R) and transmit rings only (T).`, 'Remove one of the two.');
  }
  return flags;
}

interface Rings {
  readonly device: string;
  readonly mode: number;
  readonly ring: number;
}

function wholePort(device: string): Rings {
  return { device, mode: MODE_ALL_NIC, ring: 0 };
}

function ringsOf(text: string): Rings {
  const one = /^(.+)([-^])(\d{1,4})$/.exec(text);
  if (one) return { device: one[1], mode: one[2] === '-' ? MODE_ONE_NIC : MODE_ONE_HOST, ring: Number(one[3]) };
  if (text.endsWith('^')) return { device: text.slice(0, -1), mode: MODE_HOST, ring: 0 };
  if (text.endsWith('*')) return { device: text.slice(0, -1), mode: MODE_NIC_AND_HOST, ring: 0 };
  return wholePort(text);
}

function withQueue(link: LinkName, { mode, ring }: Rings, queue: number): { mode: number; ring: number } {
  if (queue < 0 || link.pipe || (mode === MODE_ONE_NIC && ring === queue)) return { mode, ring };
  if (mode !== MODE_ALL_NIC) {
    throw new BricksError('E_LINK_NAME', `The link ${link.text} already names its rings, so it can't be bound to queue ${queue}.`, 'Remove one or the other.');
  }
  return { mode: MODE_ONE_NIC, ring: queue };
}

function isSwitchPort(device: string): boolean {
  return /^vale[^:]*:./.test(device);
}

function parentOf(device: string, link: LinkName): string {
  return link.pipe ? link.pipe.end === 'master' ? device.slice(0, device.lastIndexOf('{')) : device.slice(0, device.lastIndexOf('}')) : device;
}
