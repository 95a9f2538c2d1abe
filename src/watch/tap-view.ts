/** A tap over one graph: the places where it looks. */
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import type { CompiledLink } from '../model/graph';
import type { PacketBatch } from '../model/packet-batch';
import type { InnerLink } from '../rows/graph-memory';
import type { Tap } from './tap';
import type { TapPlace } from './watch-plan';
import { NO_DROP, SinkList, UndecidedRows, innerLinkOf, linksNamed, type WatchedGraph } from './watched-graph';

interface WatchedSink {
  readonly place: number;
  readonly list: SinkList;
  readonly records: Float64Array;
}

export class TapView {
  private readonly sources = new Map<number, number>();
  private readonly inner: { readonly node: number; readonly link: InnerLink; readonly place: number }[] = [];
  private readonly sinks: readonly WatchedSink[];
  /** Bricks whose drops are wanted. */
  private readonly bricks = new Map<number, number>();
  private readonly undecided: UndecidedRows;
  private readonly reasons: Int8Array;
  private readonly whole: Uint16Array;
  private readonly scratch: Uint16Array;

  private constructor(private readonly tap: Tap, private readonly watched: WatchedGraph, links: NonNullable<ReturnType<typeof linksNamed>>) {
    const { compiled, rows } = watched;
    const { drops } = tap.order;
    tap.lookAt({ current: watched.current, clock: watched.clock, rows });
    this.undecided = new UndecidedRows(watched);
    this.reasons = new Int8Array(rows);
    this.scratch = new Uint16Array(rows);
    this.whole = Uint16Array.from({ length: rows }, (_, row) => row);
    const labelOf = (brick: number): string => compiled.bricks[brick].label;
    const place = ({ link }: CompiledLink, role: TapPlace['role'], more: Omit<TapPlace, 'role' | 'link'>): number => tap.place({ role, link: link.text, ...more });
    this.sinks = links.sinks.map((index) => {
      const sink = compiled.sinks[index];
      return { place: place(sink, 'sink', { brick: labelOf(sink.brick), output: sink.output }), list: new SinkList(watched, sink), records: new Float64Array(rows) };
    });
    if (drops) {
      const asked = tap.order.place === undefined ? compiled.bricks.map((_, index) => index) : links.brick >= 0 ? [links.brick] : [];
      for (const brick of asked) this.bricks.set(brick, tap.place({ role: 'brick', brick: labelOf(brick) }));
      return;
    }
    for (const index of links.sources) this.sources.set(index, place(compiled.sources[index], 'source', { to: labelOf(compiled.sources[index].brick) }));
    for (const index of links.edges) {
      const edge = compiled.edges[index];
      this.inner.push({ node: edge.to, link: innerLinkOf(watched, index), place: place(edge, 'inner', { brick: labelOf(edge.from), output: edge.output, to: labelOf(edge.to) }) });
    }
  }

  /** Nothing, where the graph has no such link. */
  static open(tap: Tap, watched: WatchedGraph): TapView | undefined {
    const { place } = tap.order;
    const all = { sources: [], edges: [], sinks: watched.compiled.sinks.map((_, index) => index), brick: -1 };
    const links = place === undefined ? all : linksNamed(watched.compiled, place);
    return links && new TapView(tap, watched, links);
  }

  entered(source: number, batch: PacketBatch): void {
    const place = this.sources.get(source);
    if (place !== undefined) this.tap.show(batch, this.whole, batch.count, place, undefined, undefined);
  }

  given(node: number, batch: PacketBatch): void {
    for (const inner of this.inner) {
      if (inner.node === node) this.tap.show(batch, inner.link.list.rows, inner.link.list.count, inner.place, undefined, undefined);
    }
  }

  copied(node: number, refused: Uint16Array, count: number, batch: PacketBatch): void {
    const place = this.bricks.get(node);
    if (place !== undefined && count > 0) this.tap.show(batch, refused, count, place, this.allOf(DROP_REASON_INDEX.noBuffer, count), undefined);
  }

  ran(node: number, input: { readonly rows: Uint16Array; readonly count: number }, batch: PacketBatch): void {
    const place = this.bricks.get(node);
    if (place === undefined) return;
    this.undecided.find(this.watched.graph.nodes[node], input);
    const { rows, count } = this.undecided;
    if (count > 0) this.tap.show(batch, rows, count, place, this.allOf(DROP_REASON_INDEX.decision, count), undefined);
  }

  sending(batch: PacketBatch): void {
    for (const { list, place, records } of this.sinks) {
      list.note();
      // Before they are sent: afterwards a card may own their memory.
      if (!this.tap.order.drops && list.count > 0) this.tap.show(batch, list.rows, list.count, place, undefined, records);
    }
  }

  sent(batch: PacketBatch): void {
    const lengths = this.watched.current.columns.length;
    for (const { list, place, records } of this.sinks) {
      if (list.count === 0) continue;
      list.settle(lengths);
      if (this.tap.order.drops) this.showDropped(list, place, batch);
      else for (let i = 0; i < list.count; i++) if (list.reasons[i] !== NO_DROP) this.tap.takeBack(records[i]);
    }
  }

  private showDropped({ rows, reasons, count }: SinkList, place: number, batch: PacketBatch): void {
    let dropped = 0;
    for (let i = 0; i < count; i++) {
      if (reasons[i] === NO_DROP) continue;
      this.scratch[dropped] = rows[i];
      this.reasons[dropped++] = reasons[i];
    }
    if (dropped > 0) this.tap.show(batch, this.scratch, dropped, place, this.reasons, undefined);
  }

  private allOf(reason: number, count: number): Int8Array {
    return this.reasons.fill(reason, 0, count);
  }
}
