/** A file of rules that is reloaded when it changes: whole, or not at all. What has not changed in it keeps its counts. */
import { readFileSync, statSync, unwatchFile, watchFile } from 'node:fs';
import { resolve } from 'node:path';
import { countText } from '../model/count-text';
import { BricksError, isBricksError, messageOf } from '../model/errors';
import { systemReason } from '../model/system-error';
import type { Logger } from '../model/brick';
import type { Rule } from './rule';
import type { RuleDesk } from './rule-control';
import { parseRuleLines } from './rule-lines';
import type { RuleHandle } from './rule-store';
import { watchFolderOf } from './watch-folder';

/** A file that is being written is left alone until it rests for so long. */
const REST_MILLISECONDS = 50;
/** Where the system reports no changes, as on network file systems. */
const POLL_MILLISECONDS = 2000;

/** What tells rules of a file apart. */
type RuleKey = string | number;

/** Of the most frequent rules, about IPv4 addresses, a number: a million texts would take seconds. */
function keyOf(rule: Rule): RuleKey {
  const { entity, type, priority, shunt, id, expire, location } = rule;
  const plain = entity.kind === 'address' && entity.subnet.version === 4 && type === 'drop' && priority === 0 && !shunt && id === undefined && expire === undefined && location === undefined;
  return plain ? entity.subnet.words[0] * 64 + entity.subnet.length : JSON.stringify(rule);
}

class WatchedFile {
  /** Rules of the file that are in place. */
  private rules = new Map<RuleKey, RuleHandle>();

  constructor(private readonly path: string, private readonly desk: RuleDesk, private readonly log: Logger) {}

  /** @throws BricksError E_FILE, E_RULE, E_RULES_LIMIT; then the rules are what they were */
  load(): void {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      throw new BricksError('E_FILE', `Can't read the rule file ${this.path}: ${systemReason(error)}.`);
    }
    try {
      this.take(text);
    } catch (error) {
      throw isBricksError(error) ? new BricksError(error.code, `${this.path}: ${error.message}`) : error;
    }
  }

  private take(text: string): void {
    const wanted = new Map<RuleKey, Rule>();
    for (const rule of parseRuleLines(text)) {
      this.desk.check(rule);
      wanted.set(keyOf(rule), rule);
    }
    const coming = [...wanted].filter(([key]) => !this.rules.has(key));
    const leaving = [...this.rules].filter(([key]) => !wanted.has(key));
    const handles = this.desk.book.exchange(coming.map(([, rule]) => rule), leaving.map(([, handle]) => handle), false);
    for (const [key] of leaving) this.rules.delete(key);
    coming.forEach(([key], index) => this.rules.set(key, handles[index]));
    this.log.info(`${this.path}: ${countText(wanted.size, 'rule')} (${coming.length} new, ${leaving.length} gone)`);
  }

  reload(): void {
    try {
      this.load();
    } catch (error) {
      this.log.error(`${messageOf(error)} The rules of the file stay as they were.`);
    }
  }
}

/** Loads it, and watches it until the function that is returned is called. @throws BricksError E_FILE, E_RULE, E_RULES_LIMIT */
export function watchRuleFile(given: string, desk: RuleDesk, log: Logger): () => void {
  const path = resolve(given);
  const file = new WatchedFile(path, desk, log);
  file.load();
  let last = signature(path);
  let rest: NodeJS.Timeout | undefined;
  const changed = (): void => {
    clearTimeout(rest);
    rest = setTimeout(() => {
      const now = signature(path);
      if (now === last) return;
      last = now;
      if (now === '') log.warn(`${path} is gone. Its rules stay as they are until there is a file of this name again.`);
      else file.reload();
    }, REST_MILLISECONDS);
  };
  const unwatch = watchFolderOf(path, changed, POLL_MILLISECONDS, log);
  watchFile(path, { interval: POLL_MILLISECONDS, persistent: false }, changed);
  return () => {
    clearTimeout(rest);
    unwatch();
    unwatchFile(path);
  };
}

/** Changes with the file; empty while there is none. */
function signature(path: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return '';
  }
}
