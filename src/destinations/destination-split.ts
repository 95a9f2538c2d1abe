/** Destinations as the engine knows them: which of them are up, and which gets which flows. */
import { ConsistentSplit, MOVED } from '../bricks/consistent-split';

/** Shares out flows over destinations that go down and come up: only the flows of one that is down move, and they come back with it. */
export class DestinationSplit {
  /** How many are up. */
  count = 0;
  /** Whether the flow that was asked for last has another destination than usual: 1 or 0. */
  moved = 0;
  private readonly split: ConsistentSplit;
  private readonly up: Uint8Array;

  /** `names`: their addresses, say; flows go by them, whatever their order. `areUp`: whether all are up from the start; otherwise `turn` says which. */
  constructor(names: readonly string[], areUp: boolean) {
    this.split = new ConsistentSplit(names);
    this.up = new Uint8Array(names.length).fill(areUp ? 1 : 0);
    this.change();
  }

  /** Says that a destination is up or down. Returns 1 if it came up by that, -1 if it went down, 0 if nothing has changed. */
  turn(destination: number, isUp: boolean): number {
    const now = isUp ? 1 : 0;
    const change = now - this.up[destination];
    if (change !== 0) {
      this.up[destination] = now;
      this.change();
    }
    return change;
  }

  /** The place in the list of the destination of a flow (`flowWords`), of which one has to be up. */
  of(word: number): number {
    const entry = this.split.table[word];
    this.moved = entry >= MOVED ? 1 : 0;
    return entry & (MOVED - 1);
  }

  private change(): void {
    this.count = this.up.reduce((sum, one) => sum + one, 0);
    if (this.count > 0) this.split.allow(this.up);
  }
}
