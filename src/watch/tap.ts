/** A tap in an engine's thread: takes those of the packets it is shown that were asked for, and copies them into its ring. */
import type { CellClock } from '../context/cell-clock';
import type { CurrentPackets } from '../context/current-packets';
import { PacketFilter, type FilteredPackets } from '../filter/filter-expression';
import type { PacketBatch } from '../model/packet-batch';
import { NO_REASON, TapRingWriter } from './tap-ring';
import type { TapOrder, TapPlace } from './watch-plan';

const SECOND_NANOSECONDS = 1e9;
/** Of a packet that was not taken. */
const NOT_TAKEN = -1;

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
}

export class Tap {
  readonly id: number;
  private readonly ring: TapRingWriter;
  private readonly filter: PacketFilter | undefined;
  private packets: FilteredPackets | undefined;
  private sight: TapSight | undefined;
  private passed = new Uint16Array(0);
  private seen = 0;
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

  /** Whether all was taken that was asked for. */
  get done(): boolean {
    return this.left <= 0;
  }

  /** Shows it packets of the batch on its way; what it takes of them it shows others by `commit`. `records[i]`: where the record of packet i lies, for `takeBack`. */
  show(batch: Pick<PacketBatch, 'memory' | 'linkType'>, rows: Uint16Array, count: number, place: number, reasons: Int8Array | undefined, records: Float64Array | undefined): void {
    const { sight, order, passed, packets } = this;
    if (!sight || !packets || place < 0) return;
    this.filter?.select(packets, batch.linkType, rows, count, passed);
    const { columns } = sight.current;
    for (let i = 0; i < count; i++) {
      if (records) records[i] = NOT_TAKEN;
      if (this.left <= 0 || (this.filter && passed[i] !== 0)) continue;
      if (this.seen++ % order.sample !== 0 || !this.isInTime(sight.clock.cell[0])) continue;
      const row = rows[i];
      const record = this.ring.add(columns, batch, row, Math.min(columns.length[row], order.snap), place, reasons ? reasons[i] : NO_REASON);
      if (record < 0) continue;
      this.left--;
      if (records) records[i] = record;
    }
  }

  /** A packet that was shown has not passed after all. */
  takeBack(record: number): void {
    if (record === NOT_TAKEN) return;
    this.ring.take(record);
    this.left++;
  }

  commit(): void {
    this.ring.commit();
  }

  private isInTime(now: number): boolean {
    const { rate } = this.order;
    if (rate === 0) return true;
    if (now - this.windowBegin >= SECOND_NANOSECONDS) {
      this.windowBegin = now;
      this.inWindow = 0;
    }
    return ++this.inWindow <= rate;
  }
}
