/**
 * The hash table of one class of rules, as its one writer sees it: lines of 64 bytes, each of which counts the rules that found no room in it, and has
 * 15 slots. A reader looks at the line that a hash leads to, and goes on to the next while rules have gone on.
 */
import {
  CONTROL_LINES, CONTROL_SEED, INDEX_MASK, LINES_LOG_MINIMUM, LINE_LOAD, LINE_SHIFT, LINE_SLOTS, LINE_WORDS, RECORD_ACTION, RECORD_KEY, RECORD_WORDS, TUPLE_WORDS, KEY_WORDS,
  largestLinesLog,
} from './layout';
import type { ReaderPassage } from './reader-passage';
import { hashOfKey } from './rule-hash';
import type { RuleViews } from './rule-views';

export class LineTable {
  /** Rules in it; others of the same entity hang behind them. */
  count = 0;
  private lines: Uint32Array;
  private log = LINES_LOG_MINIMUM;
  private readonly largest: number;
  private readonly key = new Uint32Array(KEY_WORDS);
  /** When the lines before these were given up. */
  private replaced = 0;

  constructor(private readonly views: RuleViews, private readonly which: 0 | 1, private readonly passage: ReaderPassage) {
    this.largest = largestLinesLog(views.shared.limit);
    this.lines = views.lines[which][this.log & 1];
    Atomics.store(views.control, CONTROL_LINES + which, this.log);
  }

  hash(tuple: number, key: Uint32Array): number {
    return hashOfKey(this.views.control[CONTROL_SEED], tuple, this.views.tuples[this.which], key);
  }

  /** Where the slot of the rule for this key is, or -1. */
  find(hash: number, tuple: number, key: Uint32Array): number {
    const { lines } = this;
    const mask = (1 << this.log) - 1;
    for (let line = hash & mask; ; line = (line + 1) & mask) {
      const begin = line << LINE_SHIFT;
      for (let slot = begin + 1; slot <= begin + LINE_SLOTS; slot++) {
        if (lines[slot] !== 0 && lines[slot] >>> 24 === hash >>> 24 && this.isOf(lines[slot] & INDEX_MASK, tuple, key)) return slot;
      }
      if (lines[begin] === 0) return -1;
    }
  }

  ruleAt(slot: number): number {
    return this.lines[slot] & INDEX_MASK;
  }

  /** Puts another rule of the same entity there. */
  replace(slot: number, hash: number, rule: number): void {
    Atomics.store(this.lines, slot, slotOf(hash, rule));
  }

  /** Before a rule is inserted. @throws BricksError E_RULES_BUSY */
  makeRoom(): void {
    if (this.count >= LINE_LOAD << this.log && this.log < this.largest) this.grow();
  }

  insert(hash: number, rule: number): void {
    put(this.lines, this.log, hash, rule);
    this.count++;
  }

  remove(slot: number, hash: number): void {
    const { lines } = this;
    const mask = (1 << this.log) - 1;
    Atomics.store(lines, slot, 0);
    for (let line = hash & mask; line !== slot >>> LINE_SHIFT; line = (line + 1) & mask) Atomics.sub(lines, line << LINE_SHIFT, 1);
    this.count--;
  }

  /** Calls a function with each rule, but for those that hang behind another. */
  forEach(call: (rule: number) => void): void {
    const end = LINE_WORDS << this.log;
    for (let slot = 0; slot < end; slot++) {
      if ((slot & (LINE_WORDS - 1)) !== 0 && this.lines[slot] !== 0) call(this.lines[slot] & INDEX_MASK);
    }
  }

  /** Fills lines twice as many, which the engine reads from the moment that they are whole. */
  private grow(): void {
    const { views, which } = this;
    this.passage.wait(this.replaced);
    const log = this.log + 1;
    const lines = views.lines[which][log & 1];
    lines.fill(0, 0, LINE_WORDS << log);
    this.forEach((rule) => put(lines, log, this.hashOfRule(rule), rule));
    this.lines = lines;
    this.log = log;
    Atomics.store(views.control, CONTROL_LINES + which, log);
    this.replaced = this.passage.mark();
  }

  private isOf(rule: number, tuple: number, key: Uint32Array): boolean {
    const { which } = this;
    const records = this.views.records[which];
    const begin = rule * RECORD_WORDS[which];
    if (records[begin + RECORD_ACTION[which]] >>> 24 !== tuple) return false;
    const words = RECORD_KEY[which];
    for (let place = 0; place < words.length; place++) if (records[begin + place] !== key[words[place]]) return false;
    return true;
  }

  /** The key of a rule at the places that a packet's key has: until the next call. */
  keyOfRule(rule: number): Uint32Array {
    const { which, key } = this;
    const records = this.views.records[which];
    const begin = rule * RECORD_WORDS[which];
    const words = RECORD_KEY[which];
    for (let place = 0; place < words.length; place++) key[words[place]] = records[begin + place];
    return key;
  }

  tupleOfRule(rule: number): number {
    const { which } = this;
    return this.views.records[which][rule * RECORD_WORDS[which] + RECORD_ACTION[which]] >>> 24;
  }

  private hashOfRule(rule: number): number {
    return this.hash(this.tupleOfRule(rule), this.keyOfRule(rule));
  }

  /** The tuple of a number, as a rule's entity is read from it. */
  tuple(number: number): Uint32Array {
    return this.views.tuples[this.which].subarray(number * TUPLE_WORDS, (number + 1) * TUPLE_WORDS);
  }
}

function slotOf(hash: number, rule: number): number {
  return ((hash & 0xff000000) | rule) >>> 0;
}

/** Into the first free slot from a hash's line on. The lines that were full are counted up first, so that no reader stops there. */
function put(lines: Uint32Array, log: number, hash: number, rule: number): void {
  const mask = (1 << log) - 1;
  for (let line = hash & mask; ; line = (line + 1) & mask) {
    const begin = line << LINE_SHIFT;
    for (let slot = begin + 1; slot <= begin + LINE_SLOTS; slot++) {
      if (lines[slot] !== 0) continue;
      Atomics.store(lines, slot, slotOf(hash, rule));
      return;
    }
    Atomics.add(lines, begin, 1);
  }
}
