/** Several packet lists as one, in order of arrival: each is sorted by row, and rows are numbered as they came. */
import type { PacketList } from '../model/packet-list';
import { uint16Array } from '../model/typed-arrays';
import type { Specialiser } from '../v8/specialise';

export class MergedList {
  /** The merged list; valid until the next `clear`. */
  readonly list: { readonly rows: Uint16Array; readonly whole: boolean; count: number };
  private readonly markers: readonly ((count: number, end: number) => number)[];
  private readonly collector: (end: number) => number;
  private end = 0;

  /** `lists` are those that it may have to merge. */
  constructor(capacity: number, private readonly lists: readonly PacketList[], specialise: Specialiser['specialise']) {
    const marks = new Uint8Array(new ArrayBuffer(capacity));
    this.list = { rows: uint16Array(capacity), whole: false, count: 0 };
    this.markers = lists.map(({ rows }) => specialise(marker, marks, rows));
    this.collector = specialise(collector, marks, this.list.rows);
  }

  /** Whether it was made for just these. */
  merges(lists: readonly PacketList[]): boolean {
    return lists.length === this.lists.length && lists.every((list, index) => list === this.lists[index]);
  }

  clear(): void {
    this.list.count = 0;
  }

  /** Merges another list in, from the end on, where there is room. About 2 ns a packet of both. */
  add(other: PacketList): void {
    const { list } = this;
    const { rows } = list;
    let i = list.count - 1;
    let j = other.count - 1;
    let n = i + j + 1;
    list.count = n + 1;
    while (j >= 0) {
      rows[n--] = i >= 0 && rows[i] > other.rows[j] ? rows[i--] : other.rows[j--];
    }
  }

  /**
   * Merges lists that have no row in common: `mark` for each, then `collect`. About 1 ns a packet, since
   * nothing is compared: which of two lists goes on is what no processor can guess, at 5 ns a time.
   * `index` is the list's number among those it was made for.
   */
  mark(index: number): void {
    this.end = this.markers[index](this.lists[index].count, this.end);
  }

  collect(): void {
    this.list.count = this.collector(this.end);
    this.end = 0;
  }
}

function marker(marks: Uint8Array, rows: Uint16Array) {
  return function mark(count: number, end: number): number {
    let after = end;
    for (let i = 0; i < count; i++) {
      const row = rows[i];
      marks[row] = 1;
      if (row >= after) after = row + 1;
    }
    return after;
  };
}

function collector(marks: Uint8Array, rows: Uint16Array) {
  return function collect(end: number): number {
    let n = 0;
    for (let row = 0; row < end; row++) {
      // Overwritten by the next one unless it counts.
      rows[n] = row;
      n += marks[row];
      marks[row] = 0;
    }
    return n;
  };
}
