/**
 * When memory that the engine may still be reading can be used again: its word is odd while it matches a batch, and changes at each end of one. What
 * was taken out of the tables before is out of its sight once the word is even, or another.
 */
import { BricksError } from '../model/errors';
import { CONTROL_READER } from './layout';

/** How long the end of a batch is waited for. A batch takes less than a millisecond, unless the machine has other things to do. */
const PATIENCE_MILLISECONDS = 2000;

export class ReaderPassage {
  private readonly pause = new Int32Array(new SharedArrayBuffer(4));

  constructor(private readonly control: Int32Array) {}

  /** To be taken after something was made invisible. */
  mark(): number {
    return Atomics.load(this.control, CONTROL_READER);
  }

  passed(mark: number): boolean {
    return (mark & 1) === 0 || Atomics.load(this.control, CONTROL_READER) !== mark;
  }

  /** @throws BricksError E_RULES_BUSY */
  wait(mark: number): void {
    const begin = performance.now();
    while (!this.passed(mark)) {
      if (performance.now() - begin > PATIENCE_MILLISECONDS) {
        throw new BricksError('E_RULES_BUSY', 'The engine has not finished a batch for two seconds, so that the rule tables can\'t change.', 'See what holds the engine up.');
      }
      Atomics.wait(this.pause, 0, 0, 0.05);
    }
  }
}

/** Numbers that are free, those that were given up and may still be seen, and the next that was never used. */
export class NumberPool {
  private next = 1;
  private readonly free: number[] = [];
  /** Given up lately; and given up before, with the mark of that time. */
  private fresh: number[] = [];
  private aged: number[] = [];
  private agedMark = 0;

  constructor(private readonly limit: number, private readonly passage: ReaderPassage) {}

  /** 0 if there is none. @throws BricksError E_RULES_BUSY */
  take(): number {
    const known = this.free.pop();
    if (known !== undefined) return known;
    if (this.next <= this.limit) return this.next++;
    while (this.free.length === 0 && this.aged.length + this.fresh.length > 0) {
      if (this.aged.length > 0) this.passage.wait(this.agedMark);
      this.reclaim();
    }
    return this.free.pop() ?? 0;
  }

  giveUp(number: number): void {
    this.fresh.push(number);
    if (this.fresh.length >= 1024) this.reclaim();
  }

  /** Makes free what the engine can't see any more. */
  private reclaim(): void {
    if (this.aged.length > 0) {
      if (!this.passage.passed(this.agedMark)) return;
      for (const number of this.aged) this.free.push(number);
      this.aged = [];
    }
    [this.aged, this.fresh] = [this.fresh, this.aged];
    this.agedMark = this.passage.mark();
  }
}
