/**
 * Suricata's eve.json: an alert becomes a rule that drops its connection, and a flow that Suricata bypasses is shunted. The file is read from its end on, line by line, and again from the
 * beginning of the next one when it is rotated.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { messageOf } from '../model/errors';
import { systemReason } from '../model/system-error';
import type { Logger } from '../model/brick';
import { parseEntityFields } from './entity-text';
import { dropOf } from './read-rule';
import type { Entity, Rule } from './rule';
import type { RuleDesk } from './rule-control';
import { watchFolderOf } from './watch-folder';

/** Suricata writes no longer records. */
const LINE_MAXIMUM = 1 << 20;
const READ_BYTES = 1 << 16;
const POLL_MILLISECONDS = 1000;
/** Read at once, before other events have their turn. */
const READS_AT_ONCE = 64;

export interface EveOptions {
  /** Seconds that a rule of an alert or a bypassed flow lasts. */
  readonly expire: number;
}

/** The rule of a record, if it is one of an alert or a bypassed flow. Whatever stands in the line, there is a rule or none. */
export function ruleOfEveLine(line: string, { expire }: EveOptions): Rule | undefined {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof record !== 'object' || record === null) return undefined;
  const fields = record as Readonly<Record<string, unknown>>;
  const alert = fields['event_type'] === 'alert';
  if (!alert && !isBypassed(fields)) return undefined;
  const entity = entityOf(fields);
  return entity && { ...dropOf(entity), shunt: !alert, expire };
}

function isBypassed({ event_type: type, flow }: Readonly<Record<string, unknown>>): boolean {
  if (type !== 'flow' && type !== 'netflow') return false;
  if (typeof flow !== 'object' || flow === null) return false;
  const { state, bypass } = flow as Readonly<Record<string, unknown>>;
  return state === 'bypassed' || typeof bypass === 'string';
}

function entityOf(fields: Readonly<Record<string, unknown>>): Entity | undefined {
  const { src_ip: source, dest_ip: destination, src_port: sourcePort, dest_port: destinationPort, proto } = fields;
  const protocol = typeof proto === 'string' ? proto.toLowerCase().replace('ipv6-icmp', 'icmp6') : undefined;
  try {
    return parseEntityFields({ source, destination, source_port: sourcePort, destination_port: destinationPort, protocol, both: true });
  } catch {
    return undefined;
  }
}

class EveFile {
  private descriptor: number | undefined;
  private node = 0;
  private position = 0;
  private rest = '';
  private decoder = new StringDecoder('utf8');
  private readonly buffer = Buffer.alloc(READ_BYTES);
  private overlong = false;

  constructor(private readonly path: string, private readonly desk: RuleDesk, private readonly options: EveOptions, private readonly log: Logger) {
    this.open(true);
  }

  /** Takes what has been written since. */
  read(): void {
    if (this.descriptor === undefined) this.open(false);
    if (this.descriptor === undefined) return;
    for (let k = 0; k < READS_AT_ONCE; k++) {
      const count = readSync(this.descriptor, this.buffer, 0, READ_BYTES, this.position);
      if (count === 0) break;
      this.position += count;
      this.take(this.decoder.write(this.buffer.subarray(0, count)));
    }
    this.follow();
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  /** A file that was cut is read from its beginning; one that was moved away, to its end first, and then its successor. */
  private follow(): void {
    if (this.descriptor === undefined) return;
    const { size } = fstatSync(this.descriptor);
    if (size < this.position) {
      this.begin(0);
      return;
    }
    let node = 0;
    try {
      node = statSync(this.path).ino;
    } catch {
      return;
    }
    if (node === this.node || size > this.position) return;
    this.close();
    this.open(false);
  }

  private open(atEnd: boolean): void {
    try {
      this.descriptor = openSync(this.path, 'r');
    } catch (error) {
      if (atEnd) this.log.info(`waits for ${this.path}: ${systemReason(error)}`);
      return;
    }
    const { size, ino } = fstatSync(this.descriptor);
    this.node = ino;
    this.begin(atEnd ? size : 0);
  }

  /** Goes on from there, with nothing of the lines before. */
  private begin(position: number): void {
    this.position = position;
    this.rest = '';
    this.overlong = false;
    this.decoder = new StringDecoder('utf8');
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!this.overlong) this.takeLine(line);
      this.overlong = false;
    }
    if (this.rest.length <= LINE_MAXIMUM) return;
    this.rest = '';
    this.overlong = true;
  }

  private takeLine(line: string): void {
    const rule = ruleOfEveLine(line, this.options);
    if (!rule) return;
    try {
      this.desk.add(rule);
    } catch (error) {
      this.log.warn(`${this.path}: ${messageOf(error)}`);
    }
  }
}

/** Follows the file until the function that is returned is called. It may come later. */
export function followEveFile(given: string, desk: RuleDesk, options: EveOptions, log: Logger): () => void {
  const path = resolve(given);
  const file = new EveFile(path, desk, options, log);
  const read = (): void => {
    try {
      file.read();
    } catch (error) {
      log.error(`Can't read ${path}: ${systemReason(error)}`);
    }
  };
  const unwatch = watchFolderOf(path, read, POLL_MILLISECONDS, log);
  const timer = setInterval(read, POLL_MILLISECONDS);
  return () => {
    clearInterval(timer);
    unwatch();
    file.close();
  };
}
