/**
 * Rules that outlive the daemon: a file to which each change is appended, one line of JSON each. Once it has many lines about rules that are gone, a new file
 * without them takes its name. Expiry is kept as a point in time; counts are not kept.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { BricksError, messageOf } from '../model/errors';
import type { Logger } from '../model/brick';
import { systemCode, systemReason } from '../model/system-error';
import { isTable } from '../model/table';
import { readRule } from './read-rule';
import type { RuleBook, RuleJournal, RuleNote } from './rule-book';
import type { Rule } from './rule';
import type { RuleHandle } from './rule-store';

const HEADER = { bricks: 'rules', version: 1 };
/** So many more lines than twice the rules in place, and the file is rewritten. */
const STALE_LINES = 10_000;
/** After a failure, as on a full disk, writing is tried again this often. */
const RETRY_MILLISECONDS = 5000;
/** Written at once. */
const CHUNK_CHARACTERS = 1 << 20;

/** A rule that was kept, and its source's note. */
export interface KeptRule {
  readonly rule: Rule;
  readonly note: RuleNote | undefined;
}

/** A line of the file, as it was read. */
interface Line {
  readonly key?: unknown;
  readonly gone?: unknown;
  readonly rule?: unknown;
  readonly until?: unknown;
  readonly note?: unknown;
}

export class KeptRules implements RuleJournal {
  private readonly path: string;
  private readonly handles = new Map<RuleHandle, RuleNote | undefined>();
  private pending: string[] = [];
  private lines = 0;
  private descriptor: number | undefined;
  private flushing: NodeJS.Immediate | undefined;
  private retry: NodeJS.Timeout | undefined;
  /** What keeps changes from being written, if something does. */
  problem: string | undefined;

  constructor(given: string, private readonly book: RuleBook, private readonly log: Logger, private readonly retryMilliseconds = RETRY_MILLISECONDS) {
    this.path = resolve(given);
  }

  /** Those that have not expired yet. @throws BricksError E_FILE, E_FILE_FORMAT */
  read(): KeptRule[] {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw this.fileError('read', error);
    }
    return this.parse(text);
  }

  /** Begins to keep the rules of the book, which were kept before. @throws BricksError E_FILE */
  open(): void {
    try {
      this.writeAnew();
    } catch (error) {
      throw this.fileError('write', error);
    }
  }

  entered(handle: RuleHandle, note: RuleNote | undefined): void {
    this.handles.set(handle, note);
    if (this.appends) this.append(this.lineOf(handle, note));
  }

  forgotten(handle: RuleHandle): void {
    if (this.handles.delete(handle) && this.appends) this.append(JSON.stringify({ gone: handle }));
  }

  /** Writes all pending changes first. */
  close(): void {
    clearTimeout(this.retry);
    this.flush();
    clearTimeout(this.retry);
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private parse(text: string): KeptRule[] {
    const [header, ...lines] = text.split('\n');
    const found = parsed(header);
    if (text !== '' && (found?.['bricks'] !== HEADER.bricks || found['version'] !== HEADER.version)) {
      throw new BricksError('E_FILE_FORMAT', `${this.path} is not a file of kept rules of this version, and keep would overwrite it.`, 'Name another file, or move it away.');
    }
    const kept = new Map<unknown, KeptRule>();
    let damaged = 0;
    // Text after the last line's end was cut off while it was written.
    for (const line of lines.slice(0, -1)) {
      try {
        const { key, gone, rule, until, note } = (parsed(line) ?? {}) as Line;
        if (gone !== undefined) kept.delete(gone);
        else kept.set(key, { rule: this.restored(readRule(rule), until), note: isTable(note) ? note : undefined });
      } catch {
        damaged++;
      }
    }
    if (damaged > 0) this.log.warn(`${this.path}: ${damaged} lines are damaged and were left out.`);
    return [...kept.values()].filter(({ rule: { expire } }) => expire === undefined || expire > 0);
  }

  private restored(rule: Rule, until: unknown): Rule {
    return typeof until === 'number' ? { ...rule, expire: Math.max(0, until - Date.now() / 1000) } : rule;
  }

  private lineOf(handle: RuleHandle, note: RuleNote | undefined): string {
    const { rule, remaining } = this.book.given(handle);
    return JSON.stringify({ key: handle, rule, ...(remaining === undefined ? {} : { until: Date.now() / 1000 + remaining }), ...(note === undefined ? {} : { note }) });
  }

  /** Otherwise the file is written whole later: when it is opened, or after a failure. */
  private get appends(): boolean {
    return this.descriptor !== undefined && this.problem === undefined;
  }

  private append(line: string): void {
    this.pending.push(line);
    this.flushing ??= setImmediate(() => this.flush());
  }

  /** Never throws: what can't be written is logged, and tried again. */
  private flush(): void {
    if (this.flushing) clearImmediate(this.flushing);
    this.flushing = undefined;
    const { pending } = this;
    this.pending = [];
    if (this.descriptor === undefined || (pending.length === 0 && this.problem === undefined)) return;
    try {
      this.lines += pending.length;
      if (!this.isThere(this.descriptor) || this.problem !== undefined || this.lines > 2 * this.handles.size + STALE_LINES) this.writeAnew();
      else writeAll(this.descriptor, pending);
      if (this.problem !== undefined) this.log.info(`${this.path}: rules are kept again`);
      this.problem = undefined;
    } catch (error) {
      const reason = messageOf(error instanceof BricksError ? error : this.fileError('write', error));
      if (this.problem === undefined) this.log.error(`${reason} Rules that change from now on are not kept until it can be written.`);
      this.problem = reason;
      this.retry = setTimeout(() => this.flush(), this.retryMilliseconds);
      this.retry.unref();
    }
  }

  /** False if it was removed. Two filters with one file would each lose the other's rules. @throws BricksError E_FILE */
  private isThere(descriptor: number): boolean {
    let node: number;
    try {
      node = statSync(this.path).ino;
    } catch {
      return false;
    }
    if (fstatSync(descriptor).ino === node) return true;
    throw new BricksError('E_FILE', `${this.path} was replaced: something else writes it.`, 'Give each filter a file of its own.');
  }

  /** Under another name, renamed when it is whole and on the disk. */
  private writeAnew(): void {
    const fresh = `${this.path}.new`;
    const descriptor = openSync(fresh, 'w', 0o600);
    try {
      writeAll(descriptor, [JSON.stringify(HEADER)]);
      let lines: string[] = [];
      for (const [handle, note] of this.handles) {
        lines.push(this.lineOf(handle, note));
        if (lines.length < 4096) continue;
        writeAll(descriptor, lines);
        lines = [];
      }
      writeAll(descriptor, lines);
      fsyncSync(descriptor);
      renameSync(fresh, this.path);
    } catch (error) {
      closeSync(descriptor);
      rmSync(fresh, { force: true });
      throw error;
    }
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = descriptor;
    this.lines = this.handles.size;
  }

  private fileError(what: 'read' | 'write', error: unknown): BricksError {
    return new BricksError('E_FILE', `Can't ${what} the file of kept rules ${this.path}: ${systemReason(error)}.`);
  }
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isTable(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** One write may take only a part of it. */
function writeAll(descriptor: number, lines: readonly string[]): void {
  if (lines.length === 0) return;
  const text = `${lines.join('\n')}\n`;
  for (let begin = 0; begin < text.length; begin += CHUNK_CHARACTERS) {
    const bytes = Buffer.from(text.slice(begin, begin + CHUNK_CHARACTERS));
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
  }
}
