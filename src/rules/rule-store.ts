/**
 * The writer of the rule tables. Each change of one rule is one store into shared memory, before or after which nothing of it is seen; several rules
 * change together by `exchange`. docs/decisions/0050-rule-tables.md
 */
import { BricksError } from '../model/errors';
import { ActionRegistry } from './action-registry';
import { entityOfKey, keyOfEntity } from './entity-key';
import {
  ACTION_MASK, BYTES_BITS, CLASS_SHIFT, CONTROL_SEED, CONTROL_SETS, DURATION_MAXIMUM, FLAGS_SHIFT, INDEX_MASK, ORDER_MASK, PACKETS_BITS, RECORD_ACTION, RECORD_BYTES, RECORD_DEADLINE, RECORD_KEY, RECORD_ORDER, RECORD_PACKETS,
  RECORD_WORDS, SECOND_MASK, SETS_AFTER, SETS_BEFORE, SET_COMING, SET_LEAVING, SET_SETTLED, SET_SHIFT, SET_STAGED, type SharedRules,
} from './layout';
import { useHugePages } from './table-pages';
import { LineTable } from './line-table';
import { PrefixHints } from './prefix-hints';
import { NumberPool, ReaderPassage } from './reader-passage';
import type { Action, Entity, Rule } from './rule';
import { RuleViews, type FoundRule } from './rule-views';
import { TimingWheel } from './timing-wheel';
import { TupleRegistry } from './tuple-registry';

/** Ticks of rules' time in a second. */
export const TICKS = 10;
/** From so many on they have large pages. */
const MANY_RULES = 16_384;
/** Rules of one entity: a reader looks at all of them. */
const CROWD_MAXIMUM = 256;
/** A handle: generation * 2^25 + class * 2^24 + rule. */
const GENERATION_STEP = 2 ** 25;
const CLASS_STEP = 2 ** 24;

/** Names a rule for as long as it lives, and no other after it for a long time. */
export type RuleHandle = number;

export interface RuleCounts {
  readonly packets: number;
  readonly bytes: number;
  /** Seconds since a packet was hit last; undefined if none was. */
  readonly idle: number | undefined;
  /** Seconds from its first packet to its last, DURATION_MAXIMUM for longer: where it is a shunt, and a packet was hit. */
  readonly duration: number | undefined;
  /** The OR of the flags of its TCP packets. */
  readonly tcpFlags: number;
}

export interface StoredRule extends RuleCounts {
  readonly handle: RuleHandle;
  readonly entity: Entity;
  readonly action: Action;
  /** Seconds until it expires; undefined if it does not. */
  readonly remaining: number | undefined;
}

class RuleClass {
  readonly table: LineTable;
  readonly tuples: TupleRegistry;
  readonly hints: PrefixHints;
  readonly numbers: NumberPool;
  /** Odd while there is a rule of this number. */
  readonly generations: Uint16Array;

  constructor(views: RuleViews, which: 0 | 1, passage: ReaderPassage) {
    this.table = new LineTable(views, which, passage);
    this.tuples = new TupleRegistry(views, which, passage);
    this.hints = new PrefixHints(views, which, this.table, passage);
    this.numbers = new NumberPool(views.shared.limit, passage);
    this.generations = new Uint16Array(new SharedArrayBuffer((views.shared.limit + 1) * 2));
  }
}

export class RuleStore {
  private readonly views: RuleViews;
  private readonly passage: ReaderPassage;
  private readonly classes: readonly [RuleClass, RuleClass];
  private readonly actions: ActionRegistry;
  private readonly wheels: readonly [TimingWheel, TimingWheel];
  private rules = 0;
  private staged = 0;
  private order = 0;
  /** What an exchange has left to tidy up, for an engine that was in the middle of a batch for long. */
  private unsettled: { readonly mark: number; readonly coming: readonly RuleHandle[]; readonly leaving: readonly RuleHandle[] } | undefined;

  /** `now` in ticks of the engine's clock, which `clock` reads with their fractions. */
  constructor(readonly shared: SharedRules, private now: number, seed = Math.floor(Math.random() * 2 ** 32) | 0, private readonly clock = (): number => this.now) {
    this.views = new RuleViews(shared);
    const { control } = this.views;
    control[CONTROL_SEED] = seed;
    Atomics.store(control, CONTROL_SETS, SETS_BEFORE);
    this.passage = new ReaderPassage(control);
    this.classes = [new RuleClass(this.views, 0, this.passage), new RuleClass(this.views, 1, this.passage)];
    this.actions = new ActionRegistry(this.views, this.passage);
    const wheel = (which: 0 | 1): TimingWheel => new TimingWheel(shared.limit, now, (rule) => this.word(which, rule, RECORD_DEADLINE[which]));
    this.wheels = [wheel(0), wheel(1)];
  }

  /** Without those that are staged. */
  get count(): number {
    return this.rules - this.staged;
  }

  /** @throws BricksError E_RULES_LIMIT, E_RULES_BUSY */
  add(rule: Rule): RuleHandle {
    this.settle();
    return this.place(rule, SET_SETTLED);
  }

  /** Places a rule that no packet sees before it is handed to `exchange`. @throws BricksError E_RULES_LIMIT, E_RULES_BUSY */
  stage(rule: Rule): RuleHandle {
    this.settle();
    return this.place(rule, SET_STAGED);
  }

  /** False if there is no such rule any more. @throws BricksError E_RULES_BUSY */
  remove(handle: RuleHandle): boolean {
    this.settle();
    return this.unplace(handle);
  }

  /** Removes rules and adds others, and those that were staged: a batch of packets sees all of it or nothing. @throws BricksError E_RULES_LIMIT, E_RULES_BUSY; then nothing has changed */
  exchange(adding: readonly Rule[], removing: readonly RuleHandle[], staged: readonly RuleHandle[] = []): RuleHandle[] {
    this.settle();
    const coming: RuleHandle[] = [];
    this.makeRoom(adding);
    try {
      for (const rule of adding) coming.push(this.place(rule, SET_COMING));
    } catch (error) {
      for (const handle of coming) this.unplace(handle);
      throw error;
    }
    for (const handle of staged) {
      if (!this.isStaged(handle)) continue;
      this.setSet(handle, SET_COMING);
      this.staged--;
      coming.push(handle);
    }
    const leaving = removing.filter((handle) => this.has(handle));
    for (const handle of leaving) this.setSet(handle, SET_LEAVING);
    Atomics.store(this.views.control, CONTROL_SETS, SETS_AFTER);
    this.unsettled = { mark: this.passage.mark(), coming, leaving };
    try {
      this.settle();
    } catch {
      // It is done, and what is left of it is tidied up before the next change.
    }
    return coming;
  }

  /** Makes tables as large at once as they have to be for a long list. @throws BricksError E_RULES_BUSY */
  private makeRoom(rules: readonly Rule[]): void {
    const room = this.shared.limit - this.rules;
    const plain = rules.reduce((count, { entity }) => count + Number(isPlain(entity)), 0);
    this.classes[0].table.makeRoom(Math.min(room, plain));
    this.classes[1].table.makeRoom(Math.min(room, rules.length - plain));
  }

  private isStaged(handle: RuleHandle): boolean {
    const { which, rule } = partsOf(handle);
    return this.has(handle) && this.word(which, rule, RECORD_ORDER[which]) >>> SET_SHIFT === SET_STAGED;
  }

  has(handle: RuleHandle): boolean {
    const { which, rule } = partsOf(handle);
    return rule > 0 && rule <= this.shared.limit && (this.classes[which].generations[rule] & 1) === 1 && this.handleOf(which, rule) === handle;
  }

  /** Lets time pass: rules that are due go, each handed over before. */
  advance(now: number, expired: (handle: RuleHandle) => void): void {
    if (now <= this.now) return;
    this.now = now;
    this.settle();
    for (const which of [0, 1] as const) {
      this.wheels[which].advance(now, (rule) => {
        const handle = this.handleOf(which, rule);
        if (!this.isStaged(handle)) expired(handle);
        this.unplace(handle);
      });
      this.classes[which].tuples.tidy();
    }
  }

  /** The rule that a reader has found, if it is still there. */
  handleFound({ found, order }: FoundRule): RuleHandle | undefined {
    const which = found >>> CLASS_SHIFT === 0 ? 0 : 1;
    const rule = found & INDEX_MASK;
    if (rule === 0 || rule > this.shared.limit) return undefined;
    const handle = this.handleOf(which, rule);
    return this.has(handle) && this.views.orderOf(found) === order ? handle : undefined;
  }

  /** A rule that `has`. */
  describe(handle: RuleHandle): StoredRule {
    const { which, rule } = partsOf(handle);
    const { table } = this.classes[which];
    const deadline = this.word(which, rule, RECORD_DEADLINE[which]);
    return {
      handle,
      entity: entityOfKey(table.tuple(table.tupleOfRule(rule)), table.keyOfRule(rule)),
      action: this.actions.actionOf(this.word(which, rule, RECORD_ACTION[which]) & ACTION_MASK),
      remaining: deadline === 0 ? undefined : Math.max(0, Math.floor(deadline - this.clock()) / TICKS),
      ...this.counts(handle),
    };
  }

  counts(handle: RuleHandle): RuleCounts {
    const { which, rule } = partsOf(handle);
    const begin = (rule * RECORD_WORDS[which]) / 2;
    const counters = this.views.counters[which];
    const [bytesAndLast, packetsAndLast] = [counters[begin + RECORD_BYTES[which] / 2], counters[begin + RECORD_PACKETS[which] / 2]];
    const packets = Number(BigInt.asUintN(PACKETS_BITS, packetsAndLast));
    const last = (Number(bytesAndLast >> BigInt(BYTES_BITS)) << 16) | Number(packetsAndLast >> BigInt(PACKETS_BITS));
    const idle = (Math.floor(this.now / TICKS) - last) & SECOND_MASK;
    const flagsAndAction = this.word(which, rule, RECORD_ACTION[which]);
    const { shunt } = this.actions.actionOf(flagsAndAction & ACTION_MASK);
    return {
      packets, bytes: Number(BigInt.asUintN(BYTES_BITS, bytesAndLast)), tcpFlags: (flagsAndAction >>> FLAGS_SHIFT) & 0xff,
      // The engine's clock may be a moment ahead.
      idle: packets === 0 ? undefined : idle > SECOND_MASK / 2 ? 0 : idle,
      duration: packets === 0 || !shunt ? undefined : (last - this.views.firsts[which][rule]) & DURATION_MAXIMUM,
    };
  }

  /** Calls a function with all rules but those that are staged, until it returns false. */
  forEach(call: (handle: RuleHandle) => boolean): void {
    for (const which of [0, 1] as const) {
      let more = true;
      this.classes[which].table.forEach((rule) => {
        const handle = this.handleOf(which, rule);
        if (more && !this.isStaged(handle)) more = call(handle);
      });
      if (!more) return;
    }
  }

  private place(rule: Rule, set: number): RuleHandle {
    const { limit } = this.shared;
    if (this.rules >= limit) throw new BricksError('E_RULES_LIMIT', `There are ${limit} rules already.`, 'Remove some, or raise maxRules.');
    const { class: which, tuple, key } = keyOfEntity(rule.entity);
    const own = this.classes[which];
    own.table.makeRoom();
    const tupleNumber = own.tuples.enter(tuple);
    let action = 0;
    try {
      own.hints.makeRoom(tupleNumber);
      const hash = own.table.hash(tupleNumber, key);
      if (own.table.crowd(hash, tupleNumber, key) >= CROWD_MAXIMUM) throw new BricksError('E_RULES_LIMIT', `There are ${CROWD_MAXIMUM} rules for the same addresses, ports and protocol already.`, 'Remove some of them.');
      action = this.actions.enter(rule);
      const number = own.numbers.take();
      if (number === MANY_RULES) useHugePages(this.views.records[which]);
      own.generations[number]++;
      this.write(which, number, key, (tupleNumber << 24) | action, set, rule.expire);
      if (rule.shunt) this.views.firsts[which][number] = Math.floor(this.now / TICKS);
      own.hints.add(tupleNumber, key);
      own.table.insert(hash, number);
      if (rule.expire !== undefined) this.wheels[which].add(number);
      this.rules++;
      if (set === SET_STAGED) this.staged++;
      return this.handleOf(which, number);
    } catch (error) {
      own.tuples.leave(tupleNumber);
      if (action !== 0) this.actions.leave(action);
      throw error;
    }
  }

  private write(which: 0 | 1, number: number, key: Uint32Array, tupleAndAction: number, set: number, expire: number | undefined): void {
    const records = this.views.records[which];
    const begin = number * RECORD_WORDS[which];
    records.fill(0, begin, begin + RECORD_WORDS[which]);
    const words = RECORD_KEY[which];
    for (let place = 0; place < words.length; place++) records[begin + place] = key[words[place]];
    records[begin + RECORD_ACTION[which]] = tupleAndAction;
    this.order = (this.order + 1) & ORDER_MASK;
    records[begin + RECORD_ORDER[which]] = (set << SET_SHIFT) | this.order;
    // Never before its time: `now` may be older than a tick.
    if (expire !== undefined) records[begin + RECORD_DEADLINE[which]] = Math.max(1, Math.ceil(this.clock() + expire * TICKS));
  }

  private unplace(handle: RuleHandle): boolean {
    if (!this.has(handle)) return false;
    if (this.isStaged(handle)) this.staged--;
    const { which, rule } = partsOf(handle);
    const own = this.classes[which];
    const tuple = own.table.tupleOfRule(rule);
    own.table.remove(own.table.hashOfRule(rule), rule);
    this.wheels[which].remove(rule);
    own.hints.remove(tuple);
    own.tuples.leave(tuple);
    this.actions.leave(this.word(which, rule, RECORD_ACTION[which]) & ACTION_MASK);
    own.generations[rule]++;
    own.numbers.giveUp(rule);
    this.rules--;
    return true;
  }

  /** @throws BricksError E_RULES_BUSY */
  private settle(): void {
    if (!this.unsettled) return;
    const { mark, coming, leaving } = this.unsettled;
    this.passage.wait(mark);
    this.unsettled = undefined;
    for (const handle of coming) if (this.has(handle)) this.setSet(handle, SET_SETTLED);
    for (const handle of leaving) this.unplace(handle);
    Atomics.store(this.views.control, CONTROL_SETS, SETS_BEFORE);
  }

  private setSet(handle: RuleHandle, set: number): void {
    const { which, rule } = partsOf(handle);
    this.setWord(which, rule, RECORD_ORDER[which], (set << SET_SHIFT) | (this.word(which, rule, RECORD_ORDER[which]) & ORDER_MASK));
  }

  private handleOf(which: 0 | 1, rule: number): RuleHandle {
    return this.classes[which].generations[rule] * GENERATION_STEP + which * CLASS_STEP + rule;
  }

  private word(which: 0 | 1, rule: number, word: number): number {
    return this.views.records[which][rule * RECORD_WORDS[which] + word];
  }

  private setWord(which: 0 | 1, rule: number, word: number, value: number): void {
    Atomics.store(this.views.records[which], rule * RECORD_WORDS[which] + word, value);
  }
}

/** Whether it lies in the class of IPv4; flows with hardware addresses are too few to matter. */
function isPlain(entity: Entity): boolean {
  if (entity.kind === 'mac') return false;
  return (entity.kind === 'address' ? entity.subnet : entity.source ?? entity.destination)?.version !== 6;
}

function partsOf(handle: RuleHandle): { readonly which: 0 | 1; readonly rule: number } {
  const low = handle % GENERATION_STEP;
  return { which: low >= CLASS_STEP ? 1 : 0, rule: low % CLASS_STEP };
}
