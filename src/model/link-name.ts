/**
 * Link names: what a user writes for a place where packets come from or go to. Parsed here and nowhere else.
 *
 *     eth3            a network interface            netmap:eth3     the same
 *     eth3{0  eth3}0  the two ends of pipe 0 of eth3: what goes in at one comes out at the other
 *     vale0:a         port a of the software switch vale0
 *     trace.pcap  ./traces/  file:odd-name           a capture file, a directory of them
 *     -                                              standard input, or standard output
 */
import { BricksError } from './errors';

/** What a link name may name. */
export type LinkKind = 'interface' | 'pipe' | 'file';
/** Which end of a pipe: `{` is the master, `}` the slave. */
export type PipeEnd = 'master' | 'slave';

/** A link name, taken apart. */
export interface LinkName {
  /** As the user wrote it, without `netmap:` or `file:`. Two names are the same link if this is equal. */
  readonly text: string;
  /** What it names: an interface or switch port, one end of a pipe, or a capture file. */
  readonly kind: LinkKind;
  /** The interface or switch port, with the backend's own suffixes (`eth3-2`, `eth3^`); the path of a file. */
  readonly device: string;
  /** Of a pipe: its name within the device, and which end this is. */
  readonly pipe?: { readonly id: string; readonly end: PipeEnd };
}

/** Bytes that a name other than a file's may have: netmap's limit. */
export const MAXIMUM_LINK_NAME_BYTES = 63;

const CAPTURE_FILE = /\.(pcap|pcapng|cap|ntar|dmp)$/i;
/** netmap's flags behind a slash: exclusive, rings of one direction, monitors. */
const NETMAP_FLAGS = /^[^/]+\/[xzrtRT]+$/;
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f]/;

/** What decoders put where bytes are not UTF-8. With it, a name is another file's. */
const REPLACED = '\ufffd';

function looksLikeFile(text: string): boolean {
  return text === '-' || /^[./~]/.test(text) || text.endsWith('/') || CAPTURE_FILE.test(text) || (text.includes('/') && !NETMAP_FLAGS.test(text));
}

/** Parses a link name. `as: 'file'` takes any name for a path, as a PcapWriter's output is.
 *  @throws BricksError E_LINK_NAME */
export function parseLinkName(given: string, as?: 'file'): LinkName {
  if (typeof given !== 'string' || given === '') {
    throw new BricksError('E_LINK_NAME', given === '' ? 'The link name is empty.' : `Link names must be strings, got ${String(given)}.`, 'Write an interface (eth3), a pipe (eth3{0) or a capture file (trace.pcap).');
  }
  if (CONTROL_CHARACTERS.test(given)) {
    throw new BricksError('E_LINK_NAME', `The link name ${JSON.stringify(given)} contains a control character.`, 'Remove it.');
  }
  if (given.includes(REPLACED)) {
    throw new BricksError('E_LINK_NAME', `The link name ${given} has lost bytes that are not UTF-8, shown as ${REPLACED}.`, 'Read the whole directory instead, or rename the file.');
  }
  if (given.startsWith('file:')) {
    return fileLink(given.slice(5), given);
  }
  const text = given.startsWith('netmap:') ? given.slice(7) : given;
  if (as === 'file' || (text === given && looksLikeFile(text))) return fileLink(text, given);
  if (byteLengthOf(text) > MAXIMUM_LINK_NAME_BYTES) {
    throw new BricksError('E_LINK_NAME', `The link name ${text} has ${byteLengthOf(text)} bytes; the maximum is ${MAXIMUM_LINK_NAME_BYTES}.`, 'Use a shorter name. If it is a file, include its directory (./name) or write file:name.');
  }
  let brace = text.lastIndexOf('{');
  if (brace < 0) brace = text.lastIndexOf('}');
  if (brace < 0) {
    if (text === '') throw new BricksError('E_LINK_NAME', `The link name ${given} does not name an interface.`, 'Write it as netmap:eth3 or eth3.');
    return { text, kind: 'interface', device: text };
  }
  const device = text.slice(0, brace);
  const id = text.slice(brace + 1);
  if (device === '' || id === '') {
    throw new BricksError('E_LINK_NAME', `The link name ${text} is not a pipe: it needs a name before the brace and one after it.`, 'Write it as eth3{0 (the end that bricks write to) or eth3}0 (the end that a program reads).');
  }
  return { text, kind: 'pipe', device, pipe: { id, end: text[brace] === '{' ? 'master' : 'slave' } };
}

function fileLink(path: string, given: string): LinkName {
  if (path === '') throw new BricksError('E_LINK_NAME', `The link name ${given} does not name a file.`, 'Write the path after file:.');
  return { text: path, kind: 'file', device: path };
}

function byteLengthOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** The other end of a pipe: eth3{0 for eth3}0. Nothing for other links. */
export function peerName(link: LinkName): string | undefined {
  if (!link.pipe) return undefined;
  return link.device + (link.pipe.end === 'master' ? '}' : '{') + link.pipe.id;
}

/** Names that an engine may have for the link that a user means: as given, without its backend, and, of a pipe, with `otherEnd` that of its other end. Those of bricks stay as given. */
export function linkNamesFor(given: string, otherEnd = true): string[] {
  try {
    const link = parseLinkName(given);
    const peer = otherEnd ? peerName(link) : undefined;
    return [given, link.text, ...(peer === undefined ? [] : [peer])];
  } catch {
    return [given]; // names that no link can have
  }
}
