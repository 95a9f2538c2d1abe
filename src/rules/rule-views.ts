/** Views on the shared memory, for both halves. */
import { ACTION_MASK, ACTION_WORDS, CLASS_SHIFT, INDEX_MASK, LIST_WORDS, ORDER_MASK, RECORD_ACTION, RECORD_ORDER, RECORD_WORDS, TUPLES_MAXIMUM, TUPLE_WORDS, type SharedRules } from './layout';

/** A rule as a reader has found it: its number may be another's by now, its order of arrival is not. */
export interface FoundRule {
  readonly found: number;
  readonly order: number;
}

export class RuleViews {
  readonly control: Int32Array;
  /** The same block: totals as numbers of 64 bits. */
  readonly totals: Float64Array;
  readonly records: readonly Uint32Array[];
  /** The records again, for packets and bytes: at half the index of their word. */
  readonly counters: readonly BigUint64Array[];
  /** Of each class, by the parity of their logarithm. */
  readonly tags: readonly (readonly Uint8Array[])[];
  readonly slots: readonly (readonly Uint32Array[])[];
  readonly hints: readonly Uint32Array[];
  readonly tuples: readonly Uint32Array[];
  /** Of each class the two lists of tuples in use. */
  readonly lists: readonly (readonly Uint32Array[])[];
  readonly actions: Int32Array;
  readonly firsts: readonly Uint16Array[];

  constructor(readonly shared: SharedRules) {
    const { control, records, tags, slots, hints, tuples, actions, firsts } = shared;
    const lists = (TUPLES_MAXIMUM + 1) * TUPLE_WORDS;
    this.control = new Int32Array(control);
    this.totals = new Float64Array(control);
    this.records = records.map((buffer) => new Uint32Array(buffer));
    this.counters = records.map((buffer) => new BigUint64Array(buffer));
    this.tags = tags.map((pair) => pair.map((buffer) => new Uint8Array(buffer)));
    this.slots = slots.map((pair) => pair.map((buffer) => new Uint32Array(buffer)));
    this.hints = hints.map((buffer) => new Uint32Array(buffer));
    this.tuples = tuples.map((buffer) => new Uint32Array(buffer, 0, lists));
    this.lists = tuples.map((buffer) => [0, 1].map((which) => new Uint32Array(buffer, (lists + which * LIST_WORDS) * 4, LIST_WORDS)));
    this.actions = new Int32Array(actions);
    this.firsts = firsts.map((buffer) => new Uint16Array(buffer));
  }

  /** In which set a rule is that a reader has found, and when it came. */
  orderOf(found: number): number {
    const which = found >>> CLASS_SHIFT;
    return this.records[which][(found & INDEX_MASK) * RECORD_WORDS[which] + RECORD_ORDER[which]] & ORDER_MASK;
  }

  /** Where in `actions` that of a rule begins which a reader has found. */
  actionOf(found: number): number {
    const which = found >>> CLASS_SHIFT;
    return (this.records[which][(found & INDEX_MASK) * RECORD_WORDS[which] + RECORD_ACTION[which]] & ACTION_MASK) * ACTION_WORDS;
  }
}
