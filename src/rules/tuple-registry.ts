/** The tuples that rules of one class have, as their one writer sees them. */
import { BricksError } from '../model/errors';
import { CONTROL_TUPLES, TUPLES_MAXIMUM, TUPLE_WORDS } from './layout';
import { NumberPool, type ReaderPassage } from './reader-passage';
import type { RuleViews } from './rule-views';

export class TupleRegistry {
  private readonly numbers: NumberPool;
  private readonly byText = new Map<string, number>();
  private readonly counts = new Uint32Array(TUPLES_MAXIMUM + 1);
  /** What was asked for last, if it is still there. */
  private last = 0;
  /** When the list that is written to next was given up. */
  private replaced = 0;

  constructor(private readonly views: RuleViews, private readonly which: 0 | 1, private readonly passage: ReaderPassage) {
    this.numbers = new NumberPool(TUPLES_MAXIMUM, passage);
  }

  /** The number of a tuple that a rule is to have; `leave` gives it back. @throws BricksError E_RULES_LIMIT, E_RULES_BUSY */
  enter(tuple: Uint32Array): number {
    // Most rules of a list are of one kind.
    if (this.last !== 0 && this.isLast(tuple)) {
      this.counts[this.last]++;
      return this.last;
    }
    const text = tuple.join();
    let number = this.byText.get(text) ?? 0;
    if (number === 0) {
      number = this.numbers.take();
      if (number === 0) {
        this.tidy();
        number = this.numbers.take();
      }
      if (number === 0) throw new BricksError('E_RULES_LIMIT', `There are rules for ${TUPLES_MAXIMUM} combinations of fields and prefix lengths already.`, 'Remove some, or write flows with fewer different subnets.');
      this.passage.wait(this.replaced);
      this.views.tuples[this.which].set(tuple, number * TUPLE_WORDS);
      this.byText.set(text, number);
      this.publish();
    }
    this.counts[number]++;
    this.last = number;
    return number;
  }

  private isLast(tuple: Uint32Array): boolean {
    const begin = this.last * TUPLE_WORDS;
    const tuples = this.views.tuples[this.which];
    for (let word = 0; word < TUPLE_WORDS; word++) if (tuples[begin + word] !== tuple[word]) return false;
    return true;
  }

  /** To be called when the engine can't see the rule any more by its own table. */
  leave(number: number): void {
    if (--this.counts[number] === 0) this.empty = true;
  }
  /** Whether a tuple has no rules any more: on the list it costs the engine a look. */
  private empty = false;

  /** Takes tuples without rules off the list: from time to time, since the next rule is often of the same kind. */
  tidy(): void {
    if (!this.empty || !this.passage.passed(this.replaced)) return;
    this.empty = false;
    this.last = 0;
    const gone = [...this.byText].filter(([, number]) => this.counts[number] === 0);
    for (const [text] of gone) this.byText.delete(text);
    this.publish();
    for (const [, number] of gone) this.numbers.giveUp(number);
  }

  private publish(): void {
    const { views, which } = this;
    this.passage.wait(this.replaced);
    const next = Atomics.load(views.control, CONTROL_TUPLES + which) + 1;
    const list = views.lists[which][next & 1];
    const numbers = [...this.byText.values()];
    list[0] = numbers.length;
    list.set(numbers, 1);
    Atomics.store(views.control, CONTROL_TUPLES + which, next);
    this.replaced = this.passage.mark();
  }
}
