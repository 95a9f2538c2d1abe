/** Where the key comes from. No message shows it. */
import { readFileSync, statSync } from 'node:fs';
import { BricksError } from 'packet-bricks';
import { KEY_BYTES } from './crypto-pan.js';

export interface KeyOptions {
  readonly key: string | undefined;
  readonly keyFile: string | undefined;
}

const HEXADECIMAL = /^[0-9a-f]{64}$/i;
/** No key is longer, written in any way. */
const FILE_BYTES = 4096;
const READABLE_BY_OTHERS = 0o077;
const MAKE_ONE = 'One is made by: openssl rand -hex 32 > anonymizer.key && chmod 600 anonymizer.key.';

/** The 32 bytes of the key. `warn` gets a text about a file that others can read. @throws BricksError E_OPTION */
export function readKey({ key, keyFile }: KeyOptions, warn: (text: string) => void = () => undefined): Uint8Array {
  if (key !== undefined && keyFile !== undefined) throw new BricksError('E_OPTION', 'Anonymizer takes a key or a keyFile, and was given both.', 'Leave one of them out.');
  if (key !== undefined) return parsed(Buffer.from(key), 'its option "key"');
  if (keyFile === undefined) throw new BricksError('E_OPTION', 'Anonymizer needs a key: packets of one address get the same address as long as the key is the same.', `Say where it is: keyFile = "anonymizer.key". ${MAKE_ONE}`);
  const [bytes, mode] = contentOf(keyFile);
  if ((mode & READABLE_BY_OTHERS) !== 0) warn(`The key in ${keyFile} can be read by other users: chmod 600 ${keyFile}`);
  return parsed(bytes, keyFile);
}

function contentOf(file: string): [Buffer, number] {
  try {
    const { size, mode } = statSync(file);
    if (size > FILE_BYTES) throw new BricksError('E_OPTION', `The key of Anonymizer in ${file} must be 32 bytes or 64 hexadecimal digits; the file has ${size} bytes.`, MAKE_ONE);
    return [readFileSync(file), mode];
  } catch (error) {
    if (error instanceof BricksError) throw error;
    const { code } = error as { readonly code?: string };
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'this user may not read it' : code === 'EISDIR' ? 'it is a folder' : String(code);
    throw new BricksError('E_OPTION', `The key of Anonymizer can't be read from ${file}: ${reason}.`, MAKE_ONE);
  }
}

function parsed(bytes: Uint8Array, where: string): Uint8Array {
  if (bytes.length === KEY_BYTES) return Uint8Array.from(bytes);
  const text = Buffer.from(bytes).toString('latin1').trim();
  if (HEXADECIMAL.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
  throw new BricksError('E_OPTION', `The key of Anonymizer in ${where} must be 32 bytes or 64 hexadecimal digits.`, MAKE_ONE);
}
