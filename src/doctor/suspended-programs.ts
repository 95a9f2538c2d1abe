/** Looks for programs that were suspended, by a terminal or a debugger: readers of pipes, and those that keep others from opening any. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { shellWord } from '../model/shell-word';
import { finding, linkOf, processes, textOf, type Finding } from './finding';

const SHOWN_CHARACTERS = 60;

/** Each network namespace has pipes of its own: programs in others are not this one's business. `daemons`: those are reported elsewhere. */
export function checkSuspended(daemons: ReadonlySet<number>): Finding[] {
  const here = linkOf('/proc/self/ns/net');
  const found = processes().filter((id) => !daemons.has(id) && isSuspended(id) && linkOf(`/proc/${id}/ns/net`) === here).flatMap(aboutSuspended);
  return found.length > 0 ? found : [finding('readers', '', 'good', 'No program that reads a pipe is suspended.')];
}

export function isSuspended(id: number): boolean {
  return /^State:\s+[Tt]/m.test(textOf(`/proc/${id}/status`) ?? '');
}

function aboutSuspended(id: number): Finding[] {
  const maps = textOf(`/proc/${id}/maps`) ?? '';
  const words = wordsOf(id);
  const program = words.findIndex((word) => /^(packet-)?bricks(-[a-z-]+)?(\.js)?$/.test(basename(word)));
  const commands = [['kill', '-CONT', String(id)]] as const;
  const name = `Process ${id} (${program < 0 ? textOf(`/proc/${id}/comm`) ?? 'unknown' : commandText(words.slice(program))})`;
  // Who uses pipes has their memory mapped.
  if (maps.includes('/memfd:bricks ')) {
    return [finding('readers', String(id), 'bad', `${name}, which uses a pipe, is suspended.`, {
      why: 'A pipe whose reader takes nothing is soon full, and what comes then is dropped (ringFull). Other outputs go on.', commands,
    })];
  }
  if (program < 0 && !maps.includes('/bricks_core.node')) return [];
  if (locksDirectory(id)) {
    return [finding('lock', String(id), 'bad', `${name} was suspended while it was opening a pipe.`, {
      why: 'It holds the lock on the directory of the pipes: until it goes on or ends, no other program can open a pipe there (E_PIPE_BUSY).', commands,
    })];
  }
  if (program >= 0 && words[program + 1] === 'attach') {
    return [finding('readers', String(id), 'bad', `${name} was suspended before it had its pipe.`, { why: 'Nobody reads the pipe: what the engine writes to it is dropped.', commands })];
  }
  return [finding('readers', String(id), 'doubt', `${name} is suspended.`, { why: 'If it was about to read a pipe, nobody reads that pipe now.', commands })];
}

function wordsOf(id: number): string[] {
  return (textOf(`/proc/${id}/cmdline`) ?? '').split('\0').filter((word) => word !== '');
}

/** As it was typed, but for the way to the program. */
function commandText([program, ...words]: readonly string[]): string {
  const text = [basename(program, '.js'), ...words.map(shellWord)].join(' ');
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}

/** Whether it has locked a directory: only that of pipes is. */
function locksDirectory(id: number): boolean {
  try {
    return readdirSync(`/proc/${id}/fdinfo`).some((descriptor) => /^lock:.*\bFLOCK\b/m.test(readFileSync(`/proc/${id}/fdinfo/${descriptor}`, 'utf8')) && statSync(`/proc/${id}/fd/${descriptor}`).isDirectory());
  } catch {
    return false; // another user's, or it has ended
  }
}
