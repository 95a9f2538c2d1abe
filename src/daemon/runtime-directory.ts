/** The directory of daemons' files, where nobody else may put anything. */
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';

/** Who a daemon runs as. */
export interface DaemonOwner {
  readonly uid: number;
  readonly gid: number;
  /** The group that may look into the directory, and so reach the control socket. */
  readonly group?: number | undefined;
}

/** The files of one daemon. */
export interface RuntimeFiles {
  readonly directory: string;
  readonly pid: string;
  readonly socket: string;
  readonly port: string;
  readonly status: string;
}

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

export function runtimeFiles(directory: string, name: string): RuntimeFiles {
  const path = (ending: string): string => join(resolve(directory), `${name}.${ending}`);
  return { directory: resolve(directory), pid: path('pid'), socket: path('sock'), port: path('port'), status: path('status') };
}

/** Makes the directory where there is none, and refuses one that others could meddle with. @throws BricksError E_RUN_DIRECTORY */
export function prepareRuntimeDirectory(directory: string, owner: DaemonOwner): void {
  const me = process.getuid?.() ?? owner.uid;
  checkParents(directory, [0, me, owner.uid]);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw refuse(directory, `cannot be made: ${systemReason(error)}`);
  }
  const found = lstatSync(directory);
  if (found.isSymbolicLink()) throw refuse(directory, 'is a symbolic link');
  if (!found.isDirectory()) throw refuse(directory, 'is not a directory');
  if (found.uid !== owner.uid && found.uid !== me) throw refuse(directory, `belongs to user ${found.uid}, not to user ${owner.uid}`);
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0) throw refuse(directory, `can be written by others (its mode is ${modeOf(found)})`);
  // Whoever gets a directory rules what is in it.
  if (found.uid !== owner.uid && readdirSync(directory).length > 0) throw refuse(directory, `has files of user ${found.uid}, and would have to be given to user ${owner.uid}`);
  if (me === 0 && (found.uid !== owner.uid || (owner.group !== undefined && found.gid !== owner.group))) chownSync(directory, owner.uid, owner.group ?? owner.gid);
  else if (owner.group !== undefined && found.gid !== owner.group) giveToGroup(directory, owner.uid, owner.group);
  chmodSync(directory, owner.group === undefined ? 0o700 : 0o750);
}

/** Writes one of the files so that readers find the old one or the new one, never a part. @throws BricksError E_RUN_DIRECTORY, and then nothing is left of the new one */
export function replaceFile(path: string, text: string): void {
  const fresh = freshName(path);
  try {
    writeFileSync(fresh, text, { mode: 0o644 });
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw cannotWrite(path, error);
  }
}

/** A file of the directory that cannot be written. */
export function cannotWrite(path: string, error: unknown): BricksError {
  return new BricksError('E_RUN_DIRECTORY', `The file ${path} cannot be written: ${systemReason(error)}.`, 'Free some space there, or name another directory: --run-dir DIRECTORY.');
}

const freshName = (path: string): string => `${path}.new`;

/** Removes what a killed predecessor left; only for who holds the lock of the pid file. */
export function removeLeftovers({ socket, port, status }: RuntimeFiles): void {
  for (const path of [socket, port, status, freshName(status), freshName(port)]) rmSync(path, { force: true });
}

function giveToGroup(directory: string, uid: number, group: number): void {
  try {
    chownSync(directory, uid, group);
  } catch (error) {
    throw refuse(directory, `can't be given to group ${group}: ${systemReason(error)}`);
  }
}

/** Who may write to a directory on the way could put another one in its place. */
function checkParents(directory: string, trusted: readonly number[]): void {
  let parent: string;
  try {
    parent = realpathSync(dirname(resolve(directory)));
  } catch (error) {
    throw refuse(directory, `cannot be made: ${systemReason(error)}`);
  }
  for (let path = parent; ; path = dirname(path)) {
    const found = lstatSync(path);
    if (!trusted.includes(found.uid)) throw refuse(directory, `lies in ${path}, which belongs to user ${found.uid}`);
    if ((found.mode & WRITABLE_BY_OTHERS) !== 0 && (found.mode & STICKY) === 0) throw refuse(directory, `lies in ${path}, which others can write (its mode is ${modeOf(found)})`);
    if (path === dirname(path)) return;
  }
}

function modeOf({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function refuse(directory: string, why: string): BricksError {
  return new BricksError('E_RUN_DIRECTORY', `The runtime directory ${directory} ${why}.`, 'Name one that only you can write: --run-dir DIRECTORY, or BRICKS_RUN_DIR.');
}
