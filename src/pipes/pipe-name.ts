/** Where a pipe's socket lies, and which of its two rings an end means. */
import type { ErrorCode } from '../model/error-codes';
import { existsSync, readdirSync, realpathSync, rmdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BricksError } from '../model/errors';
import { parseLinkName, type LinkName } from '../model/link-name';
import type { CoreAddon } from '../native/core-addon';

/** What goes in at the master end (x{0) comes out at the slave end (x}0): ring 0; the other way: ring 1. */
export type PipeDirection = 0 | 1;

export function writingDirection(link: LinkName): PipeDirection {
  return link.pipe?.end === 'master' ? 0 : 1;
}

export function readingDirection(link: LinkName): PipeDirection {
  return link.pipe?.end === 'master' ? 1 : 0;
}

/** The file name of a pipe's socket: device{id.sock, with what a file name can't have as %XX. */
export function pipeFileName(link: LinkName): string {
  if (!link.pipe) throw new BricksError('E_LINK_KIND', `${link.text} is not a pipe.`, 'Write it as eth3}0 (the end that a program reads) or eth3{0.');
  const escaped = `${link.device}{${link.pipe.id}`.replace(/[%/\s]|^\./g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `${escaped}.sock`;
}

/** The pipes of a device among the file names of a directory, each by the end that `pattern` has, in the order of their numbers. */
export function linksIn(files: readonly string[], pattern: LinkName): LinkName[] {
  const end = pattern.pipe?.end === 'master' ? '{' : '}';
  const before = pipeFileName(pattern).slice(0, -'*.sock'.length);
  const own = files.filter((file) => file.startsWith(before) && file.endsWith('.sock') && !file.endsWith('{*.sock'));
  const ids = own.map((file) => decodeFileName(file.slice(before.length, -'.sock'.length)));
  return ids.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((id) => parseLinkName(`${pattern.device}${end}${id}`));
}

function decodeFileName(name: string): string {
  return name.replace(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}

/** The directory for the pipes of this network namespace: interfaces of the same name elsewhere are others. */
export function pipeDirectory(addon: CoreAddon): string {
  return join(runDirectory(), addon.networkNamespace());
}

/** Directories of network namespaces that are gone would stay for ever. */
export function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // There are other pipes in it, or another process has removed it.
  }
}

/** Where a reader finds pipes, and who may own them there. */
export interface ReadableDirectory {
  readonly directory: string;
  readonly owner: 0 | 1 | 2;
}

/** This user's pipes, and root's where the reader is in their group. A directory that was named may be anyone's, but for root. */
export function readableDirectories(addon: CoreAddon): readonly ReadableDirectory[] {
  const own = pipeDirectory(addon);
  if (process.env['BRICKS_RUN_DIRECTORY']) return [{ directory: own, owner: process.getuid?.() === 0 ? 0 : 2 }];
  const roots = join(runDirectoryOf(0), addon.networkNamespace());
  return own === roots ? [{ directory: own, owner: 0 }] : [{ directory: own, owner: 0 }, { directory: roots, owner: 1 }];
}

/** Whether there is a pipe of this name in another network namespace: a reader in this one would wait in vain. */
export function isPipeElsewhere(addon: CoreAddon, link: LinkName): boolean {
  const file = pipeFileName(link);
  const here = addon.networkNamespace();
  const run = runDirectory();
  try {
    return readdirSync(run).some((namespace) => namespace !== here && existsSync(join(run, namespace, file)));
  } catch {
    return false; // nobody has opened any
  }
}

/** The ends that programs read of the pipes that there are here: `eth3}0`. */
export function readableEnds(addon: CoreAddon): string[] {
  try {
    return readdirSync(pipeDirectory(addon)).flatMap((file) => {
      const name = /^(.+)\{([^{]+)\.sock$/.exec(decodeURIComponent(file));
      return name ? [`${name[1]}}${name[2]}`] : [];
    });
  } catch {
    return []; // nobody has opened any
  }
}

function runDirectory(): string {
  const chosen = process.env['BRICKS_RUN_DIRECTORY'];
  // The native part follows no links.
  if (chosen) return isDirectory(chosen) ? realpathSync(chosen) : resolve(chosen);
  return runDirectoryOf(process.getuid?.() ?? 0);
}

function runDirectoryOf(user: number): string {
  const name = user === 0 ? 'bricks' : `bricks-${user}`;
  return join(isDirectory('/dev/shm') ? '/dev/shm' : '/tmp', name);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

interface PipeFailure {
  readonly code?: ErrorCode;
  readonly process?: number;
  readonly message: string;
}

const LOCKED = 'is opening a pipe of this directory and does not go on.';

/** What the native part says, in words for the user. */
export function pipeError(link: LinkName, role: 'read' | 'write', thrown: unknown): BricksError {
  const failure = thrown as PipeFailure;
  const holder = failure.process ? `process ${failure.process}` : 'another process';
  const who = failure.process === process.pid ? 'this process' : holder;
  const resume = `It may be suspended; resume it${failure.process ? ` (kill -CONT ${failure.process})` : ''} or end it.`;
  if (/too many open files/i.test(failure.message)) {
    return new BricksError(failure.code ?? 'E_PIPE', `${link.text}: ${failure.message}.`, 'Raise the limit of open files (ulimit -n 65536), or use fewer pipes.');
  }
  switch (failure.code) {
    case 'E_PIPE_BUSY':
      if (failure.message === 'does not answer') return new BricksError('E_PIPE_BUSY', `${link.text}: its owner, ${who}, does not answer.`, resume);
      if (failure.message === 'is locked') return new BricksError('E_PIPE_BUSY', `${link.text}: ${who} ${LOCKED}`, resume);
      return busyPipeError(link.text, role, who);
    case 'E_PIPE_MEMORY':
      return new BricksError('E_PIPE_MEMORY', `${link.text}: ${failure.message}.`, 'Use fewer or smaller pipes (option ringSize), or raise the limit of open files (ulimit -n).');
    case 'E_PIPE_GROUP':
      return new BricksError('E_PIPE_GROUP', `${link.text} can't be opened to the group: ${failure.message}.`, 'Name a group that you belong to (option pipeGroup); all pipes in a directory have the same one. Or set another directory in BRICKS_RUN_DIRECTORY.');
    case 'E_PIPE_DIRECTORY':
      return new BricksError('E_PIPE_DIRECTORY', `Cannot keep pipes there: ${failure.message}.`, 'The directory and its parent must belong to you and be writable by nobody else; or set another one in BRICKS_RUN_DIRECTORY.');
    default:
      return new BricksError('E_PIPE', `${link.text}: ${failure.message}.`);
  }
}

/** Whether another process was opening a pipe of the directory. */
export function isLockedError(error: BricksError): boolean {
  return error.message.includes(LOCKED);
}

/** For a pipe whose end is taken by `who`. */
export function busyPipeError(text: string, role: 'read' | 'write', who: string): BricksError {
  return new BricksError('E_PIPE_BUSY', `${text} is busy: ${role === 'read' ? 'read' : 'written'} by ${who}.`, role === 'read' ? 'A pipe has one reader at a time: stop it, or put a Duplicator in front of two pipes.' : 'A pipe has one writer: stop it, or use another name.');
}
