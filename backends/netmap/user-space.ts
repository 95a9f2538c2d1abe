/** netmap in user space (userspace/): what a program's environment needs to find it. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BricksError } from '../../src/core/errors';
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

/**
 * Variables for a program that is to have netmap in user space: `bricks netmap-run -- PROGRAM`.
 * A library that is to be loaded before already stays.
 * @throws BricksError E_NETMAP_USER_SPACE
 */
export function netmapRunEnvironment(environment: NodeJS.ProcessEnv = process.env): { LD_PRELOAD: string } {
  if (process.platform !== 'linux') {
    throw new BricksError('E_NETMAP_USER_SPACE', 'netmap in user space is there for Linux only.', 'FreeBSD has netmap in its kernel: kldload netmap');
  }
  const library = netmapUserSpaceLibrary();
  if (library === undefined) {
    throw new BricksError('E_NETMAP_USER_SPACE', 'netmap in user space was not built.', 'Build it with: bricks build');
  }
  const before = environment['LD_PRELOAD'];
  if (before?.split(/[ :]/).includes(library)) return { LD_PRELOAD: before };
  return { LD_PRELOAD: before ? `${library}:${before}` : library };
}
