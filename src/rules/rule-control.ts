/** The control half of a filter with rules: takes commands, lets rules expire, and keeps the sources of rules that its options name. */
import { countText } from '../model/count-text';
import { messageOf, type BricksError } from '../model/errors';
import type { ControlContext, ControlHalf, Logger } from '../model/brick';
import { timeReader } from '../native/system';
import { CONTROL_OUTPUTS, type SharedRules } from './layout';
import type { KeptRules } from './kept-rules';
import { parseRuleLines } from './rule-lines';
import { readRule, ruleError } from './read-rule';
import { RuleLoads, type LoadedPart } from './rule-loads';
import { RuleBook, type ListedRule, type RuleId, type RuleNote, type RuleStatistics } from './rule-book';
import type { Rule } from './rule';
import { readFound, ruleText } from './rule-text';
import { TICKS } from './rule-store';
import { openRuleSources, type RuleSourceOptions } from './rule-sources';

const TICK_MILLISECONDS = 1000 / TICKS;

/** What rules of a filter may be. */
export interface RuleControlOptions extends RuleSourceOptions {
  readonly modify: boolean;
  /** Where rules are kept over a restart. */
  readonly keep?: string | undefined;
}

/** How rules come in, from wherever: checked for what this filter can do. */
export class RuleDesk {
  private readonly control: Int32Array;
  /** Rules that were kept, for their sources. */
  readonly returned: { readonly id: RuleId; readonly note: RuleNote }[] = [];

  constructor(readonly book: RuleBook, shared: SharedRules, private readonly modifies: boolean) {
    this.control = new Int32Array(shared.control);
  }

  /** @throws BricksError E_RULE, E_RULES_LIMIT, E_RULES_BUSY */
  add(rule: Rule, note?: RuleNote): RuleId {
    this.check(rule);
    return this.book.add(rule, note);
  }

  check({ type, output }: Rule): void {
    if (type === 'modify' && !this.modifies) throw this.refused('This filter does not change packets.', 'Give it the option modify = true.');
    const outputs = Atomics.load(this.control, CONTROL_OUTPUTS);
    if (outputs > 0 && output >= outputs) throw this.refused(`The filter has no output ${output}; it has ${outputs}, and they count from 0.`, 'Connect more outputs, or send packets to another.');
  }

  private refused(problem: string, remedy: string): BricksError {
    this.book.countRefused();
    return ruleError(problem, remedy);
  }
}

/** Opens it; rules of files are in place when it returns. @throws BricksError of what its options name */
export async function openRuleControl(options: RuleControlOptions, context: ControlContext<SharedRules>): Promise<ControlHalf> {
  const { shared } = context;
  const clock = new Float64Array(new ArrayBuffer(8));
  const readClock = timeReader(clock);
  const exactly = (): number => {
    readClock();
    return (clock[0] / 1e9) * TICKS;
  };
  const now = (): number => Math.floor(exactly());
  const book = new RuleBook(shared, now(), exactly);
  const desk = new RuleDesk(book, shared, options.modify);
  const loads = new RuleLoads(desk, now);
  const kept = options.keep === undefined ? undefined : await keepRules(options.keep, desk, context.log);
  const close = await openRuleSources(options, desk, context);
  const timer = setInterval(() => {
    try {
      book.advance(now());
      loads.tidy();
    } catch (error) {
      context.log.warn(messageOf(error));
    }
  }, TICK_MILLISECONDS);
  const counted = <Read>(read: () => Read): Read => {
    try {
      return read();
    } catch (error) {
      book.countRefused();
      throw error;
    }
  };
  const methods = {
    add: (rule: unknown): RuleId => desk.add(counted(() => readRule(rule))),
    /** All, or none if one is not valid. */
    addAll: (rules: unknown): RuleId[] => {
      if (!Array.isArray(rules)) throw ruleError('addAll takes a list of rules.');
      const made = rules.map((rule: unknown) => counted(() => readRule(rule)));
      made.forEach((rule) => desk.check(rule));
      return book.addAll(made);
    },
    remove: (id: RuleId): boolean => {
      book.remove(id);
      return true;
    },
    /** All, or none if one of the ids is unknown. */
    removeAll: (ids: unknown): number => {
      if (!Array.isArray(ids)) throw ruleError('removeAll takes a list of ids.');
      const all = new Set(ids as readonly RuleId[]);
      for (const id of all) book.counts(id);
      for (const id of all) book.remove(id);
      return all.size;
    },
    replace: (id: RuleId, rule: unknown): RuleId => {
      const made = counted(() => readRule(rule));
      desk.check(made);
      return book.replace(id, made);
    },
    rule: (id: RuleId): ListedRule => book.describe(id),
    rules: (most?: unknown): ListedRule[] => book.list(most === undefined || most === null ? undefined : count(most)),
    /** Rules as text, as a file has them: all, or none if one is not valid. */
    load: (text: unknown): number => {
      if (typeof text !== 'string') throw ruleError('load takes rules as text, one a line.');
      const rules = counted(() => parseRuleLines(text));
      rules.forEach((rule) => desk.check(rule));
      return book.addAll(rules).length;
    },
    /** Text in parts that each end with a line: `load` is what the first part returned; the last one puts all in place. */
    loadPart: (text: unknown, load: unknown, last: unknown): LoadedPart => {
      if (typeof text !== 'string') throw ruleError('loadPart takes rules as text, one a line.');
      return loads.take(text, typeof load === 'number' ? load : undefined, last !== false);
    },
    loadCancel: (load: unknown): boolean => {
      loads.cancel(Number(load));
      return true;
    },
    /** For traces: which rule it was that a packet met. */
    explain: (asked: unknown): string | undefined => {
      const found = readFound(asked);
      const rule = found && book.found(found);
      return rule && ruleText(rule);
    },
    clear: (): number => book.clear(),
    statistics: (): RuleStatistics => ({ ...book.statistics(), ...(kept?.problem === undefined ? {} : { notKept: kept.problem }) }),
  };
  return {
    methods,
    stop: async () => {
      clearInterval(timer);
      await close();
      kept?.close();
    },
  };
}

/** Brings back the rules of a file, and keeps there what changes. @throws BricksError E_FILE, E_FILE_FORMAT */
async function keepRules(path: string, desk: RuleDesk, log: Logger): Promise<KeptRules> {
  const kept = new (await import('./kept-rules.js')).KeptRules(path, desk.book, log);
  const rules = kept.read();
  desk.book.journal = kept;
  let refused = 0;
  for (const { rule, note } of rules) {
    try {
      const id = desk.add(rule, note);
      if (note !== undefined) desk.returned.push({ id, note });
    } catch {
      refused++;
    }
  }
  kept.open();
  log.info(`${path}: ${countText(rules.length - refused, 'rule')} brought back${refused === 0 ? '' : `; ${refused} ${refused === 1 ? 'is' : 'are'} not possible with the filter's options any more`}`);
  return kept;
}

function count(given: unknown): number {
  if (typeof given !== 'number' || !(given >= 0)) throw ruleError('rules takes the greatest number of rules to list.', 'For example: f:rules(100).');
  return Math.floor(given);
}
