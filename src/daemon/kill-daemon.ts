/** Ends a daemon from outside. The daemon is the process that holds the lock on the pid file, so a reused process number is never hit. */
import { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';
import { daemonProcess } from './pid-file';
import { removeLeftovers, type RuntimeFiles } from './runtime-directory';

export interface KillOptions {
  /** How long to wait for its end. */
  readonly milliseconds: number;
  /** Whether to kill it when it has not ended by then. */
  readonly force: boolean;
}

const LOOK_MILLISECONDS = 20;
/** The system takes that long to do away with a killed process. */
const KILL_MILLISECONDS = 5000;

/** Resolves with what became of it. @throws BricksError E_DAEMON_ABSENT, E_DAEMON_RUNNING, E_PERMISSION, E_RUN_DIRECTORY */
export async function killDaemon(name: string, files: RuntimeFiles, { milliseconds, force }: KillOptions): Promise<string> {
  const pid = daemonProcess(files.pid);
  if (pid === 0) throw new BricksError('E_DAEMON_ABSENT', `No daemon "${name}" is running: no process holds the lock on ${files.pid}.`, 'Name another one with --name, or its directory with --run-dir.');
  if (pid < 0) throw new BricksError('E_DAEMON_RUNNING', `The daemon "${name}" is running in another process namespace, where it cannot be reached.`, 'End it there.');
  const begin = performance.now();
  const took = (): string => `${((performance.now() - begin) / 1000).toFixed(1)} s`;
  signal(pid, 'SIGTERM', name);
  if (await isGone(pid, files, milliseconds)) return `The daemon "${name}" (process ${pid}) has stopped, after ${took()}.`;
  if (!force) throw new BricksError('E_DAEMON_RUNNING', `The daemon "${name}" (process ${pid}) has not stopped within ${milliseconds / 1000} s.`, 'Its log says why. To kill it: --force.');
  signal(pid, 'SIGKILL', name);
  if (!await isGone(pid, files, KILL_MILLISECONDS)) throw new BricksError('E_DAEMON_RUNNING', `The daemon "${name}" (process ${pid}) was killed but has not exited: the kernel still holds it.`, 'Look for a device that hangs: cat /proc/PID/stack.');
  removeLeftovers(files);
  return `The daemon "${name}" (process ${pid}) was killed, after ${took()}: what it had not written is lost.`;
}

function signal(pid: number, name: NodeJS.Signals, daemon: string): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return; // it has already ended
    if (code === 'EPERM') throw new BricksError('E_PERMISSION', `You may not end the daemon "${daemon}" (process ${pid}).`, 'Run it as the user of the daemon, or as root.');
    throw new BricksError('E_INTERNAL', `The daemon "${daemon}" (process ${pid}) cannot be ended: ${systemReason(error)}.`);
  }
}

/** Whether the process has given up the lock within that time. */
async function isGone(pid: number, files: RuntimeFiles, milliseconds: number): Promise<boolean> {
  const limit = performance.now() + milliseconds;
  while (daemonProcess(files.pid) === pid) {
    if (performance.now() >= limit) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
  }
  return true;
}
