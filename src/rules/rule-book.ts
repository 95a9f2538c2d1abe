/** Rules by their ids, and what is known of them besides what the tables hold. */
import { BricksError } from '../model/errors';
import { formatEntity, formatFields, givenEntity } from './entity-text';
import { CONTROL_TOTALS, type SharedRules } from './layout';
import { ruleError } from './read-rule';
import type { FoundRule } from './rule-views';
import { RULE_TYPES, type Rule, type RuleType } from './rule';
import { RuleStore, type RuleCounts, type RuleHandle } from './rule-store';

/** A name that was given, or the number that a rule without one gets. */
export type RuleId = string | number;

/** A rule as it is listed. */
export interface ListedRule {
  readonly id: RuleId;
  readonly type: RuleType | 'shunt';
  /** What it applies to, as text. */
  readonly match: string;
  readonly priority: number;
  /** Its output, of a rule that redirects or modifies. */
  readonly to?: number;
  readonly set?: Readonly<Record<string, string | number>>;
  readonly location?: string;
  /** Seconds that are left; absent where it stays. */
  readonly expires?: number;
  readonly packets: number;
  readonly bytes: number;
  /** Seconds since the last packet; absent where there was none. */
  readonly idle?: number;
  /** Of a shunt: seconds from its first packet to its last, 65,535 for longer; absent where there was none. */
  readonly duration?: number;
  /** The flags that its TCP packets had, all together: `SYN,PSH,ACK`. Absent where there were none. */
  readonly tcpFlags?: string;
}

export interface TypeTotals {
  readonly packets: number;
  readonly bytes: number;
}

export interface RuleStatistics {
  readonly rules: number;
  readonly limit: number;
  readonly added: number;
  readonly removed: number;
  readonly expired: number;
  /** Rules that were not valid, or too many. */
  readonly refused: number;
  readonly totals: Readonly<Record<RuleType, TypeTotals>>;
  /** Why changes are not kept, where that fails: the disk is full, for example. */
  readonly notKept?: string;
}

/** What the source of a rule needs to know about it when it comes back after a restart. */
export type RuleNote = Readonly<Record<string, unknown>>;

/** Hears of rules that are to outlive the daemon. */
export interface RuleJournal {
  entered(handle: RuleHandle, note: RuleNote | undefined): void;
  forgotten(handle: RuleHandle): void;
}

/** A rule that waits for others before packets see it. */
export type StagedRule = Pick<Rule, 'id' | 'location'> & { readonly handle: RuleHandle };

export type ExpiredRule = { readonly id: RuleId; readonly handle: RuleHandle; readonly counts: RuleCounts };

const LIST_MAXIMUM = 100_000;

export class RuleBook {
  private readonly store: RuleStore;
  private readonly handles = new Map<string, RuleHandle>();
  private readonly names = new Map<RuleHandle, string>();
  private readonly locations = new Map<RuleHandle, string>();
  private readonly numbers = { added: 0, removed: 0, expired: 0, refused: 0 };
  /** Hears of each rule that expires, while its counts are still there. */
  onExpired: (rule: ExpiredRule) => void = nothing;
  /** Hears of all rules except those that their source brings back. */
  journal: RuleJournal | undefined;

  /** `now` in ticks, which `clock` reads with their fractions. */
  constructor(private readonly shared: SharedRules, now: number, clock?: () => number) {
    this.store = new RuleStore(shared, now, undefined, clock);
  }

  get count(): number {
    return this.store.count;
  }

  has(id: RuleId): boolean {
    return this.handleOf(id) !== undefined;
  }

  /** @throws BricksError E_RULE, E_RULES_LIMIT, E_RULES_BUSY */
  add(rule: Rule, note?: RuleNote): RuleId {
    return this.guarded(() => {
      if (rule.id !== undefined && this.handles.has(rule.id)) throw ruleError(`A rule "${rule.id}" exists already.`, 'Remove it first, or call replace.');
      return this.entered(this.store.add(rule), rule, true, note);
    });
  }

  /** Adds them at once. @throws BricksError E_RULE, E_RULES_LIMIT, E_RULES_BUSY; then nothing has changed */
  addAll(rules: readonly Rule[]): RuleId[] {
    return this.exchange(rules, []).map((handle) => this.idOf(handle));
  }

  /** Puts a rule in the place of another; packets see one of them. @throws BricksError as for `add`, E_RULE_UNKNOWN */
  replace(id: RuleId, rule: Rule): RuleId {
    return this.guarded(() => {
      const handle = this.known(id);
      this.checkNames([rule], new Set([handle]));
      const [made] = this.store.exchange([rule], [handle]);
      this.forget(handle);
      return this.entered(made, typeof id === 'string' && rule.id === undefined ? { ...rule, id } : rule);
    });
  }

  /** @throws BricksError E_RULE_UNKNOWN, E_RULES_BUSY */
  remove(id: RuleId): void {
    const handle = this.known(id);
    this.store.remove(handle);
    this.forget(handle);
    this.numbers.removed++;
  }

  /** Adds some and removes others at once; with `kept` false, their source brings them back after a restart. @throws BricksError; then nothing has changed */
  exchange(adding: readonly Rule[], removing: readonly RuleHandle[], kept = true): RuleHandle[] {
    return this.guarded(() => {
      this.checkNames(adding, new Set(removing));
      // The others have expired, or were removed by their ids.
      const present = removing.filter((handle) => this.store.has(handle)).length;
      const made = this.store.exchange(adding, removing);
      for (const handle of removing) this.forget(handle);
      made.forEach((handle, index) => this.entered(handle, adding[index], kept));
      this.numbers.removed += present;
      return made;
    });
  }

  /** Places a rule that packets see only once `enterStaged` has it. @throws BricksError E_RULE, E_RULES_LIMIT, E_RULES_BUSY */
  stage(rule: Rule): StagedRule {
    return this.guarded(() => ({ handle: this.store.stage(rule), ...(rule.id === undefined ? {} : { id: rule.id }), ...(rule.location === undefined ? {} : { location: rule.location }) }));
  }

  /** All of them are seen from now on. Returns how many: some may have expired. @throws BricksError E_RULE, E_RULES_BUSY */
  enterStaged(staged: readonly StagedRule[]): number {
    return this.guarded(() => {
      this.checkNames(staged, new Set());
      const entered = new Set(this.store.exchange([], [], staged.map(({ handle }) => handle)));
      for (const rule of staged) if (entered.has(rule.handle)) this.entered(rule.handle, rule);
      return entered.size;
    });
  }

  /** Takes them away again. */
  discard(staged: readonly StagedRule[]): void {
    for (const { handle } of staged) this.store.remove(handle);
  }

  /** Removes all. */
  clear(): number {
    const all: RuleHandle[] = [];
    this.store.forEach((handle) => all.push(handle) > 0);
    for (const handle of all) {
      this.store.remove(handle);
      this.forget(handle);
    }
    this.numbers.removed += all.length;
    return all.length;
  }

  /** Lets time pass. */
  advance(now: number): void {
    this.store.advance(now, (handle) => {
      this.numbers.expired++;
      this.onExpired({ id: this.idOf(handle), handle, counts: this.store.counts(handle) });
      this.forget(handle);
    });
  }

  counts(id: RuleId): RuleCounts {
    return this.store.counts(this.known(id));
  }

  /** The rule that the engine's half has found, if it is still there. */
  found(rule: FoundRule): ListedRule | undefined {
    const handle = this.store.handleFound(rule);
    return handle === undefined ? undefined : this.listed(handle);
  }

  /** @throws BricksError E_RULE_UNKNOWN */
  describe(id: RuleId): ListedRule {
    return this.listed(this.known(id));
  }

  /** A rule that there is, as `readRule` takes it, and the seconds that are left of it. */
  given(handle: RuleHandle): { readonly rule: Readonly<Record<string, unknown>>; readonly remaining: number | undefined } {
    const { entity, action: { type, shunt, priority, output, modification }, remaining } = this.store.describe(handle);
    const [id, location] = [this.names.get(handle), this.locations.get(handle)];
    return {
      remaining,
      rule: {
        [shunt ? 'shunt' : type]: givenEntity(entity), ...(priority === 0 ? {} : { priority }), ...(type === 'redirect' || type === 'modify' ? { to: output } : {}),
        ...(modification ? { set: formatFields(modification) } : {}), ...(id === undefined ? {} : { id }), ...(location === undefined ? {} : { location }),
      },
    };
  }

  list(most = 1000): ListedRule[] {
    const found: ListedRule[] = [];
    const limit = Math.min(most, LIST_MAXIMUM);
    if (limit > 0) this.store.forEach((handle) => found.push(this.listed(handle)) < limit);
    return found;
  }

  statistics(): RuleStatistics {
    const totals = new Float64Array(this.shared.control);
    const of = (type: RuleType): TypeTotals => {
      const at = CONTROL_TOTALS / 2 + 2 * RULE_TYPES.indexOf(type);
      return { packets: totals[at], bytes: totals[at + 1] };
    };
    return {
      rules: this.store.count, limit: this.shared.limit, ...this.numbers,
      totals: { drop: of('drop'), whitelist: of('whitelist'), redirect: of('redirect'), modify: of('modify') },
    };
  }

  countRefused(): void {
    this.numbers.refused++;
  }

  private checkNames(adding: readonly Pick<Rule, 'id'>[], removing: ReadonlySet<RuleHandle>): void {
    const seen = new Set<string>();
    for (const { id } of adding) {
      if (id === undefined) continue;
      const handle = this.handles.get(id);
      if (seen.has(id) || (handle !== undefined && !removing.has(handle))) throw ruleError(`There are two rules "${id}".`, 'Give each a different id.');
      seen.add(id);
    }
  }

  private guarded<Result>(change: () => Result): Result {
    try {
      return change();
    } catch (error) {
      this.numbers.refused++;
      throw error;
    }
  }

  private entered(handle: RuleHandle, { id, location }: Pick<Rule, 'id' | 'location'>, kept = true, note?: RuleNote): RuleId {
    this.numbers.added++;
    if (location !== undefined) this.locations.set(handle, location);
    if (id !== undefined) {
      this.handles.set(id, handle);
      this.names.set(handle, id);
    }
    if (kept) this.journal?.entered(handle, note);
    return id ?? handle;
  }

  private forget(handle: RuleHandle): void {
    this.journal?.forgotten(handle);
    const name = this.names.get(handle);
    if (name !== undefined) this.handles.delete(name);
    this.names.delete(handle);
    this.locations.delete(handle);
  }

  private idOf(handle: RuleHandle): RuleId {
    return this.names.get(handle) ?? handle;
  }

  private handleOf(id: RuleId): RuleHandle | undefined {
    // A number may be written as text, as on a command line.
    const handle = typeof id === 'string' ? this.handles.get(id) ?? (/^\d{1,16}$/.test(id) ? Number(id) : undefined) : id;
    return handle !== undefined && Number.isSafeInteger(handle) && handle > 0 && this.store.has(handle) ? handle : undefined;
  }

  private known(id: RuleId): RuleHandle {
    const handle = this.handleOf(id);
    if (handle === undefined) throw new BricksError('E_RULE_UNKNOWN', `There is no rule ${typeof id === 'string' ? JSON.stringify(id.slice(0, 80)) : String(id)}.`, 'It may have expired. List the rules: f:rules(), or bricks filter list.');
    return handle;
  }

  private listed(handle: RuleHandle): ListedRule {
    const { entity, action, remaining, packets, bytes, idle, duration, tcpFlags } = this.store.describe(handle);
    const location = this.locations.get(handle);
    return {
      id: this.idOf(handle), type: action.shunt ? 'shunt' : action.type, match: formatEntity(entity), priority: action.priority,
      ...(action.type === 'redirect' || action.type === 'modify' ? { to: action.output } : {}),
      ...(action.modification ? { set: formatFields(action.modification) } : {}),
      ...(location === undefined ? {} : { location }),
      ...(remaining === undefined ? {} : { expires: remaining }),
      packets, bytes, ...(idle === undefined ? {} : { idle }), ...(duration === undefined ? {} : { duration }), ...(tcpFlags === 0 ? {} : { tcpFlags: formatTcpFlags(tcpFlags) }),
    };
  }
}

/** From the lowest bit on. */
const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;

function formatTcpFlags(flags: number): string {
  return TCP_FLAGS.filter((_, bit) => ((flags >>> bit) & 1) === 1).join(',');
}

function nothing(): void {}
