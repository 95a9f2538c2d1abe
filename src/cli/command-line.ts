/** The arguments of this process, with bytes that are not UTF-8 kept (src/model/file-name.ts), which Node replaces. */
import { readFileSync } from 'node:fs';
import { nameOfBytes } from '../model/file-name';

const REPLACED = '\ufffd';

export function commandLine(): readonly string[] {
  const given = process.argv.slice(2);
  if (!given.some((argument) => argument.includes(REPLACED))) return given;
  try {
    const words: string[] = [];
    const bytes = readFileSync('/proc/self/cmdline');
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(0, at);
      words.push(nameOfBytes(bytes.subarray(at, end)));
      at = end + 1;
    }
    return words.slice(words.length - given.length);
  } catch {
    return given; // where it can't be had, link names that hold such a character are refused
  }
}
