/** Looks at programs: others that capture on an interface, daemons and what dead ones have left. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { daemonProcess } from '../daemon/pid-file';
import { isBricksError } from '../model/errors';
import { finding, linkOf, numberOf, processes, textOf, type Finding } from './finding';
import { isSuspended } from './suspended-programs';

/** Sockets that get every protocol: captures. */
const EVERY_PROTOCOL = '0003';

/** Other programs that capture on an interface. */
export function checkOthers(name: string): Finding[] {
  const index = numberOf(join('/sys/class/net', name, 'ifindex'));
  const lines = (textOf('/proc/net/packet') ?? '').split('\n').slice(1).map((line) => line.trim().split(/\s+/));
  const inodes = new Set(lines.filter((words) => words[3] === EVERY_PROTOCOL && Number(words[4]) === index).map((words) => words[8]));
  if (inodes.size === 0) return [finding('others', name, 'good', `No other program captures on ${name}.`)];
  const names = programsWith(inodes);
  return [finding('others', name, 'doubt', `${names.length > 0 ? names.join(', ') : 'A program of another user'} ${names.length > 1 ? 'also capture' : 'also captures'} on ${name}.`, {
    why: 'Each capture costs the kernel a copy of each packet, on the same processor. With netmap, an interface belongs to one program.',
  })];
}

function programsWith(inodes: ReadonlySet<string>): string[] {
  return processes().filter((id) => {
    try {
      return readdirSync(`/proc/${id}/fd`).some((descriptor) => inodes.has(/^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${id}/fd/${descriptor}`))?.[1] ?? ''));
    } catch {
      return false; // another user's, or it has ended
    }
  }).map((id) => `${textOf(`/proc/${id}/comm`) ?? 'process'} (process ${id})`);
}

/** The daemons of a runtime directory, and what killed ones have left there. */
export function checkDaemons(directory: string | undefined): { readonly findings: readonly Finding[]; readonly processes: ReadonlySet<number> } {
  const running = new Set<number>();
  if (directory === undefined) return { processes: running, findings: [finding('daemons', '', 'unknown', 'There is no runtime directory: XDG_RUNTIME_DIR is not set.', { why: 'To look for daemons in another directory, name it: --run-dir DIRECTORY, or BRICKS_RUN_DIR.' })] };
  let names: string[];
  try {
    names = readdirSync(directory).filter((entry) => entry.endsWith('.pid')).map((entry) => entry.slice(0, -4));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') return { processes: running, findings: [unreadable(directory, code === 'ENOTDIR' ? `${directory} is not a directory.` : `The runtime directory ${directory} can't be read.`)] };
    names = [];
  }
  const findings = names.map((name) => {
    try {
      const pid = daemonProcess(join(directory, `${name}.pid`));
      if (pid === 0) return left(directory, name);
      running.add(pid);
      if (pid > 0 && isSuspended(pid)) return finding('daemons', name, 'bad', `The daemon "${name}" (process ${pid}) is suspended.`, { why: 'Its engines stand still, and packets are lost.', commands: [['kill', '-CONT', String(pid)]] });
      return finding('daemons', name, 'good', `The daemon "${name}" is running${pid > 0 ? ` as process ${pid}` : ''}.`);
    } catch (error) {
      if (!isBricksError(error)) throw error;
      return unreadable(name, error.message);
    }
  });
  return { processes: running, findings: findings.length > 0 ? findings : [finding('daemons', directory, 'good', `No daemon is running in ${directory}.`)] };
}

function unreadable(subject: string, text: string): Finding {
  return finding('daemons', subject, 'unknown', text, { why: 'Only the user of the daemon, and root, may read it.' });
}

function left(directory: string, name: string): Finding {
  return finding('daemons', name, 'doubt', `The daemon "${name}" was killed and has left files in ${directory}.`, {
    why: 'They do no harm: the daemon takes them over at its next start. Until then, bricks ctl finds no daemon behind them.',
    commands: [['rm', ...['pid', 'sock', 'port', 'status'].map((ending) => join(directory, `${name}.${ending}`)).filter(isThere)]], safe: true,
  });
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
