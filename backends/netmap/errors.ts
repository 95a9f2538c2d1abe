/** What the system's refusals mean, in the words of the person who meets them. */
import { constants } from 'node:os';
import { BricksError } from '../../src/model/errors';
import { userSpaceDirectoryError } from './user-space';
import type { NativeFailure } from './native';

const { errno } = constants;
const EPROTO = 71;
const EFBIG = errno.EFBIG;
/** As many pipes as the kernel makes of one interface or switch port, whatever its pools hold. */
const PIPES_OF_A_PORT = 64;

/** What netmap in user space is called by. */
export const USER_SPACE_REMEDY = 'bricks netmap-run -- PROGRAM runs a program with netmap in user space, without a kernel module.';
const SYSTEM_REMEDY = process.platform === 'freebsd' ? 'Load it with: kldload netmap' : 'Load it with: modprobe netmap';

/** Pools of netmap's memory, by the module's parameters. */
function parameter(name: string): string {
  return process.platform === 'freebsd' ? `sysctl dev.netmap.${name}` : `/sys/module/netmap/parameters/${name}`;
}

/** Why the device can't be used at all, or nothing: the answer of the native `probe`. */
export function deviceError({ number, step }: NativeFailure): BricksError | undefined {
  if (number === 0) return undefined;
  if (step === 'version') {
    return number === errno.EINVAL
      ? new BricksError('E_NETMAP_VERSION', 'netmap has an API version other than 14 and 15.', 'Use netmap from 2018 or later.')
      : undefined;
  }
  const directory = userSpaceDirectoryError();
  if (directory) return directory;
  if (number === errno.EACCES || number === errno.EPERM) {
    return new BricksError('E_NETMAP_PERMISSION', 'You are not allowed to open /dev/netmap.', `Run as root, or give your group access: sudo chgrp ${process.getgid?.() ?? 0} /dev/netmap && sudo chmod 660 /dev/netmap`);
  }
  if (number === errno.ENOENT || number === errno.ENXIO || number === errno.ENODEV) {
    return new BricksError('E_NETMAP_MISSING', 'There is no /dev/netmap: the netmap module is not loaded.', `${SYSTEM_REMEDY}. Or: ${USER_SPACE_REMEDY}`);
  }
  return new BricksError('E_NETMAP_DEVICE', `/dev/netmap can't be opened (error ${number}).`, SYSTEM_REMEDY);
}

export interface PortAttempt {
  /** As the user wrote it. */
  readonly link: string;
  readonly pipe: boolean;
  /** How many pipes the engine opens. */
  readonly pipes: number;
  readonly extraBuffers: number;
  /** Whether the port brings a memory of its own, as switch ports and pipes without an interface do: it has pools of its own. */
  readonly ownMemory: boolean;
  /** Whether a single ring was asked for. */
  readonly oneRing: boolean;
  readonly errorText: string;
  /** What `probe` says now. */
  readonly device: NativeFailure;
}

/** Why a port could not be opened. */
export function portError(failure: NativeFailure, attempt: PortAttempt): BricksError {
  const { link } = attempt;
  const { number, step } = failure;
  if (step === 'open') {
    if (number === errno.EMFILE || number === errno.ENFILE) {
      return new BricksError('E_NETMAP_DESCRIPTORS', `Cannot open ${link}: no file descriptors left, and each link takes one.`, 'Raise the limit: ulimit -n 65536');
    }
    return deviceError(failure) as BricksError;
  }
  if (step === 'claim') {
    return new BricksError('E_NETMAP_BUSY', `The rings of ${link} are in use in this process already.`, 'Bind each engine to its own queue (pe:link(brick, batch, queue)), or name a ring (eth3-2). Unlink an engine before you give it another queue.');
  }
  if (number === EFBIG) {
    return new BricksError('E_NETMAP_MEMORY', `The memory region of ${link} is larger than 3.8 GB, which offsets of 32 bits can't reach.`, `Lower ${parameter('buf_num')}.`);
  }
  if (step === 'map') {
    return new BricksError('E_NETMAP_MEMORY', `The memory of ${link} could not be mapped: ${attempt.errorText}.`, 'Raise the limit of virtual memory (ulimit -v).');
  }
  if (number === EPROTO) {
    return new BricksError('E_NETMAP_VERSION', `The rings of ${link} do not have the layout of netmap API version 14.`, 'Use netmap from 2018 or later.');
  }
  return registrationError(number, attempt);
}

function registrationError(number: number, attempt: PortAttempt): BricksError {
  const { link } = attempt;
  switch (number) {
    case errno.ENXIO:
    case errno.ENODEV:
    case errno.ENOENT:
      return new BricksError('E_NETMAP_INTERFACE', `netmap has no interface ${link}.`, 'List them with: ip link. Switch ports start with vale (vale0:a).');
    case errno.EBUSY:
      return new BricksError('E_NETMAP_BUSY', `The rings of ${link} are in use by another program.`, 'Stop that program, or use other rings (eth3-2).');
    case errno.ENOMEM:
      return memoryError(attempt);
    case errno.EPERM:
    case errno.EACCES:
      return userSpaceDirectoryError() ?? new BricksError('E_NETMAP_PERMISSION', `You are not allowed to open ${link}.`, 'Run as root.');
    case errno.EINVAL: {
      const version = deviceError(attempt.device);
      if (version) return version;
      if (attempt.pipe && attempt.pipes > PIPES_OF_A_PORT) {
        return new BricksError('E_NETMAP_PIPES', `netmap refuses the pipe ${link}: a port has at most ${PIPES_OF_A_PORT} pipes.`, 'Spread them over several ports or names (a{0, b{0).');
      }
      return attempt.oneRing
        ? new BricksError('E_NETMAP_RING', `${link} has no such ring.`, 'Check how many it has: ethtool -l IFACE')
        : new BricksError('E_NETMAP_NAME', `netmap refuses the name ${link}.`, 'Write it as eth3, eth3-2, eth3^, eth3{0 or vale0:a.');
    }
    case errno.EOPNOTSUPP:
      return new BricksError('E_NETMAP_REFUSED', `netmap can't use ${link}: ${attempt.errorText}.`, 'Remove it from its bridge or bond first.');
    default:
      return new BricksError('E_NETMAP_REFUSED', `netmap refuses ${link}: ${attempt.errorText} (error ${number}).`, 'Check the kernel log: dmesg');
  }
}

function memoryError({ link, pipes, extraBuffers, ownMemory }: PortAttempt): BricksError {
  const own = ownMemory ? 'priv_' : '';
  const smaller = 'or use smaller rings (the option slots)';
  if (pipes > 1) {
    return new BricksError('E_NETMAP_MEMORY', `netmap has no memory left for ${link}: its pools are too small for ${pipes} pipes.`, `Raise ${parameter(`${own}ring_num`)}, ${parameter(`${own}buf_num`)} and ${parameter(`${own}if_num`)} while no program uses netmap, ${smaller}.`);
  }
  return new BricksError('E_NETMAP_MEMORY', `netmap does not have enough memory for ${link}.`, `Raise ${parameter(`${own}buf_num`)}, ${parameter(`${own}ring_num`)} or ${parameter(`${own}if_num`)} while no program uses netmap, ${smaller}${extraBuffers > 0 ? ', or ask for fewer extraBuffers' : ''}.`);
}
