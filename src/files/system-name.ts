import { bytesOfName } from '../model/file-name';

/** The name of a file as Node's functions take it: also one that is not UTF-8. */
export function systemName(name: string): string | Buffer {
  const bytes = bytesOfName(name);
  return bytes ? Buffer.from(bytes) : name;
}
