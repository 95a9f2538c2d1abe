/** All who look at an engine, in its thread: taps and traces, as orders bring them, over whatever graph the engine has. A fault of theirs ends them, and harms no packet. */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { SideKind } from '../core/side-batch';
import { LOOK_BRICKS, LOOK_ENTERED, LOOK_SENDING, type GraphWatcher } from '../core/graph-watcher';
import { DROP } from '../model/brick';
import { clearDropNotes, wantDropNotes, type DropNotes } from '../model/drop-notes';
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import { hasLateDrops, wantLateDrops } from '../model/late-drops';
import { messageOf } from '../model/errors';
import type { PacketBatch } from '../model/packet-batch';
import type { PacketList } from '../model/packet-list';
import { fillArrival } from '../buffers/copy-packets';
import { eachLatePacket } from './late-packets';
import { Tap } from './tap';
import { TapView } from './tap-view';
import { Trace } from './trace';
import type { TraceOrder, WatchEnd, WatchOrder, WatchReport } from './watch-plan';
import type { WatchedGraph } from './watched-graph';

export class Watchers implements GraphWatcher {
  private taps: { readonly tap: Tap; readonly view: TapView }[] = [];
  private traces: Trace[] = [];
  /** Which of the taps look at a step. */
  private entering: TapView[] = [];
  private between: TapView[] = [];
  private bricks: TapView[] = [];
  private leaving: TapView[] = [];
  /** The only one who looks, where it samples: between its packets the engine calls nobody. */
  private alone: TapView | undefined;
  /** Where drops are noted of what somebody looks at when it is sent. */
  private notes: DropNotes[] = [];
  /** Those of them where somebody wants to know of earlier batches too. */
  private late: DropNotes[] = [];
  private waitingBefore: readonly number[] = [];
  /** Whether more of the columns is read than those of the rows that taps take. */
  private readsAll = false;
  private watched: WatchedGraph | undefined;
  private seen = 0;
  private batch: PacketBatch | undefined;

  /** `orders[word]` moves on with each order that comes by `port`. */
  constructor(private readonly port: MessagePort, private readonly orders: Int32Array, private readonly word: number) {}

  /** From now on the engine has this graph. */
  attach(watched: WatchedGraph): void {
    this.waitNoLonger();
    if (this.watched) this.watched.graph.watch.on[0] = 0;
    this.watched = watched;
    watched.graph.watch.watcher = this;
    this.commit();
    this.guard(() => {
      const before = this.taps;
      this.taps = [];
      for (const { tap } of before) this.open(tap);
      // What bricks hold has other places now.
      for (const trace of this.traces) {
        trace.end();
        this.end(trace.id, { why: 'gone', text: 'Another graph has taken over.' });
      }
    });
    this.settle();
  }

  look(): void {
    this.showLate();
    this.commit();
    this.endDone();
    const orders = Atomics.load(this.orders, this.word);
    if (orders === this.seen) return;
    this.seen = orders;
    for (let next = receiveMessageOnPort(this.port); next; next = receiveMessageOnPort(this.port)) {
      const order = next.message as WatchOrder;
      try {
        this.take(order);
      } catch (error) {
        this.end(order.id, { why: 'failed', text: messageOf(error) });
      }
    }
    this.settle();
  }

  entered(batch: PacketBatch): void {
    this.batch = batch;
    const { watched, entering, traces } = this;
    if (!watched) return;
    const source = sourceOf(watched, batch);
    const without = watched.sources[source]?.port.withoutArrival === true;
    watched.arrival.missing = without && !this.readsAll;
    if (without && this.readsAll) fillArrival(batch, 0, batch.count);
    if (entering.length + traces.length > 0) this.guard(() => {
      for (const view of entering) view.entered(source, batch);
      for (const trace of traces) trace.entered(source, batch);
    });
  }

  enteredSide(node: number, kind: SideKind, batch: PacketBatch): void {
    this.batch = batch;
    if (this.watched) this.watched.arrival.missing = false;
    this.eachTrace((trace) => trace.enteredSide(node, kind));
  }

  given(node: number): void {
    if (this.between.length > 0) this.each(this.between, (view, batch) => view.given(node, batch));
  }

  copied(node: number, input: PacketList, refused: number): void {
    this.eachTrace((trace) => trace.copied(node, input, refused));
    if (this.bricks.length > 0) this.each(this.bricks, (view, batch, { graph }) => view.copied(node, graph.nodes[node].refused, refused, batch));
  }

  ran(node: number, input: PacketList): void {
    if (this.bricks.length > 0) this.each(this.bricks, (view, batch) => view.ran(node, input, batch));
    if (this.traces.length > 0) this.eachTrace((trace) => trace.ran(node, input));
  }

  failed(node: number, input: PacketList): void {
    if (this.bricks.length > 0) this.each(this.bricks, (view, batch) => view.failed(node, input, batch));
  }

  lostHeld(node: number): void {
    const hold = this.watched?.graph.nodes[node].hold;
    if (!hold || this.bricks.length === 0) return;
    this.guard(() => {
      for (const view of this.bricks) view.dropped(node, hold.batch, hold.waiting, hold.waitingCount, DROP_REASON_INDEX.engineHung);
    });
  }

  releasing(node: number): void {
    const hold = this.watched?.graph.nodes[node].hold;
    this.waitingBefore = hold && this.bricks.length > 0 ? Array.from(hold.waiting.subarray(0, hold.waitingCount)) : [];
    this.eachTrace((trace) => trace.releasing(node));
  }

  released(node: number): void {
    const { watched, waitingBefore } = this;
    const hold = watched?.graph.nodes[node].hold;
    if (hold && waitingBefore.length > 0) {
      // They lie where they lay, until others are held.
      const dropped = Uint16Array.from(waitingBefore.filter((_, index) => hold.decided[index] === DROP));
      if (dropped.length > 0) this.guard(() => {
        for (const view of this.bricks) view.dropped(node, hold.batch, dropped, dropped.length, DROP_REASON_INDEX.decision);
      });
    }
    this.eachTrace((trace) => trace.released(node));
    this.endDone();
  }

  sending(batch: PacketBatch): boolean {
    const { notes, leaving, alone } = this;
    let looks = this.traces.length > 0;
    try {
      if (alone) this.waitNoLonger();
      for (let index = 0; index < leaving.length; index++) looks = leaving[index].sending(batch) || looks;
      if (alone && this.watched) alone.waitIn(this.watched.graph.watch);
    } catch (error) {
      this.fail(error);
    }
    if (!looks) return false;
    for (let index = 0; index < notes.length; index++) clearDropNotes(notes[index]);
    this.eachTrace((trace) => trace.sending());
    return true;
  }

  sent(batch: PacketBatch): void {
    const { leaving, traces } = this;
    try {
      for (let index = 0; index < leaving.length; index++) leaving[index].sent(batch);
    } catch (error) {
      this.fail(error);
    }
    this.showLate();
    if (traces.length === 0) return;
    this.eachTrace((trace) => trace.sent());
    this.endDone();
  }

  /** Packets of earlier batches that have been dropped since the last look. */
  private showLate(): void {
    const { late } = this;
    for (let index = 0; index < late.length; index++) {
      const notes = late[index];
      if (notes.late === undefined || !hasLateDrops(notes.late)) continue;
      const views = this.leaving.filter(({ showsDrops }) => showsDrops);
      this.guard(() => {
        const lost = notes.late === undefined ? 0 : eachLatePacket(notes.late, (packet) => views.forEach((view) => view.droppedLate(notes, packet)));
        for (const { tap } of this.taps) if (tap.order.drops) tap.miss(lost);
      });
    }
  }

  /** Readers see what taps have taken, a millisecond later at most: until what was copied has reached its memory, the engine waits for it here. */
  private commit(): void {
    const { taps } = this;
    for (let index = 0; index < taps.length; index++) taps[index].tap.commit();
  }

  private endDone(): void {
    if (!this.hasDone()) return;
    for (const { tap } of this.taps) if (tap.done) this.end(tap.id, { why: 'count' });
    for (const trace of this.traces) if (trace.done) this.end(trace.id, { why: 'count' });
    this.settle();
  }

  private hasDone(): boolean {
    const { taps, traces } = this;
    for (let index = 0; index < taps.length; index++) if (taps[index].tap.done) return true;
    for (let index = 0; index < traces.length; index++) if (traces[index].done) return true;
    return false;
  }

  private take(order: WatchOrder): void {
    if (order.kind === 'end') this.remove(order.id);
    else if (order.kind === 'trace' ? this.begin(order) : this.open(new Tap(order))) this.report({ kind: 'begun', id: order.id });
  }

  private open(tap: Tap): boolean {
    const view = this.watched && TapView.open(tap, this.watched);
    if (view) this.taps.push({ tap, view });
    else this.end(tap.id, { why: 'gone', text: `The engine has no link or brick ${tap.order.place} any more.` });
    return view !== undefined;
  }

  private begin(order: TraceOrder): boolean {
    if (this.watched) this.traces.push(new Trace(order, this.watched, (trail) => this.report({ kind: 'trail', id: order.id, trail })));
    return this.watched !== undefined;
  }

  private end(id: number, end: WatchEnd): void {
    this.remove(id);
    this.report({ kind: 'ended', id, end });
  }

  private remove(id: number): void {
    this.commit();
    this.waitNoLonger();
    this.taps = this.taps.filter(({ tap }) => tap.id !== id);
    this.traces = this.traces.filter((trace) => trace.id !== id);
  }

  private report(report: WatchReport): void {
    this.port.postMessage(report);
  }

  /** Somebody looks, or no longer. */
  private settle(): void {
    const { watched, taps, traces } = this;
    this.waitNoLonger();
    this.alone = taps.length === 1 && traces.length === 0 && taps[0].view.canWait ? taps[0].view : undefined;
    const looking = (step: keyof TapView['looksAt']): TapView[] => taps.flatMap(({ view }) => (view.looksAt[step] ? [view] : []));
    [this.entering, this.between, this.bricks, this.leaving] = [looking('entering'), looking('between'), looking('bricks'), looking('sending')];
    if (!watched) return;
    for (const notes of this.notes) wantDropNotes(notes, false);
    this.notes = this.leaving.length + traces.length > 0 ? [...new Set(watched.compiled.sinks.map((sink) => watched.graph.nodes[sink.brick].outputs.drops))] : [];
    for (const notes of this.notes) wantDropNotes(notes, true);
    const late = this.leaving.some(({ showsDrops }) => showsDrops) ? this.notes.filter((notes) => notes.late) : [];
    for (const notes of this.late) if (!late.includes(notes) && notes.late) wantLateDrops(notes.late, false);
    for (const notes of late) if (!this.late.includes(notes) && notes.late) wantLateDrops(notes.late, true);
    this.late = late;
    const { graph: { watch, sideNodes }, sources, arrival } = watched;
    // What waits beside a batch takes its columns with it.
    this.readsAll = traces.length > 0 || sideNodes.length > 0 || taps.some(({ tap }) => tap.readsAll);
    arrival.missing = false;
    const bricks = this.between.length + this.bricks.length + traces.length > 0;
    const entered = bricks || this.entering.length > 0 || sources.some(({ port }) => port.withoutArrival !== undefined);
    watch.on[0] = taps.length + traces.length === 0 ? 0 : (this.notes.length > 0 ? LOOK_SENDING : 0) | (bricks ? LOOK_BRICKS : 0) | (entered ? LOOK_ENTERED : 0);
  }

  /** What the engine has not passed over lies ahead of the sample's next packet. */
  private waitNoLonger(): void {
    if (this.alone && this.watched) this.alone.wakeIn(this.watched.graph.watch);
  }

  private each(views: readonly TapView[], call: (view: TapView, batch: PacketBatch, watched: WatchedGraph) => void): void {
    this.guard((watched) => {
      const { batch } = this;
      if (batch) for (const view of views) call(view, batch, watched);
    });
  }

  private eachTrace(call: (trace: Trace) => void): void {
    if (this.traces.length > 0) this.guard(() => this.traces.forEach(call));
  }

  private guard(call: (watched: WatchedGraph) => void): void {
    try {
      if (this.watched) call(this.watched);
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    const text = messageOf(error);
    for (const { id } of [...this.taps.map(({ tap }) => tap), ...this.traces]) this.end(id, { why: 'failed', text });
    this.settle();
  }
}

function sourceOf({ sources }: WatchedGraph, batch: PacketBatch): number {
  let source = sources.length - 1;
  while (source >= 0 && sources[source].batch !== batch) source--;
  return source;
}
