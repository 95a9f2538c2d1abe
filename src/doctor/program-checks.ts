/** Looks at programs: others that capture on an interface, daemons and what dead ones have left, readers of pipes. */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { daemonProcess } from '../daemon/pid-file';
import { finding, numberOf, textOf, type Finding } from './finding';

/** Sockets that get every protocol: captures. */
const EVERY_PROTOCOL = '0003';

/** Other programs that capture on an interface. */
export function checkOthers(name: string): Finding[] {
  const index = numberOf(join('/sys/class/net', name, 'ifindex'));
  const lines = (textOf('/proc/net/packet') ?? '').split('\n').slice(1).map((line) => line.trim().split(/\s+/));
  const inodes = new Set(lines.filter((words) => words[3] === EVERY_PROTOCOL && Number(words[4]) === index).map((words) => words[8]));
  if (inodes.size === 0) return [finding('others', name, 'good', `No other program captures on ${name}.`)];
  const names = programsWith(inodes);
  return [finding('others', name, 'doubt', `${names.length > 0 ? names.join(', ') : 'A program of another user'} ${names.length > 1 ? 'capture' : 'captures'} on ${name}, too.`, {
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

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function processes(): string[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
}

/** Daemons that run, and what killed ones have left. */
export function checkDaemons(directory: string | undefined): Finding[] {
  if (directory === undefined) return [finding('daemons', '', 'unknown', 'There is no runtime directory: XDG_RUNTIME_DIR is not set.', { why: 'Daemons of this user that have another one are not looked for: name it in BRICKS_RUN_DIR.' })];
  let names: string[];
  try {
    names = readdirSync(directory).filter((entry) => entry.endsWith('.pid')).map((entry) => entry.slice(0, -4));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [finding('daemons', directory, 'good', 'No daemon is running.')];
    return [finding('daemons', directory, 'unknown', `The runtime directory ${directory} can't be read.`, { why: 'Only the user of the daemon, and root, may.' })];
  }
  const found = names.map((name) => {
    const pid = daemonProcess(join(directory, `${name}.pid`));
    return pid !== 0
      ? finding('daemons', name, 'good', `The daemon "${name}" is running${pid > 0 ? ` as process ${pid}` : ''}.`)
      : finding('daemons', name, 'doubt', `The daemon "${name}" was killed and has left files in ${directory}.`, {
        why: 'They do no harm: its next start takes them over. Until then bricks ctl finds nobody behind them.',
        commands: [['rm', ...['pid', 'sock', 'port', 'status'].map((ending) => join(directory, `${name}.${ending}`)).filter(isThere)]], safe: true,
      });
  });
  return found.length > 0 ? found : [finding('daemons', directory, 'good', 'No daemon is running.')];
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Programs at a pipe that were stopped, by a terminal or a debugger: their pipes fill, and then lose packets. Each network namespace has pipes of its own. */
export function checkReaders(): Finding[] {
  const here = linkOf('/proc/self/ns/net');
  const stopped = processes().map(Number).filter((id) => isStopped(id) && usesPipes(id) && linkOf(`/proc/${id}/ns/net`) === here);
  if (stopped.length === 0) return [finding('readers', '', 'good', 'No program at a pipe is stopped.')];
  return stopped.map((id) => finding('readers', String(id), 'bad', `Process ${id} (${textOf(`/proc/${id}/comm`) ?? 'unknown'}), which uses a pipe, is stopped.`, {
    why: 'A pipe whose reader takes nothing is full soon, and what comes then is dropped (ringFull). Other outputs go on.', commands: [['kill', '-CONT', String(id)]],
  }));
}

function isStopped(id: number): boolean {
  return /^State:\s+[Tt]/m.test(textOf(`/proc/${id}/status`) ?? '');
}

/** Who uses a pipe has its memory mapped. */
function usesPipes(id: number): boolean {
  return (textOf(`/proc/${id}/maps`) ?? '').includes('/memfd:bricks ');
}
