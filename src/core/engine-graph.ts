/**
 * A compiled graph at work: what an engine calls for each batch. The hot path.
 *
 * Sketch of its cost, 256 packets a batch, load balancer to 4 outputs:
 *     a call of the brick, books of its counts      some 30 ns a batch
 *     the brick's own loop                           4 ns a packet
 * Nothing is allocated here once it is built.
 */
import type { Brick, Fanout } from './brick';
import {
  BRICK_COPIES, BRICK_DROPS, BRICK_NANOSECONDS, BRICK_PACKETS_IN, BRICK_PACKETS_OUT, BRICK_TIMED_BATCHES, BRICK_TIMED_PACKETS,
  LINK_BYTES, LINK_PACKETS, addToCounter, type CounterBlock,
} from './counters';
import { DROP_REASON_INDEX } from './drop-reasons';
import type { CompiledGraph } from './graph';
import { MergedList } from './merged-list';
import type { PacketBatch } from './packet-batch';
import { createPacketLists, type PacketList, type PacketLists } from './packet-list';

/** A brick's time is taken once in so many batches. */
const TIMED_EVERY = 64;
const DECISION = DROP_REASON_INDEX.decision;

/** An inner link, from one brick's output to another's input. */
class InnerLink {
  readonly list: { readonly rows: Uint16Array; count: number };

  constructor(readonly lists: PacketLists, readonly output: number, readonly record: number) {
    this.list = { rows: lists.rows.subarray(output << lists.shift, (output + 1) << lists.shift), count: 0 };
  }
}

export class GraphNode {
  readonly inputs: InnerLink[] = [];
  readonly merged: MergedList;
  constructor(
    readonly brick: Brick,
    readonly fanout: Fanout,
    readonly record: number,
    readonly outputs: PacketLists,
    capacity: number,
  ) {
    this.merged = new MergedList(capacity);
  }
}

export class EngineGraph {
  readonly nodes: GraphNode[];
  /** Each source's list: all rows of its batch. */
  private readonly sourceList: { readonly rows: Uint16Array; count: number };
  private readonly marks: Uint8Array;
  private batchesUntilTimed = TIMED_EVERY;

  /** `bricks[i]` is the brick of `graph.bricks[i]`. `clock` answers nanoseconds. */
  constructor(
    graph: CompiledGraph,
    bricks: readonly Brick[],
    batchRows: number,
    private readonly counters: CounterBlock,
    private readonly clock: () => number,
  ) {
    this.nodes = graph.bricks.map((compiled, index) => new GraphNode(
      bricks[index],
      compiled.outputs.length > 1 || compiled.declaration.fanout === 'one' ? compiled.declaration.fanout : 'one',
      compiled.record,
      createPacketLists(compiled.outputs.length, batchRows * compiled.multiplicity),
      batchRows * compiled.multiplicity,
    ));
    for (const edge of graph.edges) {
      this.nodes[edge.to].inputs.push(new InnerLink(this.nodes[edge.from].outputs, edge.output, edge.record));
    }
    this.sourceList = { rows: Uint16Array.from({ length: batchRows }, (_, row) => row), count: 0 };
    this.marks = new Uint8Array(batchRows);
  }

  /** Sends rows 0 to batch.count - 1 through the bricks, from the one at `entry` on; the leaves' lists then hold them. */
  process(batch: PacketBatch, entry: number): void {
    const nodes = this.nodes;
    const timed = --this.batchesUntilTimed === 0;
    if (timed) this.batchesUntilTimed = TIMED_EVERY;
    this.sourceList.count = batch.count;
    for (let index = entry; index < nodes.length; index++) {
      const node = nodes[index];
      const input = this.inputOf(node, batch, index === entry);
      if (input.count === 0) continue;
      if (timed) this.processTimed(node, batch, input);
      else node.brick.process(batch, input, node.outputs);
      this.keepBooks(node, input);
    }
  }

  private inputOf(node: GraphNode, batch: PacketBatch, entry: boolean): PacketList {
    const inputs = node.inputs;
    if (inputs.length === 0) {
      if (entry) return this.sourceList;
      node.merged.clear();
      return node.merged.list;
    }
    if (inputs.length === 1 && !entry) return this.takeInner(inputs[0], batch);
    node.merged.clear();
    if (entry) node.merged.add(this.sourceList);
    for (let index = 0; index < inputs.length; index++) node.merged.add(this.takeInner(inputs[index], batch));
    return node.merged.list;
  }

  /** Takes what waits on an inner link, and counts it. */
  private takeInner(inner: InnerLink, batch: PacketBatch): PacketList {
    const list = inner.list;
    const count = inner.lists.counts[inner.output];
    inner.lists.counts[inner.output] = 0;
    list.count = count;
    if (count > 0) {
      const rows = list.rows;
      const length = batch.length;
      let bytes = 0;
      for (let i = 0; i < count; i++) bytes += length[rows[i]];
      addToCounter(this.counters.words, inner.record + LINK_PACKETS, count);
      addToCounter(this.counters.words, inner.record + LINK_BYTES, bytes);
    }
    return list;
  }

  private processTimed(node: GraphNode, batch: PacketBatch, input: PacketList): void {
    const words = this.counters.words;
    const count = input.count;
    const begin = this.clock();
    node.brick.process(batch, input, node.outputs);
    addToCounter(words, node.record + BRICK_NANOSECONDS, Math.max(0, Math.round(this.clock() - begin)));
    addToCounter(words, node.record + BRICK_TIMED_BATCHES, 1);
    addToCounter(words, node.record + BRICK_TIMED_PACKETS, count);
  }

  /** In = out - copies + drops, for each brick. */
  private keepBooks(node: GraphNode, input: PacketList): void {
    const words = this.counters.words;
    const counts = node.outputs.counts;
    const outputs = node.outputs.outputs;
    let out = 0;
    for (let output = 0; output < outputs; output++) out += counts[output];
    let dropped = 0;
    if (node.fanout === 'one') {
      dropped = input.count - out;
    } else {
      dropped = node.fanout === 'all' ? (out === 0 ? input.count : 0) : this.countUnlisted(node, input);
      addToCounter(words, node.record + BRICK_COPIES, out + dropped - input.count);
    }
    addToCounter(words, node.record + BRICK_PACKETS_IN, input.count);
    addToCounter(words, node.record + BRICK_PACKETS_OUT, out);
    if (dropped > 0) addToCounter(words, node.record + BRICK_DROPS + DECISION, dropped);
  }

  /** Packets of the input that are on no list. */
  private countUnlisted(node: GraphNode, input: PacketList): number {
    const marks = this.marks;
    const { rows, counts, shift, outputs } = node.outputs;
    for (let i = 0; i < input.count; i++) marks[input.rows[i]] = 0;
    for (let output = 0; output < outputs; output++) {
      const first = output << shift;
      for (let i = 0; i < counts[output]; i++) marks[rows[first + i]] = 1;
    }
    let unlisted = 0;
    for (let i = 0; i < input.count; i++) unlisted += 1 - marks[input.rows[i]];
    return unlisted;
  }
}
