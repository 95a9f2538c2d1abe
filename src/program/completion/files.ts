/** Files and directories that a path may go on with. */
import { readdirSync, statSync } from 'node:fs';

/** Names that capture files have, also with what tcpdump and compressors put behind. */
const CAPTURE = /\.(pcap|pcapng|cap|ntar|dmp)/i;
/** What would have to be escaped in quotes, or is not UTF-8. */
const AWKWARD = /["'\\\u0000-\u001f\u007f\ufffd]/;

/** Paths that begin with `word`; directories end with a slash. Of capture files and others only the former, if asked for. */
export function filesFor(word: string, preferred: 'captures' | 'scripts' | 'any'): string[] {
  const directory = /^.*\//s.exec(word)?.[0] ?? '';
  const start = word.slice(directory.length);
  let entries;
  try {
    entries = readdirSync(directory === '' ? '.' : directory, { withFileTypes: true });
  } catch {
    return [];
  }
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    const { name } = entry;
    if (!name.startsWith(start) || (start === '' && name.startsWith('.')) || AWKWARD.test(name)) continue;
    const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && statSync(directory + name, { throwIfNoEntry: false })?.isDirectory());
    if (isFolder) folders.push(`${directory}${name}/`);
    else files.push(directory + name);
  }
  const wanted = preferred === 'any' ? files : files.filter((path) => (preferred === 'captures' ? CAPTURE : /\.lua$/).test(path.slice(directory.length)));
  return [...folders, ...(wanted.length > 0 ? wanted : files)];
}
