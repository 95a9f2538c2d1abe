/**
 * Hints: which prefix lengths are worth a look for an address, by its first bits. They may say too much, never too little, so that removing a rule need
 * not touch them; once many were removed they are rebuilt.
 */
import {
  CONTROL_HINTS, HINT_BEGIN, HINT_BITS, HINT_BITS_LARGE, HINT_BITS_SMALL, HINT_SHORTEST_WIDE, HOW_EITHER_ADDRESS, KEY_SOURCE, TUPLE_HOW, TUPLE_WORDS,
} from './layout';
import { useHugePages } from './table-pages';
import type { LineTable } from './line-table';
import type { ReaderPassage } from './reader-passage';
import { hintBit, hintIndex } from './rule-hash';
import type { RuleViews } from './rule-views';

/** From so many prefixes on hints are by more bits. */
const MANY = 8192;
/** At least so many removals before hints are rebuilt. */
const STALE = 4096;

export class PrefixHints {
  private count = 0;
  private removed = 0;
  private region = 0;
  private replaced = 0;

  constructor(private readonly views: RuleViews, private readonly which: 0 | 1, private readonly table: LineTable, private readonly passage: ReaderPassage) {}

  /** Before a rule of this tuple is added. @throws BricksError E_RULES_BUSY */
  makeRoom(tuple: number): void {
    if (this.prefixOf(tuple) === 0) return;
    const bits = this.count >= MANY ? HINT_BITS_LARGE : HINT_BITS_SMALL;
    if (this.region === 0 || HINT_BITS[this.region] < bits || this.removed > STALE + this.count) this.makeAnew(bits);
  }

  /** Of a rule that is not in the table yet. */
  add(tuple: number, key: Uint32Array): void {
    const length = this.prefixOf(tuple);
    if (length === 0) return;
    this.count++;
    this.note(this.region, length, key[KEY_SOURCE]);
  }

  remove(tuple: number): void {
    if (this.prefixOf(tuple) === 0) return;
    this.count--;
    this.removed++;
  }

  /** The prefix length of a tuple that hints are kept for, else 0. */
  private prefixOf(tuple: number): number {
    const how = this.views.tuples[this.which][tuple * TUPLE_WORDS + TUPLE_HOW];
    const length = how >>> 24;
    if ((how & 15) !== HOW_EITHER_ADDRESS) return 0;
    return this.which === 0 ? (length < 32 ? length : 0) : length >= HINT_SHORTEST_WIDE && length < 128 ? length : 0;
  }

  private makeAnew(bits: number): void {
    const { views, which } = this;
    this.passage.wait(this.replaced);
    const first = bits === HINT_BITS_SMALL ? 1 : 3;
    const region = this.region === first ? first + 1 : first;
    if (bits === HINT_BITS_LARGE) useHugePages(views.hints[which]);
    views.hints[which].fill(0, HINT_BEGIN[region], HINT_BEGIN[region] + (1 << HINT_BITS[region]));
    this.table.forEach((rule) => {
      const length = this.prefixOf(this.table.tupleOfRule(rule));
      if (length > 0) this.note(region, length, this.table.keyOfRule(rule)[KEY_SOURCE]);
    });
    this.region = region;
    this.removed = 0;
    Atomics.store(views.control, CONTROL_HINTS + which, region);
    this.replaced = this.passage.mark();
  }

  private note(region: number, length: number, firstWord: number): void {
    const { which } = this;
    const hints = this.views.hints[which];
    const bits = HINT_BITS[region];
    const begin = HINT_BEGIN[region] + hintIndex(which === 1, firstWord, bits);
    const end = which === 0 && length < bits ? begin + (1 << (bits - length)) : begin + 1;
    const bit = hintBit(length);
    for (let at = begin; at < end; at++) if ((hints[at] & bit) === 0) Atomics.or(hints, at, bit);
  }
}
