/** A tap over one graph: the places where it looks. */
import type { Watch } from '../core/graph-watcher';
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import type { CompiledLink } from '../model/graph';
import type { DropNotes } from '../model/drop-notes';
import type { PacketBatch } from '../model/packet-batch';
import type { PacketLists } from '../model/packet-list';
import type { InnerLink } from '../rows/graph-memory';
import { TakenPackets, type Tap } from './tap';
import type { LatePacket } from './late-packets';
import type { TapPlace } from './watch-plan';
import { NO_DROP, SinkList } from './sink-list';
import { UndecidedRows, innerLinkOf, linksNamed, type WatchedGraph } from './watched-graph';

interface WatchedSink {
  readonly place: number;
  readonly list: SinkList;
  readonly taken: TakenPackets;
}

export class TapView {
  private readonly sources = new Map<number, number>();
  private readonly inner: { readonly node: number; readonly link: InnerLink; readonly place: number }[] = [];
  /** Brick by brick. */
  private readonly sinks: readonly WatchedSink[];
  /** Where it stands how many packets lie on their lists, in the same order. */
  private readonly counts: readonly { readonly of: PacketLists['counts']; readonly outputs: Uint16Array }[];
  /** Bricks whose drops are wanted. */
  private readonly bricks = new Map<number, number>();
  private readonly undecided: UndecidedRows;
  private readonly reasons: Int8Array;
  private readonly whole: Uint16Array;
  private readonly scratch: Uint16Array;
  /** Indexes of the sinks whose packets it has taken, of those that are being sent. */
  private readonly shown: Uint16Array;
  private shownCount = 0;

  private constructor(private readonly tap: Tap, private readonly watched: WatchedGraph, links: NonNullable<ReturnType<typeof linksNamed>>) {
    const { compiled, rows } = watched;
    const { drops } = tap.order;
    tap.lookAt({ current: watched.current, clock: watched.clock, rows, arrival: watched.arrival });
    this.undecided = new UndecidedRows(watched);
    this.reasons = new Int8Array(rows);
    this.scratch = new Uint16Array(rows);
    this.whole = Uint16Array.from({ length: rows }, (_, row) => row);
    const labelOf = (brick: number): string => compiled.bricks[brick].label;
    const place = ({ link }: CompiledLink, role: TapPlace['role'], more: Omit<TapPlace, 'role' | 'link'>): number => tap.place({ role, link: link.text, ...more });
    const sinks = links.sinks.map((index) => {
      const sink = compiled.sinks[index];
      return { place: place(sink, 'sink', { brick: labelOf(sink.brick), output: sink.output }), list: new SinkList(watched, sink), taken: new TakenPackets(rows) };
    });
    const bricks = [...new Set(sinks.map(({ list: { lists } }) => lists))].map((lists) => ({ lists, sinks: sinks.filter(({ list }) => list.lists === lists) }));
    this.sinks = bricks.flatMap((brick) => brick.sinks);
    this.counts = bricks.map((brick) => ({ of: brick.lists.counts, outputs: Uint16Array.from(brick.sinks, ({ list }) => list.output) }));
    this.shown = new Uint16Array(sinks.length);
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

  /** Whether dropped packets are wanted, not those that pass. */
  get showsDrops(): boolean {
    return this.tap.order.drops;
  }

  /** At which steps of a batch it looks. */
  get looksAt(): { readonly entering: boolean; readonly between: boolean; readonly bricks: boolean; readonly sending: boolean } {
    return { entering: this.sources.size > 0, between: this.inner.length > 0, bricks: this.bricks.size > 0, sending: this.sinks.length > 0 };
  }

  /** Nothing, where the graph has no such link. */
  static open(tap: Tap, watched: WatchedGraph): TapView | undefined {
    const { place } = tap.order;
    const all = { sources: [], edges: [], sinks: watched.compiled.sinks.map((_, index) => index), brick: -1 };
    const links = place === undefined ? all : linksNamed(watched.compiled, place);
    return links && new TapView(tap, watched, links);
  }

  /** Whether it samples, and only what leaves by outputs of one brick that lie side by side. */
  get canWait(): boolean {
    const { tap, counts, looksAt: { entering, between, bricks } } = this;
    if (tap.readsAll || tap.order.drops || tap.order.sample <= 1 || entering || between || bricks || counts.length !== 1) return false;
    return counts[0].outputs.every((output, index) => output === counts[0].outputs[0] + index);
  }

  /** Until the next packet of its sample comes, the engine is to call nobody. */
  waitIn(watch: Watch): void {
    const { tap, counts: [{ of, outputs }] } = this;
    tap.passOver(watch.passOver(tap.ahead, of, outputs[0], outputs[0] + outputs.length));
  }

  /** It is to be called again. */
  wakeIn(watch: Watch): void {
    this.tap.passOver(-watch.passNoMore());
  }

  entered(source: number, batch: PacketBatch): void {
    const place = this.sources.get(source);
    if (place !== undefined) this.tap.show(batch, this.whole, batch.count, place);
  }

  given(node: number, batch: PacketBatch): void {
    for (const inner of this.inner) {
      if (inner.node === node) this.tap.show(batch, inner.link.list.rows, inner.link.list.count, inner.place, undefined, undefined);
    }
  }

  copied(node: number, refused: Uint16Array, count: number, batch: PacketBatch): void {
    const place = this.bricks.get(node);
    if (place !== undefined && count > 0) this.tap.show(batch, refused, count, place, this.allOf(DROP_REASON_INDEX.noBuffer, count));
  }

  ran(node: number, input: { readonly rows: Uint16Array; readonly count: number }, batch: PacketBatch): void {
    const place = this.bricks.get(node);
    if (place === undefined) return;
    this.undecided.find(this.watched.graph.nodes[node], input);
    const { rows, count } = this.undecided;
    if (count > 0) this.tap.show(batch, rows, count, place, this.allOf(DROP_REASON_INDEX.decision, count));
  }

  /** The brick has thrown: what it was given is lost, but for what it holds. */
  failed(node: number, input: { readonly rows: Uint16Array; readonly count: number }, batch: PacketBatch): void {
    const place = this.bricks.get(node);
    if (place === undefined) return;
    this.undecided.find(this.watched.graph.nodes[node], input);
    const { rows, count } = this.undecided;
    if (count > 0) this.tap.show(batch, rows, count, place, this.allOf(DROP_REASON_INDEX.engineHung, count));
  }

  /** False where nothing is to be done when the packets are sent: the tap has taken none of them. */
  sending(batch: PacketBatch): boolean {
    const { tap, sinks, counts, shown } = this;
    this.shownCount = 0;
    if (tap.order.drops) {
      for (let index = 0; index < sinks.length; index++) sinks[index].list.note();
      return true;
    }
    if (tap.passesOver(this.waiting)) return false;
    // Lists are looked at only where packets of them are taken: what is known of the others lies far away in memory, and would take longer than the rest.
    for (let group = 0, index = 0; group < counts.length; group++) {
      const { of, outputs } = counts[group];
      for (let at = 0; at < outputs.length; at++, index++) {
        const waiting = of[outputs[at]];
        if (waiting === 0 || tap.passesOver(waiting)) continue;
        this.show(batch, sinks[index], waiting);
        if (sinks[index].taken.count > 0) shown[this.shownCount++] = index;
      }
    }
    return this.shownCount > 0;
  }

  /** Before they are sent: afterwards a card may own their memory. */
  private show(batch: PacketBatch, { list, place, taken }: WatchedSink, waiting: number): void {
    taken.count = 0;
    if (this.tap.readsAll) this.tap.show(batch, list.look(), waiting, place, undefined, taken);
    else this.tap.showSample(batch, list, waiting, place, taken);
    if (taken.count > 0) list.noteOf(taken);
  }

  sent(batch: PacketBatch): void {
    const { sinks, shown, shownCount, tap, watched: { current: { columns: { length } } } } = this;
    if (tap.order.drops) {
      for (let index = 0; index < sinks.length; index++) if (sinks[index].list.settle(length)) this.showDropped(sinks[index], batch);
      return;
    }
    for (let at = 0; at < shownCount; at++) {
      const { list, taken } = sinks[shown[at]];
      if (!list.settle(length)) continue;
      for (let i = 0; i < taken.count; i++) if (list.reasonOf(taken, i) !== NO_DROP) tap.takeBack(taken.records[i]);
    }
  }

  /** Packets on the sinks' lists. */
  private get waiting(): number {
    const { counts } = this;
    let sum = 0;
    for (let group = 0; group < counts.length; group++) {
      const { of, outputs } = counts[group];
      for (let at = 0; at < outputs.length; at++) sum += of[outputs[at]];
    }
    return sum;
  }

  /** Packets that a brick held and drops now: rows of its hold area's batch. */
  dropped(node: number, batch: PacketBatch, rows: Uint16Array, count: number, reason: number): void {
    const place = this.bricks.get(node);
    if (place !== undefined && count > 0) this.tap.show(batch, rows, count, place, this.allOf(reason, count));
  }

  private showDropped({ list: { rows, reasons, count }, place }: WatchedSink, batch: PacketBatch): void {
    let dropped = 0;
    for (let i = 0; i < count; i++) {
      if (reasons[i] === NO_DROP) continue;
      this.scratch[dropped] = rows[i];
      this.reasons[dropped++] = reasons[i];
    }
    if (dropped > 0) this.tap.show(batch, this.scratch, dropped, place, this.reasons);
  }

  /** A packet of an earlier batch, which a link has dropped after all. `notes`: those of the brick in front of the link. */
  droppedLate(notes: DropNotes, { batch, output, reason }: LatePacket): void {
    const sink = this.sinks.find(({ list }) => list.lists.drops === notes && list.output === output);
    if (sink) this.tap.show(batch, this.whole, 1, sink.place, this.allOf(reason, 1));
  }

  private allOf(reason: number, count: number): Int8Array {
    return this.reasons.fill(reason, 0, count);
  }
}
