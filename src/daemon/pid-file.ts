/** The file by which a daemon of a name is the only one. Its lock says that a daemon lives, not its existence: a killed one leaves the file, and no lock. */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';
import { lockFile, lockHolder } from '../native/process';
import { cannotWrite, type DaemonOwner } from './runtime-directory';

export class PidFile {
  private constructor(private readonly path: string, private readonly descriptor: number) {}

  /** Takes the file for this process. @throws BricksError E_DAEMON_RUNNING, E_RUN_DIRECTORY */
  static take(path: string, name: string, owner: DaemonOwner): PidFile {
    for (;;) {
      const descriptor = openPidFile(path);
      const holder = lockFile(descriptor);
      if (holder !== 0) {
        closeSync(descriptor);
        throw new BricksError('E_DAEMON_RUNNING', `The daemon "${name}" is running already${holder > 0 ? `, as process ${holder}` : ''}.`, 'Stop it with bricks-kill-server, or give this one another name: --name NAME.');
      }
      // A predecessor may have removed the file between the two calls.
      if (fstatSync(descriptor).ino !== statSync(path, { throwIfNoEntry: false })?.ino) {
        closeSync(descriptor);
        continue;
      }
      const file = new PidFile(path, descriptor);
      file.fill(owner);
      return file;
    }
  }

  private fill(owner: DaemonOwner): void {
    try {
      ftruncateSync(this.descriptor);
      writeSync(this.descriptor, `${process.pid}\n`, 0);
      if (process.getuid?.() === 0) fchownSync(this.descriptor, owner.uid, owner.gid);
      fchmodSync(this.descriptor, 0o644);
    } catch (error) {
      this.release();
      throw cannotWrite(this.path, error);
    }
  }

  /** Removes the file, while it is still locked, and gives it up. */
  release(): void {
    rmSync(this.path, { force: true });
    closeSync(this.descriptor);
  }
}

function openPidFile(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
  } catch (error) {
    throw new BricksError('E_RUN_DIRECTORY', `The pid file ${path} cannot be opened: ${systemReason(error)}.`, 'Remove it, or name another directory: --run-dir DIRECTORY.');
  }
}

/** The process of the daemon that has locked the file, 0 where none has. Not for the daemon itself, which would give up its lock. @throws BricksError E_RUN_DIRECTORY */
export function daemonProcess(path: string): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw new BricksError('E_RUN_DIRECTORY', `The pid file ${path} cannot be read: ${systemReason(error)}.`, 'Only the user of the daemon, and root, may.');
  }
  try {
    return lockHolder(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
