/** The token of a TCP connection stands in a file, so that it is in no list of processes, no history and no log. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';

const TOKEN_BYTES_LEAST = 16;
const TOKEN_BYTES_MOST = 4096;

/** @throws BricksError E_CONTROL_TOKEN */
export function readTokenFile(path: string): string {
  const wrong = (what: string, remedy = ''): BricksError => new BricksError('E_CONTROL_TOKEN', `The token file ${path} ${what}.`, remedy);
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw wrong(`can't be read: ${systemReason(error)}`, 'Make one: (umask 077; openssl rand -hex 32 > FILE)');
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw wrong('is not a file');
    if ((status.mode & 0o077) !== 0) throw wrong(`can be used by others (mode ${(status.mode & 0o777).toString(8)})`, `Keep it to yourself: chmod 600 ${path}`);
    const bytes = Buffer.alloc(TOKEN_BYTES_MOST + 1);
    const token = bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0)).trim();
    if (token.length < TOKEN_BYTES_LEAST || token.length > TOKEN_BYTES_MOST || !/^[\x21-\x7e]+$/.test(token)) {
      throw wrong(`holds no token: it must be ${TOKEN_BYTES_LEAST} to ${TOKEN_BYTES_MOST} visible ASCII characters, without spaces`, 'Make one: (umask 077; openssl rand -hex 32 > FILE)');
    }
    return token;
  } finally {
    closeSync(descriptor);
  }
}
