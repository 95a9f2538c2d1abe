/** The capture files of a directory. */
import { readdirSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { nameOfBytes } from '../model/file-name';
import { systemCode } from '../model/system-error';
import { fileError, fileReason } from './formats';
import { systemName } from './system-name';

export interface DirectoryFile {
  readonly path: string;
  /** Its name says that it is a capture; if it isn't one, a warning says so. */
  readonly claimsToBe: boolean;
}

/** What is not read. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
  /** It should have been a file: a link to nothing, or what may not be looked at. */
  readonly isMissing: boolean;
}

export interface CaptureDirectory {
  /** In the order of their names, numbers by their value. */
  readonly files: readonly DirectoryFile[];
  readonly leftOut: readonly LeftOut[];
}

/** As capture programs name files and those that follow: trace.pcap, trace.pcap1, trace.pcap.1700000000, trace-00001.cap.gz. */
const CAPTURE_NAME = /(pcap|pcapng|cap|ntar|dmp)([-_.]?\d[-_.\d]*)?(\.(gz|zst|zstd|xz|bz2|lz4))?$/i;

/** All files of a directory, or nothing if the path is none. @throws BricksError E_FILE */
export function readDirectory(path: string): CaptureDirectory | undefined {
  let names: string[];
  try {
    if (!statSync(systemName(path)).isDirectory()) return undefined;
    names = readdirSync(systemName(path), { encoding: 'buffer' }).map(nameOfBytes);
  } catch (error) {
    throw fileError('E_FILE', `Cannot read the capture file ${path}: ${fileReason(error)}.`);
  }
  const natural = new Intl.Collator('en', { numeric: true });
  names.sort((a, b) => natural.compare(a, b) || (a < b ? -1 : 1));
  const files: DirectoryFile[] = [];
  const leftOut: LeftOut[] = [];
  for (const name of names) {
    const claimsToBe = CAPTURE_NAME.test(name);
    const file = join(path, name);
    try {
      const status = statSync(systemName(file));
      if (status.isFile()) files.push({ path: file, claimsToBe });
      else if (claimsToBe || !status.isDirectory()) leftOut.push({ name, reason: kindOf(status), isMissing: false });
    } catch (error) {
      leftOut.push({ name, reason: systemCode(error) === 'ENOENT' ? 'a dangling link' : fileReason(error), isMissing: true });
    }
  }
  return { files, leftOut };
}

function kindOf(status: Stats): string {
  if (status.isDirectory()) return 'a directory';
  if (status.isFIFO()) return 'a named pipe';
  return status.isSocket() ? 'a socket' : 'a device';
}
