/** What the doctor finds, and how it looks at the system. */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** `bad`: packets are lost or nothing works; `doubt`: it may be so; `unknown`: it could not be looked at. */
export type Verdict = 'good' | 'doubt' | 'bad' | 'unknown';

/** A program that puts something right, and its arguments: no shell is involved. */
export type Command = readonly [program: string, ...argumentsOfIt: string[]];

export interface Finding {
  /** What was looked at: `carrier`, `offloads`, ... */
  readonly check: string;
  /** The interface, pipe, daemon or directory that it is about; empty for the system. */
  readonly subject: string;
  readonly verdict: Verdict;
  /** What was found. */
  readonly text: string;
  /** Why it matters; empty where all is good. */
  readonly why: string;
  /** What puts it right. */
  readonly commands: readonly Command[];
  /** Whether `--fix` may run the commands: they end nothing that works, and can be undone. */
  readonly safe: boolean;
}

interface Remedy {
  readonly why?: string;
  readonly commands?: readonly Command[];
  readonly safe?: boolean;
}

export function finding(check: string, subject: string, verdict: Verdict, text: string, { why = '', commands = [], safe = false }: Remedy = {}): Finding {
  return { check, subject, verdict, text, why, commands, safe };
}

/** The text of a small file of /sys or /proc, without spaces around it; undefined where it can't be read. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The number in such a file. */
export function numberOf(path: string): number | undefined {
  const text = textOf(path);
  return text === undefined || text === '' || !Number.isFinite(Number(text)) ? undefined : Number(text);
}

/** The last part of what a link of /sys points to. */
export function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path).split('/').pop();
  } catch {
    return undefined;
  }
}

/** What a program prints; undefined where it is not installed or fails. */
export function outputOf(program: string, ...words: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(program, words, { encoding: 'utf8', timeout: 5000 });
  return status === 0 ? stdout : undefined;
}

/** Where a link of /proc points to; empty for another user's, or one that is gone. */
export function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** The numbers of all processes. */
export function processes(): number[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number);
}
