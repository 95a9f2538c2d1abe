/** Errors of the operating system, in words. */
import { isBricksError, messageOf } from './errors';

/** Where our words say more than the system's. */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'the operation is not permitted',
  EISDIR: 'it is a directory',
  ENOTDIR: 'part of its path is not a directory',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is exhausted',
  EROFS: 'the file system is read-only',
  EFBIG: 'the file would become too large',
  EIO: 'input/output error',
  EMFILE: 'too many open files (raise the limit: ulimit -n)',
  ENFILE: 'the system has too many open files',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'too many symbolic links',
  ETXTBSY: 'it is in use',
  EPIPE: 'nobody reads this pipe any more',
  ENXIO: 'it is a pipe that nobody reads, or a device that does not exist',
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the name of the host can\'t be looked up now',
};

/** The code of an error of the operating system, or nothing. */
export function systemCode(error: unknown): string | undefined {
  if (isBricksError(error)) return undefined;
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** `EXDEV: cross-device link not permitted, rename 'a' -> 'b'`, `listen EPROTO: protocol error 127.0.0.1:80` */
const NODE_MESSAGE = /^(?:\w+ )?E[A-Z0-9]+: ([^,]+)/;

/** What is wrong, in words, to stand behind what was tried: `Cannot write /tmp/x: the disk is full.` Of other errors, their message. */
export function systemReason(error: unknown): string {
  const code = systemCode(error);
  if (code === undefined) return messageOf(error);
  const { message } = error as { readonly message?: unknown };
  if (WORDS[code] !== undefined || typeof message !== 'string') return WORDS[code] ?? code;
  return NODE_MESSAGE.exec(message)?.[1] ?? messageOf(error);
}
