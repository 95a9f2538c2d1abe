/** The daemon's log: text for people, JSON lines for programs. */
import { closeSync, fchownSync, fstatSync, openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import pino, { type Logger } from 'pino';
import { BricksError, messageOf } from '../model/errors';
import { systemReason } from '../model/system-error';
import { readable } from '../model/file-name';
import { duplicateDescriptor } from '../native/process';
import type { MessageLevel, MessageSubject, MessageTarget } from '../program/messages';
import { MessageLimit, type LeftOut } from './message-limit';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly MessageLevel[];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LogOptions {
  /** The name of the daemon. */
  readonly name: string;
  /** Where it is written; without it standard error. */
  readonly file?: string | undefined;
  /** Without it text on a terminal, and JSON elsewhere. */
  readonly format?: LogFormat | undefined;
  readonly level?: MessageLevel | undefined;
  /** Who owns a file that is made, where that is not this user. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Hears why lines of a file are lost from now on. */
  readonly losing?: (error: BricksError) => void;
}

const STANDARD_ERROR = 2;
const LEVEL_WIDTH = 5;

export class Log {
  private readonly logger: Logger;
  private readonly limit: MessageLimit;
  private readonly format: LogFormat;
  private descriptor: number;
  private lost = 0;

  /** @throws BricksError E_LOG */
  constructor(private readonly options: LogOptions) {
    this.descriptor = options.file === undefined ? STANDARD_ERROR : openLog(options.file, options.owner);
    this.format = options.format ?? (isatty(this.descriptor) ? 'text' : 'json');
    const { name, level = 'info' } = options;
    this.logger = pino({ level, base: { name, pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, { write: (line) => this.put(line) });
    this.limit = new MessageLimit((leftOut) => this.tellLeftOut(leftOut), (milliseconds, end) => setTimeout(end, milliseconds).unref());
  }

  /** Whether it is a file, which can be opened anew. */
  get isFile(): boolean {
    return this.options.file !== undefined;
  }

  /** For `sendMessagesTo`. */
  readonly target: MessageTarget = (level, text, subject) => this.write(level, text, subject);

  write(level: MessageLevel, text: string, subject: MessageSubject & { readonly source?: string } = {}): void {
    const clean = readable(text);
    if (this.limit.admit(`${level} ${subject.engine ?? ''} ${clean}`)) this.logger[level]({ ...subject }, clean);
  }

  /** Goes on in a new file of the same name, after the old one was renamed. */
  reopen(): void {
    const { file, owner } = this.options;
    if (file === undefined) return;
    try {
      const fresh = openLog(file, owner);
      // The number stays: standard output and error of a daemon may be the same file.
      duplicateDescriptor(fresh, this.descriptor);
      closeSync(fresh);
      this.write('info', 'log reopened');
    } catch (error) {
      this.write('error', `${messageOf(error)} The log goes on in the old file.`, { code: 'E_LOG' });
    }
  }

  /** What a daemon without terminal, and the programs that it starts, write to their standard output and error goes here as it is. */
  takeStandardStreams(): void {
    const target = this.isFile ? this.descriptor : openSync('/dev/null', 'w');
    for (const stream of [1, 2]) duplicateDescriptor(target, stream);
    if (!this.isFile) closeSync(target);
  }

  close(): void {
    this.limit.close();
    if (this.isFile) closeSync(this.descriptor);
  }

  private tellLeftOut({ count, seconds, text }: LeftOut): void {
    const what = text === undefined ? 'messages of other kinds' : 'more like this';
    const told = text === undefined ? '' : `: ${text.replace(/^\w+ \S* ?/, '')}`;
    this.logger.warn({ leftOut: count }, `${count} ${what} in ${seconds} s were left out${told}`);
  }

  private put(line: string): void {
    try {
      writeAll(this.descriptor, this.format === 'json' ? line : textOf(line));
      if (this.lost === 0) return;
      const { lost } = this;
      this.lost = 0;
      this.logger.warn({ lost }, `${lost} lines of the log could not be written`);
    } catch (error) {
      // A full disk under a log must not end a daemon that records.
      const { file, losing } = this.options;
      if (this.lost++ === 0 && file !== undefined) losing?.(cannotWrite(file, error, 'Free some space; until then its lines are lost.'));
    }
  }
}

function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
}

interface Line {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly engine?: string;
  readonly code?: string;
}

/** Lines below the first are indented, so that no message can look like another one. */
function textOf(line: string): string {
  const { time, level, msg, engine, code } = JSON.parse(line) as Line;
  return `${time} ${level.padEnd(LEVEL_WIDTH)} ${engine === undefined ? '' : `${engine}: `}${msg.replace(/\n/g, '\n  ')}${code === undefined || msg.endsWith(`[${code}]`) ? '' : ` [${code}]`}\n`;
}

function openLog(file: string, owner: LogOptions['owner']): number {
  try {
    const descriptor = openSync(file, 'a', 0o640);
    if (owner !== undefined && process.getuid?.() === 0 && fstatSync(descriptor).isFile()) fchownSync(descriptor, owner.uid, owner.gid);
    return descriptor;
  } catch (error) {
    throw cannotWrite(file, error, 'Name a file that the user of the daemon may write, on a disk with room: --log-file FILE.');
  }
}

function cannotWrite(file: string, error: unknown, remedy: string): BricksError {
  return new BricksError('E_LOG', `The log ${file} cannot be written: ${systemReason(error)}.`, remedy);
}
