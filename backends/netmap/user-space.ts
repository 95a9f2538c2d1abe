/** netmap in user space (userspace/): what a program's environment needs to find it. */
import { existsSync, lstatSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { BricksError } from '../../src/model/errors';
import { packageRoot } from '../../src/native/load-addon';

const LIBRARY = 'libnetmap-userspace.so';

function candidates(): string[] {
  const native = process.env['BRICKS_NATIVE_DIR'];
  const build = join(packageRoot(), 'build');
  const roots = native ? [native, dirname(native), build] : [build];
  return roots.flatMap((root) => [root, join(root, 'Release'), join(root, 'backends', 'netmap', 'userspace')].map((directory) => join(directory, LIBRARY)));
}

/** The library, or nothing where it was not built. */
export function netmapUserSpaceLibrary(): string | undefined {
  return candidates().find((file) => existsSync(file));
}

/** Where its shared files lie. */
function sharedDirectory(): string {
  return process.env['NETMAP_USERSPACE_DIR'] || `/dev/shm/netmap-userspace-${process.geteuid?.() ?? 0}`;
}

/** In a program that has netmap in user space: why the directory of its shared files will not do, or nothing. */
export function userSpaceDirectoryError(): BricksError | undefined {
  if (!process.env['LD_PRELOAD']?.includes(LIBRARY)) return undefined;
  const directory = sharedDirectory();
  const refusal = (text: string, remedy: string): BricksError =>
    new BricksError('E_NETMAP_DIRECTORY', `The directory of netmap in user space, ${directory}, ${text}.`, `${remedy}, or name another one in NETMAP_USERSPACE_DIR.`);
  const status = statusOf(directory);
  if (status === undefined) return refusal('does not exist and can\'t be created', 'Create its parent directory');
  if (!status.isDirectory()) return refusal('is not a directory', 'Remove it');
  if (status.uid !== process.geteuid?.()) return refusal(`belongs to another user (${status.uid})`, 'Run as that user');
  const mode = status.mode & 0o777;
  if ((mode & 0o077) !== 0) return refusal(`must be accessible only to you, but has mode 0${mode.toString(8)}`, `Change it: chmod 700 ${directory}`);
  return undefined;
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Variables for a program that is to have netmap in user space: `bricks netmap-run -- PROGRAM`.
 * A library that is to be loaded before already stays.
 * @throws BricksError E_NETMAP_USER_SPACE
 */
export function netmapRunEnvironment(environment: NodeJS.ProcessEnv = process.env): { LD_PRELOAD: string } {
  if (process.platform !== 'linux') {
    throw new BricksError('E_NETMAP_USER_SPACE', 'netmap in user space is available only on Linux.', 'FreeBSD has netmap in its kernel: kldload netmap');
  }
  const library = netmapUserSpaceLibrary();
  if (library === undefined) {
    throw new BricksError('E_NETMAP_USER_SPACE', 'netmap in user space was not built.', 'Build it with: bricks build');
  }
  const before = environment['LD_PRELOAD'];
  if (before?.split(/[ :]/).includes(library)) return { LD_PRELOAD: before };
  return { LD_PRELOAD: before ? `${library}:${before}` : library };
}
