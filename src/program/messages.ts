/** What a program tells its user: lines on standard error, or a daemon's log. */
import { BricksError, isBricksError, messageOf } from '../model/errors';
import { readable } from '../model/file-name';

export type MessageLevel = 'debug' | 'info' | 'warn' | 'error';

/** What a message is about, beside its text. */
export interface MessageSubject {
  readonly engine?: string;
  /** The code of an error. */
  readonly code?: string;
}

export type MessageTarget = (level: MessageLevel, text: string, subject: MessageSubject) => void;

/** Standard error: standard output is for data. */
export const toStandardError: MessageTarget = (_, text, { engine, code }) => {
  const [line, ...below] = text.split('\n');
  // What a command of a script answered brings its own code along.
  const coded = code !== undefined && !/\[[EX]_\w+\]$/.test(line) ? `${line} [${code}]` : line;
  process.stderr.write(`bricks: ${readable([engine === undefined ? coded : `${engine}: ${coded}`, ...below].join('\n'))}\n`);
};

let target = toStandardError;

/** Sends all messages of this process elsewhere. */
export function sendMessagesTo(other: MessageTarget): void {
  target = other;
}

export function say(text: string, level: MessageLevel = 'info', subject: MessageSubject = {}): void {
  target(level, text, subject);
}

/** An error for its user: one line (and a traceback below it), with the code that docs/reference/errors.md explains. */
export function sayError(error: unknown, subject: MessageSubject = {}): void {
  const coded = isBricksError(error);
  target('error', messageOf(error).trimEnd(), { ...subject, ...(coded ? { code: error.code } : {}) });
  if (!coded && process.env['BRICKS_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
}

/** Whether it is a mistake on the command line: clipanion marks its errors so. */
export function isUsageError(error: unknown): error is Error {
  return (error as { clipanion?: unknown } | undefined)?.clipanion !== undefined;
}

/** The exit code of a program that could not start because of it: 2 for what was wrong on the command line, which a backend that is not there is too. */
export function exitCodeOfFailure(error: unknown): 1 | 2 {
  return isUsageError(error) || (isBricksError(error) && error.code === 'E_BACKEND') ? 2 : 1;
}

/** The same error with another text. */
export function reworded(error: Error, text: string): Error {
  return isBricksError(error) ? new BricksError(error.code, text) : new Error(text);
}
