/** All who look at an engine, in its thread: taps and traces, as orders bring them, over whatever graph the engine has. A fault of theirs ends them, and harms no packet. */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { SideKind } from '../core/side-batch';
import type { GraphWatcher } from '../core/graph-watcher';
import { messageOf } from '../model/errors';
import type { PacketBatch } from '../model/packet-batch';
import type { PacketList } from '../model/packet-list';
import { Tap } from './tap';
import { TapView } from './tap-view';
import { Trace } from './trace';
import type { TraceOrder, WatchEnd, WatchOrder, WatchReport } from './watch-plan';
import type { WatchedGraph } from './watched-graph';

export class Watchers implements GraphWatcher {
  private taps: { readonly tap: Tap; readonly view: TapView }[] = [];
  private traces: Trace[] = [];
  private watched: WatchedGraph | undefined;
  private seen = 0;
  private batch: PacketBatch | undefined;

  /** `orders[word]` moves on with each order that comes by `port`. */
  constructor(private readonly port: MessagePort, private readonly orders: Int32Array, private readonly word: number) {}

  /** From now on the engine has this graph. */
  attach(watched: WatchedGraph): void {
    this.watched?.graph.watch.on.fill(0);
    this.watched = watched;
    watched.graph.watch.watcher = this;
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
    const { [this.word]: orders } = this.orders;
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
    this.guard((watched) => {
      const source = watched.sources.findIndex((candidate) => candidate.batch === batch);
      if (watched.sources[source]?.port.withoutArrival === true) fillArrival(batch);
      this.batch = batch;
      for (const { view } of this.taps) view.entered(source, batch);
      for (const trace of this.traces) trace.entered(source, batch);
    });
  }

  enteredSide(node: number, kind: SideKind, batch: PacketBatch): void {
    this.batch = batch;
    this.eachTrace((trace) => trace.enteredSide(node, kind));
  }

  given(node: number): void {
    this.each((view, batch) => view.given(node, batch));
  }

  copied(node: number, input: PacketList, refused: number): void {
    this.eachTrace((trace) => trace.copied(node, input, refused));
    this.each((view, batch, { graph }) => view.copied(node, graph.nodes[node].refused, refused, batch));
  }

  ran(node: number, input: PacketList): void {
    this.each((view, batch) => view.ran(node, input, batch));
    this.eachTrace((trace) => trace.ran(node, input));
  }

  releasing(node: number): void {
    this.eachTrace((trace) => trace.releasing(node));
  }

  released(node: number): void {
    this.eachTrace((trace) => trace.released(node));
    this.endDone();
  }

  sending(): void {
    this.each((view, batch) => view.sending(batch));
    this.eachTrace((trace) => trace.sending());
  }

  sent(): void {
    this.each((view, batch) => view.sent(batch));
    this.eachTrace((trace) => trace.sent());
    for (const { tap } of this.taps) tap.commit();
    this.endDone();
  }

  private endDone(): void {
    for (const { tap } of this.taps) if (tap.done) this.end(tap.id, { why: 'count' });
    for (const trace of this.traces) if (trace.done) this.end(trace.id, { why: 'count' });
    this.settle();
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
    this.taps = this.taps.filter(({ tap }) => tap.id !== id);
    this.traces = this.traces.filter((trace) => trace.id !== id);
  }

  private report(report: WatchReport): void {
    this.port.postMessage(report);
  }

  private settle(): void {
    if (this.watched) this.watched.graph.watch.on[0] = this.taps.length + this.traces.length > 0 ? 1 : 0;
  }

  private each(call: (view: TapView, batch: PacketBatch, watched: WatchedGraph) => void): void {
    this.guard((watched) => {
      const { batch } = this;
      if (batch) for (const { view } of this.taps) call(view, batch, watched);
    });
  }

  private eachTrace(call: (trace: Trace) => void): void {
    if (this.traces.length > 0) this.guard(() => this.traces.forEach(call));
  }

  private guard(call: (watched: WatchedGraph) => void): void {
    try {
      if (this.watched) call(this.watched);
    } catch (error) {
      const text = messageOf(error);
      for (const { id } of [...this.taps.map(({ tap }) => tap), ...this.traces]) this.end(id, { why: 'failed', text });
      this.settle();
    }
  }
}

/** Its source leaves out what nobody reads. */
function fillArrival({ count, length, wireLength, seconds, nanoseconds }: PacketBatch): void {
  const now = Date.now();
  wireLength.set(length.subarray(0, count));
  seconds.fill(now / 1000, 0, count);
  nanoseconds.fill((now % 1000) * 1_000_000, 0, count);
}
