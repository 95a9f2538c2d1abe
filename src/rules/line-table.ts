/**
 * The hash table of one class of rules, as its one writer sees it. A reader looks at the tags of the line that a hash leads to, and goes on to the next line
 * while rules have gone on.
 */
import {
  CONTROL_LINES, CONTROL_SEED, INDEX_MASK, LINES_LOG_MINIMUM, LINE_LOAD, LINE_PLACES, LINE_SHIFT, LINE_WORDS, RECORD_ACTION, RECORD_KEY, RECORD_WORDS, TUPLE_WORDS, KEY_WORDS,
  largestLinesLog,
} from './layout';
import { releaseMemory, useHugePages } from './table-pages';
import type { ReaderPassage } from './reader-passage';
import { hashOfKey, slotOf, tagOf } from './rule-hash';
import type { RuleViews } from './rule-views';

/** From so many places on a table has large pages: otherwise each look-up costs another one, in the page tables. */
const MANY_PLACES = 1 << 18;

/** Where one table lies. */
interface Lines {
  readonly tags: Uint8Array;
  readonly slots: Uint32Array;
  readonly log: number;
}

export class LineTable {
  /** Rules in it. */
  count = 0;
  private lines: Lines;
  private readonly largest: number;
  private readonly key = new Uint32Array(KEY_WORDS);
  /** When the lines before these were given up. */
  private replaced = 0;
  private former: Lines | undefined;

  constructor(private readonly views: RuleViews, private readonly which: 0 | 1, private readonly passage: ReaderPassage) {
    this.largest = largestLinesLog(views.shared.limit);
    this.lines = this.linesOf(LINES_LOG_MINIMUM);
    Atomics.store(views.control, CONTROL_LINES + which, LINES_LOG_MINIMUM);
  }

  hash(tuple: number, key: Uint32Array): number {
    return hashOfKey(this.views.control[CONTROL_SEED], tuple, this.views.tuples[this.which], key);
  }

  /** How many rules there are for this key, where they fill their line: fewer do no harm, and are not counted. */
  crowd(hash: number, tuple: number, key: Uint32Array): number {
    const { tags, slots, log } = this.lines;
    const mask = (1 << log) - 1;
    if (tags[(hash & mask) << LINE_SHIFT] === 0) return 0;
    let found = 0;
    for (let line = hash & mask; ; line = (line + 1) & mask) {
      const begin = line << LINE_SHIFT;
      for (let place = begin + 1; place <= begin + LINE_PLACES; place++) {
        if (tags[place] === tagOf(hash) && this.isOf(slots[place] & INDEX_MASK, tuple, key)) found++;
      }
      if (tags[begin] === 0) return found;
    }
  }

  /** Before so many rules are inserted. @throws BricksError E_RULES_BUSY */
  makeRoom(more = 1): void {
    this.release();
    const { log } = this.lines;
    let wanted = log;
    while (this.count + more > LINE_LOAD << wanted && wanted < this.largest) wanted++;
    if (wanted > log) this.grow(wanted);
  }

  insert(hash: number, rule: number): void {
    put(this.lines, hash, rule);
    this.count++;
  }

  remove(hash: number, rule: number): void {
    const { tags, slots, log } = this.lines;
    const mask = (1 << log) - 1;
    let line = hash & mask;
    let place = placeOf(slots, line, rule);
    while (place < 0) {
      line = (line + 1) & mask;
      place = placeOf(slots, line, rule);
    }
    Atomics.store(tags, place, 0);
    Atomics.store(slots, place, 0);
    for (let full = hash & mask; full !== line; full = (full + 1) & mask) addToOverflow(this.lines, full, -1);
    this.count--;
  }

  forEach(call: (rule: number) => void): void {
    const { tags, slots, log } = this.lines;
    const end = LINE_WORDS << log;
    for (let place = 0; place < end; place++) {
      if (tags[place] !== 0 && (place & (LINE_WORDS - 1)) !== 0) call(slots[place] & INDEX_MASK);
    }
  }

  /** Fills more lines, which the engine reads from the moment that they are whole. */
  private grow(wanted: number): void {
    const { views, which } = this;
    this.passage.wait(this.replaced);
    // The area of the other parity is free.
    const lines = this.linesOf((wanted - this.lines.log) % 2 === 1 ? wanted : wanted - 1);
    if (LINE_WORDS << lines.log >= MANY_PLACES) for (const memory of [lines.tags, lines.slots]) useHugePages(memory);
    lines.tags.fill(0, 0, LINE_WORDS << lines.log);
    lines.slots.fill(0, 0, LINE_WORDS << lines.log);
    this.forEach((rule) => put(lines, this.hashOfRule(rule), rule));
    this.former = this.lines;
    this.lines = lines;
    Atomics.store(views.control, CONTROL_LINES + which, lines.log);
    this.replaced = this.passage.mark();
  }

  /** Gives up the memory of the lines before these, once the engine can't read them any more. */
  private release(): void {
    const { former } = this;
    if (former === undefined || !this.passage.passed(this.replaced)) return;
    this.former = undefined;
    if (LINE_WORDS << former.log < MANY_PLACES) return;
    releaseMemory(former.tags);
    releaseMemory(former.slots);
  }

  private linesOf(log: number): Lines {
    const { tags, slots } = this.views;
    return { tags: tags[this.which][log & 1], slots: slots[this.which][log & 1], log };
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

  hashOfRule(rule: number): number {
    return this.hash(this.tupleOfRule(rule), this.keyOfRule(rule));
  }

  /** The tuple of a number, as a rule's entity is read from it. */
  tuple(number: number): Uint32Array {
    return this.views.tuples[this.which].subarray(number * TUPLE_WORDS, (number + 1) * TUPLE_WORDS);
  }
}

/** Where a line has a rule, or -1. */
function placeOf(slots: Uint32Array, line: number, rule: number): number {
  const begin = line << LINE_SHIFT;
  for (let place = begin + 1; place <= begin + LINE_PLACES; place++) if ((slots[place] & INDEX_MASK) === rule) return place;
  return -1;
}

function addToOverflow({ tags, slots }: Lines, line: number, change: number): void {
  const begin = line << LINE_SHIFT;
  slots[begin] += change;
  Atomics.store(tags, begin, Math.min(slots[begin], 255));
}

/** Into the first free place from a hash's line on. The lines that were full are counted up first, so that no reader stops there. */
function put(lines: Lines, hash: number, rule: number): void {
  const { tags, slots, log } = lines;
  const mask = (1 << log) - 1;
  for (let line = hash & mask; ; line = (line + 1) & mask) {
    const begin = line << LINE_SHIFT;
    for (let place = begin + 1; place <= begin + LINE_PLACES; place++) {
      if (tags[place] !== 0) continue;
      Atomics.store(slots, place, slotOf(hash, rule));
      // A reader follows a tag.
      Atomics.store(tags, place, tagOf(hash));
      return;
    }
    addToOverflow(lines, line, 1);
  }
}
