/** A tap in an engine's thread: takes those of the packets it is shown that were asked for, and copies them into its ring. */
import { fillArrival } from '../buffers/copy-packets';
import type { CellClock } from '../context/cell-clock';
import type { CurrentPackets } from '../context/current-packets';
import { PacketFilter, type FilteredPackets } from '../filter/filter-expression';
import type { PacketBatch } from '../model/packet-batch';
import { NO_REASON, TapRingWriter } from './tap-ring';
import type { TapOrder, TapPlace } from './watch-plan';

const SECOND_NANOSECONDS = 1e9;

/** Packets of a list that a tap has taken: their places there, their rows, and their records. */
export class TakenPackets {
  readonly places: Uint16Array;
  readonly rows: Uint16Array;
  readonly records: Float64Array;
  count = 0;

  constructor(rows: number) {
    this.places = new Uint16Array(rows);
    this.rows = new Uint16Array(rows);
    this.records = new Float64Array(rows);
  }

  add(place: number, row: number, record: number): void {
    this.places[this.count] = place;
    this.rows[this.count] = row;
    this.records[this.count++] = record;
  }
}

/** What a filter looks at. */
export function filteredPackets({ columns: { offset, length, wireLength }, memory }: CurrentPackets): FilteredPackets {
  return { memory, offset, length, wireLength };
}

/** What the rows of a batch stand in. */
export interface TapSight {
  readonly current: CurrentPackets;
  readonly clock: CellClock;
  /** The rows of the largest batch. */
  readonly rows: number;
  /** Whether the columns of arrival are still to be filled in, row by row. */
  readonly arrival: { missing: boolean };
}

export class Tap {
  readonly id: number;
  private readonly ring: TapRingWriter;
  private readonly filter: PacketFilter | undefined;
  private packets: FilteredPackets | undefined;
  private sight: TapSight | undefined;
  private passed = new Uint16Array(0);
  /** Packets until the next one that the sample has. */
  private unseen = 0;
  /** Whether it has taken any since the last `commit`. */
  private fresh = false;
  private left: number;
  private windowBegin = -Infinity;
  private inWindow = 0;
  private lastPlace = 0;

  /** @throws BricksError E_FILTER, E_NATIVE_MISSING */
  constructor(readonly order: TapOrder) {
    this.id = order.id;
    this.ring = new TapRingWriter(order.ring);
    this.filter = order.filter === undefined ? undefined : new PacketFilter({ expression: order.filter });
    this.left = order.count > 0 ? order.count : Infinity;
  }

  /** From now on it looks at packets there. */
  lookAt(sight: TapSight): void {
    this.sight = sight;
    this.packets = filteredPackets(sight.current);
    if (this.passed.length < sight.rows) this.passed = new Uint16Array(sight.rows);
  }

  /** Returns the number of a place, for `show`; -1 where the ring has no room even for that. */
  place(named: TapPlace): number {
    return this.ring.addPlace(++this.lastPlace, named) ? this.lastPlace : -1;
  }

  /** Whether it reads columns of every packet that it is shown. */
  get readsAll(): boolean {
    return this.filter !== undefined;
  }

  /** Whether all was taken that was asked for. */
  get done(): boolean {
    return this.left <= 0;
  }

  /**
   * Shows it packets of the batch on its way, or of a side batch's columns; what it takes of them it shows others by `commit`. `taken` hears which it took, for
   * `takeBack`. `reasons[i]`: why packet i was dropped.
   */
  show(batch: PacketBatch, rows: Uint16Array, count: number, place: number, reasons?: Int8Array, taken?: TakenPackets): void {
    if (place < 0 || this.left <= 0) return;
    const { filter, passed, order: { sample } } = this;
    if (!filter) {
      let at = this.unseen;
      for (; at < count; at += sample) this.take(batch, rows[at], at, place, reasons, taken);
      this.unseen = at - count;
      return;
    }
    filter.select(this.packetsOf(batch), batch.linkType, rows, count, passed);
    for (let at = 0; at < count; at++) {
      if (passed[at] !== 0 || this.unseen-- > 0) continue;
      this.unseen = sample - 1;
      this.take(batch, rows[at], at, place, reasons, taken);
    }
  }

  /** The same for a tap without a filter: of the list only those rows are read that it takes. */
  showSample(batch: PacketBatch, list: { rowAt(place: number): number }, count: number, place: number, taken: TakenPackets): void {
    if (place < 0 || this.left <= 0) return;
    let at = this.unseen;
    for (; at < count; at += this.order.sample) this.take(batch, list.rowAt(at), at, place, undefined, taken);
    this.unseen = at - count;
  }

  /** Whether it takes none of the next `count` packets, as its sample lies behind them. They are counted as shown then. */
  passesOver(count: number): boolean {
    if (this.filter || this.unseen < count) return false;
    this.unseen -= count;
    return true;
  }

  /** How many packets come before the next that it takes. */
  get ahead(): number {
    return this.unseen;
  }

  /** So many of them are not shown to it; or, where the number is negative, are after all. */
  passOver(count: number): void {
    this.unseen -= count;
  }

  /** A packet that was shown has not passed after all. */
  takeBack(record: number): void {
    this.ring.take(record);
    this.left++;
  }

  /** So many packets could not be shown. */
  miss(count: number): void {
    this.ring.lose(count);
  }

  commit(): void {
    if (!this.fresh) return;
    this.fresh = false;
    this.ring.commit();
  }

  private take(batch: PacketBatch, row: number, at: number, place: number, reasons: Int8Array | undefined, taken: TakenPackets | undefined): void {
    if (this.left <= 0 || !this.isInTime()) return;
    if (this.sight?.arrival.missing === true && batch.offset === this.sight.current.columns.offset) fillArrival(batch, row, row + 1);
    const record = this.ring.add(batch, batch, row, Math.min(batch.length[row], this.order.snap), place, reasons ? reasons[at] : NO_REASON);
    if (record < 0) return;
    this.left--;
    this.fresh = true;
    taken?.add(at, row, record);
  }

  private packetsOf(batch: PacketBatch): FilteredPackets {
    const { sight } = this;
    return sight && this.packets && batch.offset === sight.current.columns.offset ? this.packets : batch;
  }

  private isInTime(): boolean {
    const { order: { rate }, sight } = this;
    if (rate === 0) return true;
    const now = sight?.clock.cell[0] ?? 0;
    if (now - this.windowBegin >= SECOND_NANOSECONDS) {
      this.windowBegin = now;
      this.inWindow = 0;
    }
    return ++this.inWindow <= rate;
  }
}
