/** Opens what is to be read, and says what it is if it is no capture file. */
import { closeSync, constants, openSync } from 'node:fs';
import type { BricksError } from '../core/errors';
import { fileError, systemCode } from './formats';
import { nativeFiles } from './native-files';

const STANDARD_INPUT = 0;

/** What other files begin with, to say something better than "is no capture file". */
const OTHER_FILES: readonly { readonly bytes: readonly number[]; readonly what: string; readonly remedy: string }[] = [
  { bytes: [0x1f, 0x8b], what: 'is compressed with gzip', remedy: 'Unpack it first: gzip -dc FILE > trace.pcap' },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], what: 'is compressed with zstd', remedy: 'Unpack it first: zstd -dc FILE > trace.pcap' },
  { bytes: [0xfd, 0x37, 0x7a, 0x58], what: 'is compressed with xz', remedy: 'Unpack it first: xz -dc FILE > trace.pcap' },
  { bytes: [0x42, 0x5a, 0x68], what: 'is compressed with bzip2', remedy: 'Unpack it first: bzip2 -dc FILE > trace.pcap' },
];

/** Opens without waiting: a named pipe would hold up the engine until someone writes to it. Throws what the system throws. */
export function openInput(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    // Standard input may be a socket, as node gives to its children: these have no path to open them by.
    const isSocket = path === '/dev/stdin' && systemCode(error) === 'ENXIO';
    if (!isSocket || !nativeFiles()?.doNotWait(STANDARD_INPUT)) throw error;
    return STANDARD_INPUT;
  }
}

export function closeInput(descriptor: number): void {
  if (descriptor !== STANDARD_INPUT) closeSync(descriptor);
}

/** Why a file that begins like this can't be read. */
export function noCapture(name: string, bytes: Uint8Array): BricksError {
  const other = OTHER_FILES.find((candidate) => candidate.bytes.every((byte, index) => bytes[index] === byte));
  if (other) return fileError('E_FILE_FORMAT', `${name} ${other.what}.`, other.remedy);
  const beginning = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return fileError('E_FILE_FORMAT', `${name} is no pcap or pcapng file: it begins with ${beginning}.`);
}
