/** Opens what is to be read, and says what it is if it is no capture file. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import type { BricksError } from '../model/errors';
import { coreAddon } from '../native/core-addon';
import { fileError } from './formats';
import { nativeFiles } from './native-files';
import { systemName } from './system-name';

export const STANDARD_INPUT = 0;
const STANDARD_INPUT_NAMES: readonly string[] = ['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'];
const polled = Int32Array.of(STANDARD_INPUT);

/** What other files begin with, to say something better than "is no capture file". */
const OTHER_FILES: readonly { readonly bytes: readonly number[]; readonly what: string; readonly remedy: string }[] = [
  { bytes: [0x1f, 0x8b], what: 'is compressed with gzip', remedy: 'Decompress it first: gzip -dc FILE > trace.pcap' },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], what: 'is compressed with zstd, which Node supports from version 22.15 on', remedy: 'Decompress it first: zstd -dc FILE > trace.pcap' },
  { bytes: [0xfd, 0x37, 0x7a, 0x58], what: 'is compressed with xz', remedy: 'Decompress it first: xz -dc FILE > trace.pcap' },
  { bytes: [0x42, 0x5a, 0x68], what: 'is compressed with bzip2', remedy: 'Decompress it first: bzip2 -dc FILE > trace.pcap' },
  { bytes: [0x04, 0x22, 0x4d, 0x18], what: 'is compressed with lz4', remedy: 'Decompress it first: lz4 -dc FILE > trace.pcap' },
];

export function isStandardInput(path: string): boolean {
  return STANDARD_INPUT_NAMES.includes(path);
}

/** Opens without waiting: a named pipe would hold up the engine until someone writes to it. Throws what the system throws. */
export function openInput(path: string): number {
  if (!isStandardInput(path)) return openSync(systemName(path), constants.O_RDONLY | constants.O_NONBLOCK);
  // The descriptor itself, not its name: what another user opened, or a socket, can't be opened anew; and a file goes on where it stands.
  if (nativeFiles()?.claimInput() === false) throw fileError('E_FILE', 'Standard input already has a reader.', 'It can have only one: put a Duplicator after it.');
  if (coreAddon() || fstatSync(STANDARD_INPUT).isFile()) return STANDARD_INPUT;
  try {
    // Without native parts nothing tells whether data waits; a descriptor of our own may be asked without waiting.
    return openSync('/dev/stdin', constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return STANDARD_INPUT;
  }
}

/** Whether a read would wait. Standard input is others' too, so it is asked, and not made non-blocking. */
export function waitsForData(descriptor: number): boolean {
  const addon = descriptor === STANDARD_INPUT ? coreAddon() : undefined;
  return addon !== undefined && addon.waitReadable(polled, 1, 0) === 0;
}

export function closeInput(descriptor: number): void {
  if (descriptor === STANDARD_INPUT) nativeFiles()?.closeFile(descriptor);
  else closeSync(descriptor);
}

/** Why a file that begins like this can't be read. */
export function noCapture(name: string, bytes: Uint8Array): BricksError {
  const other = OTHER_FILES.find((candidate) => candidate.bytes.every((byte, index) => bytes[index] === byte));
  if (other) return fileError('E_FILE_FORMAT', `${name} ${other.what}.`, other.remedy);
  const beginning = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return fileError('E_FILE_FORMAT', `${name} is not a pcap or pcapng file: it starts with ${beginning}.`);
}
