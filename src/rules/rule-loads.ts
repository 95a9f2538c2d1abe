/** Lists of rules that come in parts, since messages have a limit: packets see all of a list, or nothing. */
import { BricksError } from '../model/errors';
import { ruleError } from './read-rule';
import type { StagedRule } from './rule-book';
import type { RuleDesk } from './rule-control';
import { RuleLineReader } from './rule-lines';

/** Lists that come at a time. */
const LOADS_MAXIMUM = 8;
/** A list of which nothing comes for so long is given up: whoever sent it has gone. */
const PATIENCE_TICKS = 300;

interface Load {
  readonly reader: RuleLineReader;
  readonly staged: StagedRule[];
  last: number;
}

/** How far a list has come. */
export interface LoadedPart {
  /** Its number, for the next part. */
  readonly load: number;
  /** Rules so far; after the last part, those in place. */
  readonly rules: number;
}

export class RuleLoads {
  private readonly loads = new Map<number, Load>();
  private lastNumber = 0;

  /** `now` in ticks. */
  constructor(private readonly desk: RuleDesk, private readonly now: () => number) {}

  /** Takes a part that ends with a line: of a new list, or of that of a number. @throws BricksError E_RULE, E_RULES_LIMIT, E_RULES_BUSY; then nothing is left of the list */
  take(text: string, given: number | undefined, last: boolean): LoadedPart {
    const number = given ?? this.begin();
    const load = this.loads.get(number);
    if (!load) throw ruleError(`There is no list ${number} that is being loaded.`, 'Nothing came of it for 30 s, or a part of it was not valid. Load it again.');
    try {
      load.last = this.now();
      for (const rule of load.reader.read(text)) {
        this.desk.check(rule);
        load.staged.push(this.desk.book.stage(rule));
      }
      if (!last) return { load: number, rules: load.staged.length };
      const rules = this.desk.book.enterStaged(load.staged);
      this.loads.delete(number);
      return { load: number, rules };
    } catch (error) {
      this.cancel(number);
      throw error;
    }
  }

  /** Nothing happens if it has ended. */
  cancel(number: number): void {
    const load = this.loads.get(number);
    this.loads.delete(number);
    if (load) this.desk.book.discard(load.staged);
  }

  /** Gives up those of which nothing came for long. */
  tidy(): void {
    for (const [number, { last }] of this.loads) if (this.now() - last > PATIENCE_TICKS) this.cancel(number);
  }

  private begin(): number {
    if (this.loads.size >= LOADS_MAXIMUM) throw new BricksError('E_RULES_LIMIT', `${LOADS_MAXIMUM} lists of rules are being loaded already.`, 'Try again later.');
    this.loads.set(++this.lastNumber, { reader: new RuleLineReader(), staged: [], last: this.now() });
    return this.lastNumber;
  }
}
