/** What lies on a sink's list: before it is sent it is noted, and afterwards it is known which of it were dropped. */
import { LINK_DROPS, readCounter } from '../model/counters';
import { eachDrop, hasDropNotes } from '../model/drop-notes';
import { DROP_REASONS, DROP_REASON_INDEX } from '../model/drop-reasons';
import type { CompiledSink } from '../model/graph';
import type { PacketLists } from '../model/packet-list';
import type { TakenPackets } from './tap';
import type { WatchedGraph } from './watched-graph';

export const NO_DROP = -1;
/** Added to a reason where the link took some of the list and does not say which packets it dropped. */
export const LIKELY = 0x40;

const { tooLong: TOO_LONG, diskSlow: DISK_SLOW } = DROP_REASON_INDEX;

export class SinkList {
  /** Its rows: where no copy is needed, those of the list itself. */
  rows: Uint16Array;
  count = 0;
  /** Why each was dropped; NO_DROP for those that were sent. Valid after `settle`, if that says so. */
  readonly reasons: Int8Array;
  readonly lists: PacketLists;
  readonly output: number;
  private readonly drops: number;
  private readonly words: Uint32Array;
  private readonly own: Uint16Array;
  private readonly inPlace: Uint16Array | undefined;
  private readonly before = new Float64Array(DROP_REASONS.length);
  private at = 0;

  constructor({ graph, words, rows }: Pick<WatchedGraph, 'graph' | 'words' | 'rows'>, sink: CompiledSink) {
    this.lists = graph.nodes[sink.brick].outputs;
    this.output = sink.output;
    this.drops = sink.record + LINK_DROPS;
    this.words = words;
    this.own = new Uint16Array(rows);
    this.rows = this.own;
    this.reasons = new Int8Array(rows);
    const { step, shift, room } = this.lists;
    this.inPlace = step === 0 ? this.lists.rows.subarray(this.output << shift, (this.output << shift) + room) : undefined;
  }

  /** How many packets are on the list now. */
  get waiting(): number {
    return this.lists.counts[this.output];
  }

  /** What is on the list now, until the first of it is sent. */
  look(): Uint16Array {
    this.count = this.waiting;
    if (this.inPlace) return this.inPlace;
    this.copy();
    return this.own;
  }

  /** A row of what is on the list now. */
  rowAt(place: number): number {
    const { rows, shift, step } = this.lists;
    return rows[(this.output << shift) + (place << step)];
  }

  /** Keeps what is on the list, and what its link has dropped so far, for `settle`. */
  note(): void {
    this.count = this.waiting;
    if (this.count === 0) return;
    this.copy();
    if (this.isComplete) return;
    const { before, words, drops } = this;
    for (let reason = 0; reason < before.length; reason++) before[reason] = readCounter(words, drops + reason);
  }

  /** The same, where it is only to be known of those that were taken. */
  noteOf(taken: TakenPackets): void {
    if (!this.isComplete) {
      this.note();
      return;
    }
    this.rows = taken.rows;
    this.count = taken.count;
  }

  /** After `noteOf` and `settle`: why packet `index` of those that were taken was dropped. */
  reasonOf(taken: TakenPackets, index: number): number {
    return this.reasons[this.isComplete ? index : taken.places[index]];
  }

  /** Works out which were dropped, of those that were noted. False: none. */
  settle(lengths: Uint32Array): boolean {
    if (this.count === 0 || (this.isComplete && !hasDropNotes(this.lists.drops))) return false;
    this.reasons.fill(NO_DROP, 0, this.count);
    return this.isComplete ? this.settleByNotes() : this.settleByCounters(lengths);
  }

  private get isComplete(): boolean {
    return this.lists.drops.complete[this.output] === 1;
  }

  private copy(): void {
    const { lists, output, own, count } = this;
    for (let i = 0; i < count; i++) own[i] = lists.rows[(output << lists.shift) + (i << lists.step)];
    this.rows = own;
  }

  private settleByNotes(): boolean {
    const { rows, reasons, count } = this;
    let found = false;
    this.at = 0;
    eachDrop(this.lists.drops, this.output, (row, reason) => {
      // Mostly they are noted in the list's own order.
      const behind = placeOf(rows, reasons, row, this.at, count);
      const place = behind >= 0 ? behind : placeOf(rows, reasons, row, 0, this.at);
      if (place < 0) return;
      reasons[place] = reason;
      this.at = place + 1;
      found = true;
    });
    return found;
  }

  /** Where the link does not say which packets it dropped: those that are too long for it are the longest, and all others it did not take are likely the last. */
  private settleByCounters(lengths: Uint32Array): boolean {
    const { reasons, rows, count, before, words, drops } = this;
    let found = false;
    for (let reason = 0; reason < before.length; reason++) {
      const dropped = readCounter(words, drops + reason) - before[reason];
      // A recorder leaves out the end of a list.
      const certain = dropped >= count || reason === TOO_LONG || reason === DISK_SLOW;
      for (let left = Math.min(dropped, count); left > 0; left--) {
        const at = reason === TOO_LONG ? longest(rows, reasons, count, lengths) : last(reasons, count);
        if (at < 0) break;
        reasons[at] = certain ? reason : reason | LIKELY;
        found = true;
      }
    }
    return found;
  }
}

function placeOf(rows: Uint16Array, reasons: Int8Array, row: number, first: number, end: number): number {
  for (let at = first; at < end; at++) if (rows[at] === row && reasons[at] === NO_DROP) return at;
  return -1;
}

function last(reasons: Int8Array, count: number): number {
  let at = count - 1;
  while (at >= 0 && reasons[at] !== NO_DROP) at--;
  return at;
}

function longest(rows: Uint16Array, reasons: Int8Array, count: number, lengths: Uint32Array): number {
  let found = -1;
  for (let at = 0; at < count; at++) {
    if (reasons[at] === NO_DROP && (found < 0 || lengths[rows[at]] > lengths[rows[found]])) found = at;
  }
  return found;
}
