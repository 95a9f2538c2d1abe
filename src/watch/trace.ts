/** A trace in an engine's thread: follows packets from their source to where they are sent or dropped, also those that are copied or held on the way. */
import { SIDE_COPIED, SIDE_HELD, type SideKind } from '../core/side-batch';
import { PacketFilter } from '../filter/filter-expression';
import { ALL, DROP, HELD as STAYS } from '../model/brick';
import { DROP_REASONS } from '../model/drop-reasons';
import { messageOf } from '../model/errors';
import type { PacketBatch } from '../model/packet-batch';
import { filteredPackets } from './tap';
import type { TraceOrder, TraceStep, Trail } from './watch-plan';
import { LIKELY, NO_DROP, SinkList } from './sink-list';
import type { WatchedGraph } from './watched-graph';

/** Bytes that are kept of each packet, for its headers. */
const HEAD_BYTES = 192;

interface OpenTrail extends Omit<Trail, 'steps' | 'complete'> {
  readonly steps: TraceStep[];
  /** How many of it wait beside the batches. */
  waiting: number;
}

export class Trace {
  readonly id: number;
  private readonly filter: PacketFilter | undefined;
  private readonly open = new Map<number, OpenTrail>();
  /** By the rows of the batch on its way: the number of its trail, or 0. */
  private readonly trailOf: Uint32Array;
  private readonly passed: Uint16Array;
  private readonly whole: Uint16Array;
  /** By node: the trails of its copies, in their order, and of the packets that it holds, by their places. */
  private readonly copies = new Map<number, number[]>();
  private readonly held = new Map<number, Map<number, number>>();
  private waitingBefore: number[] = [];
  private readonly sinks: readonly { readonly brick: number; readonly link: string; readonly list: SinkList }[];
  private begun = 0;
  private reported = 0;
  private readonly source: number;

  /** @throws BricksError E_FILTER, E_NATIVE_MISSING */
  constructor(readonly order: TraceOrder, private readonly watched: WatchedGraph, private readonly tell: (trail: Trail) => void) {
    const { compiled, current, rows } = watched;
    this.id = order.id;
    this.filter = order.filter === undefined ? undefined : new PacketFilter({ expression: order.filter });
    this.source = order.place === undefined ? -1 : compiled.sources.findIndex(({ link }) => link.text === order.place);
    this.trailOf = new Uint32Array(current.columns.length.length);
    this.passed = new Uint16Array(rows);
    this.whole = Uint16Array.from({ length: rows }, (_, row) => row);
    this.sinks = compiled.sinks.map((sink) => ({ brick: sink.brick, link: sink.link.text, list: new SinkList(watched, sink) }));
  }

  /** Whether all were followed to their end. */
  get done(): boolean {
    return this.reported >= this.order.count;
  }

  entered(source: number, batch: PacketBatch): void {
    this.trailOf.fill(0);
    const { order, watched: { compiled, current }, filter, passed } = this;
    if (this.begun >= order.count || (this.source >= 0 && source !== this.source)) return;
    filter?.select(filteredPackets(current), batch.linkType, this.whole, batch.count, passed);
    for (let row = 0; row < batch.count && this.begun < order.count; row++) {
      if (filter && passed[row] !== 0) continue;
      const number = ++this.begun;
      const { offset, length, wireLength, seconds, nanoseconds } = batch;
      this.open.set(number, {
        number, seconds: seconds[row], nanoseconds: nanoseconds[row], linkType: batch.linkType, length: length[row], wireLength: wireLength[row],
        head: batch.memory.bytes.slice(offset[row], offset[row] + Math.min(HEAD_BYTES, length[row])),
        steps: [{ link: compiled.sources[source]?.link.text ?? '', verdict: 'received' }], waiting: 0,
      });
      this.trailOf[row] = number;
    }
  }

  enteredSide(node: number, kind: SideKind): void {
    this.trailOf.fill(0);
    if (kind === SIDE_COPIED) {
      (this.copies.get(node) ?? []).forEach((number, row) => this.goOn(number, row));
      this.copies.delete(node);
    } else if (kind === SIDE_HELD) {
      const { hold } = this.watched.graph.nodes[node];
      const places = this.held.get(node);
      for (let row = 0; hold && row < hold.goingCount; row++) {
        const place = hold.going[row];
        this.goOn(places?.get(place) ?? 0, row);
        places?.delete(place);
      }
    }
  }

  copied(node: number, input: { readonly rows: Uint16Array; readonly count: number }, refusedCount: number): void {
    const { copies, refused } = this.watched.graph.nodes[node];
    if (!copies) return;
    let target = copies.count - (input.count - refusedCount);
    let at = 0;
    for (let i = 0; i < input.count; i++) {
      const number = this.trailOf[input.rows[i]];
      const isRefused = at < refusedCount && refused[at] === input.rows[i];
      if (isRefused) {
        at++;
        if (number > 0) this.add(number, { brick: this.labelOf(node), verdict: 'dropped', reason: 'noBuffer' });
        continue;
      }
      const row = target++;
      if (number === 0) continue;
      const trails = this.copies.get(node) ?? [];
      this.copies.set(node, trails);
      trails[row] = number;
      this.wait(number);
    }
  }

  ran(node: number, input: { readonly rows: Uint16Array; readonly count: number }): void {
    const { hold } = this.watched.graph.nodes[node];
    const outputs = this.outputsOf(node);
    const seen = new Set<number>();
    for (let i = 0; i < input.count; i++) {
      const row = input.rows[i];
      const number = this.trailOf[row];
      if (number === 0 || seen.has(row)) continue;
      seen.add(row);
      const fresh = hold ? hold.freshRows.subarray(0, hold.lastFresh).indexOf(row) : -1;
      const given = outputs.get(row);
      const isHeld = hold !== undefined && fresh >= 0 && given === undefined;
      if (isHeld) {
        const places = this.held.get(node) ?? new Map<number, number>();
        this.held.set(node, places);
        places.set(hold.waiting[hold.waitingCount - hold.lastFresh + fresh], number);
        this.wait(number);
      }
      this.add(number, this.stepOf(node, row, given, isHeld));
    }
  }

  releasing(node: number): void {
    const { hold } = this.watched.graph.nodes[node];
    this.waitingBefore = hold ? Array.from(hold.waiting.subarray(0, hold.waitingCount)) : [];
  }

  released(node: number): void {
    const { hold } = this.watched.graph.nodes[node];
    const places = this.held.get(node);
    if (!hold || !places || places.size === 0) return;
    const outputs = this.outputsOf(node);
    for (let row = 0; row < hold.goingCount; row++) {
      const number = places.get(hold.going[row]);
      if (number !== undefined) this.add(number, { brick: this.labelOf(node), verdict: 'released', outputs: this.named(node, outputs.get(row) ?? []) });
    }
    this.waitingBefore.forEach((place, index) => {
      const number = places.get(place);
      if (number === undefined || hold.decided[index] !== DROP) return;
      places.delete(place);
      this.add(number, { brick: this.labelOf(node), verdict: 'dropped', reason: 'decision' });
      const trail = this.open.get(number);
      if (trail) trail.waiting--;
      this.close(number);
    });
  }

  sending(): void {
    for (const { list } of this.sinks) list.note();
  }

  sent(): void {
    const lengths = this.watched.current.columns.length;
    const ending = new Set(this.trailOf.filter((number) => number > 0));
    for (const { link, list } of ending.size > 0 ? this.sinks : []) {
      const some = list.settle(lengths);
      for (let i = 0; i < list.count; i++) {
        const number = this.trailOf[list.rows[i]];
        if (number === 0) continue;
        const reason = some ? list.reasons[i] : NO_DROP;
        const likely = reason !== NO_DROP && (reason & LIKELY) !== 0;
        this.add(number, reason === NO_DROP ? { link, verdict: 'sent' } : { link, verdict: 'dropped', reason: DROP_REASONS[reason & ~LIKELY].name, ...(likely ? { likely } : {}) });
      }
    }
    this.trailOf.fill(0);
    for (const number of ending) this.close(number);
  }

  /** It is over: what is still on its way is reported as far as it has come. */
  end(): void {
    for (const number of [...this.open.keys()]) this.report(number, false);
  }

  /** A packet that has waited is now in a row of the batch on its way. */
  private goOn(number: number, row: number): void {
    const trail = this.open.get(number);
    if (!trail) return;
    trail.waiting--;
    this.trailOf[row] = number;
  }

  private wait(number: number): void {
    const trail = this.open.get(number);
    if (trail) trail.waiting++;
  }

  private add(number: number, step: TraceStep): void {
    this.open.get(number)?.steps.push(step);
  }

  private close(number: number): void {
    if (this.open.get(number)?.waiting === 0) this.report(number, true);
  }

  private report(number: number, complete: boolean): void {
    const trail = this.open.get(number);
    if (!trail) return;
    this.open.delete(number);
    this.reported++;
    const { number: same, seconds, nanoseconds, linkType, length, wireLength, head, steps } = trail;
    this.tell({ number: same, seconds, nanoseconds, linkType, length, wireLength, head, steps, complete });
  }

  private stepOf(node: number, row: number, given: readonly number[] | undefined, isHeld: boolean): TraceStep {
    const all = this.watched.graph.nodes[node].outputs.outputs;
    const decided = isHeld ? STAYS : given === undefined ? DROP : given.length > 1 && given.length === all ? ALL : given[0];
    const explanation = this.explain(node, row, decided);
    return {
      brick: this.labelOf(node),
      ...(isHeld ? { verdict: 'held' } : given === undefined ? { verdict: 'dropped', reason: 'decision' } : { verdict: 'passed', outputs: this.named(node, given) }),
      ...explanation,
    };
  }

  /** A brick that can't explain itself harms nobody. */
  private explain(node: number, row: number, output: number): Pick<TraceStep, 'explanation' | 'ask'> {
    try {
      const said: unknown = this.watched.explainer(node)?.(row, output);
      if (said === undefined || said === '') return {};
      if (typeof said !== 'object' || said === null || !('text' in said)) return { explanation: String(said) };
      return { explanation: String(said.text), ...('ask' in said ? { ask: structuredClone(said.ask) } : {}) };
    } catch (error) {
      return { explanation: `(its explanation failed: ${messageOf(error)})` };
    }
  }

  /** The outputs of each traced row. */
  private outputsOf(node: number): Map<number, number[]> {
    const { outputs: { outputs, rows, counts, shift, step } } = this.watched.graph.nodes[node];
    const found = new Map<number, number[]>();
    for (let output = 0; output < outputs; output++) {
      for (let i = 0; i < counts[output]; i++) {
        const row = rows[(output << shift) + (i << step)];
        found.set(row, [...found.get(row) ?? [], output]);
      }
    }
    return found;
  }

  private named(node: number, outputs: readonly number[]): NonNullable<TraceStep['outputs']> {
    const { compiled } = this.watched;
    return outputs.map((output) => ({ output, link: compiled.edges.find((edge) => edge.from === node && edge.output === output)?.link.text ?? compiled.bricks[node].outputs[output] }));
  }

  private labelOf(node: number): string {
    return this.watched.compiled.bricks[node].label;
  }
}
