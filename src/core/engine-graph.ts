/**
 * A compiled graph at work: what an engine calls for each batch. The hot path.
 *
 * Sketch of its cost, 256 packets a batch, load balancer to 4 outputs:
 *     a call of the brick, books of its counts      some 30 ns a batch
 *     the brick's own loop                           4 ns a packet
 * Nothing is allocated here once it is built.
 */
import type { Brick, Fanout } from './brick';
import type { CellClock } from './cell-clock';
import {
  BRICK_COPIES, BRICK_DROPS, BRICK_HELD, BRICK_NANOSECONDS, BRICK_PACKETS_IN, BRICK_PACKETS_OUT, BRICK_TIMED_BATCHES, BRICK_TIMED_PACKETS,
  LINK_BYTES, LINK_DROPS, LINK_PACKETS, addToCounter, setCounter, type CounterBlock,
} from './counters';
import { DROP_REASON_INDEX } from './drop-reasons';
import { BricksError, messageOf } from './errors';
import type { CompiledGraph } from './graph';
import type { HeadColumn } from './heads';
import type { FixedList, GraphMemory, InnerLink, NodeMemory } from './graph-memory';
import { HELD_PACKETS_MAXIMUM, type HoldArea } from './hold-area';
import type { MergedList } from './merged-list';
import type { PacketBatch } from './packet-batch';
import type { PacketList, PacketLists } from './packet-list';

/** A brick's time is taken once in so many batches. */
const TIMED_EVERY = 64;
const DECISION = DROP_REASON_INDEX.decision;
const FAILED = DROP_REASON_INDEX.engineHung;
const BACKEND_ERROR = DROP_REASON_INDEX.backendError;

export class GraphNode {
  readonly inputs: readonly InnerLink[];
  readonly outputs: PacketLists;
  readonly listed: () => number;
  readonly merged: MergedList;

  constructor(
    readonly brick: Brick,
    readonly label: string,
    readonly fanout: Fanout,
    readonly record: number,
    memory: NodeMemory,
    readonly hold: HoldArea | undefined,
    /** Whether a packet can stand in its input once at most. */
    readonly distinct: boolean,
  ) {
    this.inputs = memory.inputs;
    this.outputs = memory.outputs;
    this.listed = memory.listed;
    this.merged = memory.merged;
  }
}

/** Fills the flow columns of `count` rows from `first` on (src/flow/columns.ts). */
export type FlowFiller = (batch: PacketBatch, first: number, count: number) => void;

export class EngineGraph {
  readonly nodes: GraphNode[];
  private readonly sinks: readonly { readonly lists: PacketLists; readonly output: number; readonly record: number }[];
  /** Each source's list: all rows of its batch. */
  private readonly sourceList: FixedList;
  private readonly marks: Uint8Array;
  private batchesUntilTimed = TIMED_EVERY;
  private entry = 0;
  /** Bytes on inner links so far, of one batch; and those of the whole batch once they are known, else -1. */
  private innerBytes = 0;
  private wholeBytes = -1;
  /** Rows that the last `releaseHeld` let go. */
  private readonly released = new Uint16Array(HELD_PACKETS_MAXIMUM);
  private releasedCount = 0;

  /**
   * `bricks[i]` is the brick of `graph.bricks[i]`. `timer` is the graph's own. `working[0]` tells others which
   * brick is at work: its index + 1, or 0 for none.
   */
  constructor(
    graph: CompiledGraph,
    bricks: readonly Brick[],
    memory: GraphMemory,
    private readonly counters: CounterBlock,
    private readonly timer: CellClock,
    private readonly working: Int32Array = new Int32Array(1),
    /** `holds[i]` is where the brick of `graph.bricks[i]` holds packets, if it does. */
    holds: readonly (HoldArea | undefined)[] = [],
    /** Where a brick reads heads. */
    private readonly heads?: HeadColumn,
    /** Where a brick reads flow columns and a source does not fill them. */
    private readonly fillFlow?: FlowFiller,
  ) {
    this.nodes = graph.bricks.map((compiled, index) => new GraphNode(
      bricks[index],
      compiled.label,
      compiled.outputs.length > 1 || compiled.declaration.fanout === 'one' ? compiled.declaration.fanout : 'one',
      compiled.record,
      memory.nodes[index],
      holds[index],
      compiled.multiplicity === 1,
    ));
    this.sinks = graph.sinks.map((sink) => ({ lists: this.nodes[sink.brick].outputs, output: sink.output, record: sink.record }));
    this.sourceList = memory.whole;
    this.marks = new Uint8Array(memory.columns.length.length);
  }

  /** Sends rows 0 to batch.count - 1 through the bricks, from the one at `entry` on; the leaves' lists then hold them. */
  process(batch: PacketBatch, entry: number): void {
    this.entry = entry;
    this.innerBytes = 0;
    this.wholeBytes = -1;
    this.sourceList.count = batch.count;
    this.heads?.fill(batch, batch.count);
    this.fillFlow?.(batch, 0, batch.count);
    this.processFrom(batch, entry);
  }

  private processFrom(batch: PacketBatch, first: number): void {
    const nodes = this.nodes;
    const entry = this.entry;
    const working = this.working;
    const timed = --this.batchesUntilTimed === 0;
    if (timed) this.batchesUntilTimed = TIMED_EVERY;
    for (let index = first; index < nodes.length; index++) {
      const node = nodes[index];
      const input = this.inputOf(node, index === entry);
      if (input.count === 0) continue;
      working[0] = index + 1;
      if (timed) this.processTimed(node, batch, input);
      else node.brick.process(batch, input, node.outputs);
      this.keepBooks(node, input);
    }
    working[0] = 0;
  }

  /** Packets that bricks hold. */
  get held(): number {
    let held = 0;
    for (let index = 0; index < this.nodes.length; index++) held += this.nodes[index].hold?.count ?? 0;
    return held;
  }

  /**
   * Lets brick `index` release what it holds, and sends that through the bricks behind it. The leaves' lists then
   * hold rows of the batch that is answered (`outgoing` of its hold area); `freeHeld` gives them back once they were sent. Nothing: none to go.
   */
  releaseHeld(index: number, all: boolean): PacketBatch | undefined {
    const node = this.nodes[index];
    const { hold, outputs } = node;
    if (!hold || hold.count === 0 || !node.brick.releaseHeld) return undefined;
    this.working[0] = index + 1;
    node.brick.releaseHeld(hold.batch, outputs, all);
    let out = 0;
    for (let output = 0; output < outputs.outputs; output++) {
      const first = output << outputs.shift;
      for (let i = 0; i < outputs.counts[output]; i++) {
        const at = first + (i << outputs.step);
        const row = outputs.rows[at];
        hold.load(row, out);
        outputs.rows[at] = out;
        this.released[out++] = row;
      }
    }
    this.releasedCount = out;
    if (out > 0) {
      addToCounter(this.counters.words, node.record + BRICK_PACKETS_OUT, out);
      setCounter(this.counters.words, node.record + BRICK_HELD, hold.count - out);
      this.entry = -1;
      this.heads?.fill(hold.outgoing, out);
      this.processFrom(hold.outgoing, index + 1);
    }
    this.working[0] = 0;
    return out > 0 ? hold.outgoing : undefined;
  }

  /** Gives back the rows of the last `releaseHeld`. */
  freeHeld(index: number): void {
    const { hold } = this.nodes[index];
    for (let i = 0; i < this.releasedCount; i++) hold?.release(this.released[i]);
    this.releasedCount = 0;
  }

  /** What `process` threw, with the name of the brick that did. */
  nameFailure(error: unknown): unknown {
    const node = this.nodes[this.working[0] - 1];
    if (!node) return error;
    const named = new BricksError('E_BRICK_FAILED', `The brick ${node.label} failed: ${messageOf(error)}`);
    if (error instanceof Error && error.stack) named.stack = error.stack;
    return named;
  }

  /** After a port has failed: what still lies on the sinks' lists is dropped, and counted so. */
  dropListed(): void {
    for (const { lists, output, record } of this.sinks) {
      addToCounter(this.counters.words, record + LINK_DROPS + BACKEND_ERROR, lists.counts[output]);
      lists.counts[output] = 0;
    }
  }

  /** After a brick has thrown (where it let go what it holds: its index): what it was given is dropped, and counted so; the rest of the batch goes its way. */
  abandon(batch: PacketBatch, releasing = -1): void {
    if (this.working[0] === releasing + 1) {
      // It failed while it let go what it holds: all that is held still.
      this.nodes[releasing].outputs.counts.fill(0);
      this.releasedCount = 0;
      this.working[0] = 0;
    }
    while (this.working[0] > 0) {
      const index = this.working[0] - 1;
      const node = this.nodes[index];
      const words = this.counters.words;
      const count = this.lastInputCount(node);
      node.outputs.counts.fill(0);
      addToCounter(words, node.record + BRICK_PACKETS_IN, count);
      addToCounter(words, node.record + BRICK_DROPS + FAILED, count - (node.hold?.takeFresh() ?? 0));
      if (node.hold) setCounter(words, node.record + BRICK_HELD, node.hold.count);
      try {
        this.processFrom(batch, index + 1);
      } catch {
        // Another one: the loop drops what that one was given.
      }
      if (this.working[0] === index + 1) this.working[0] = 0;
    }
  }

  /** How many packets the node that is at work was given. */
  private lastInputCount(node: GraphNode): number {
    const merges = node.inputs.length > 1 || (node.inputs.length === 1 && this.nodes[this.entry] === node);
    if (merges) return node.merged.list.count;
    return node.inputs.length === 1 ? node.inputs[0].list.count : this.sourceList.count;
  }

  private inputOf(node: GraphNode, entry: boolean): PacketList {
    const inputs = node.inputs;
    if (inputs.length === 0) {
      if (entry) return this.sourceList;
      node.merged.clear();
      return node.merged.list;
    }
    if (inputs.length === 1 && !entry) return this.takeOnly(inputs[0], node);
    node.merged.clear();
    if (node.distinct) {
      if (!entry && this.takeWholeBatch(node)) return this.sourceList;
      if (entry) node.merged.mark(0);
      for (let index = 0; index < inputs.length; index++) {
        this.takeInner(inputs[index]);
        node.merged.mark(index + 1);
      }
      node.merged.collect();
      return node.merged.list;
    }
    if (entry) node.merged.add(this.sourceList);
    for (let index = 0; index < inputs.length; index++) node.merged.add(this.takeInner(inputs[index]));
    return node.merged.list;
  }

  /** Where the inputs hold all packets of the batch between them, merging gives the list that it began with. */
  private takeWholeBatch(node: GraphNode): boolean {
    const inputs = node.inputs;
    let waiting = 0;
    for (let index = 0; index < inputs.length; index++) waiting += inputs[index].lists.counts[inputs[index].output];
    if (this.entry < 0 || waiting !== this.sourceList.count) return false;
    const before = this.innerBytes;
    for (let index = 0; index < inputs.length; index++) this.takeInner(inputs[index]);
    this.wholeBytes = this.innerBytes - before;
    node.merged.list.count = waiting;
    return true;
  }

  /** The only input of a node. One with all packets of the batch is the list that it began with. */
  private takeOnly(inner: InnerLink, node: GraphNode): PacketList {
    const count = inner.lists.counts[inner.output];
    if (!node.distinct || this.entry < 0 || count !== this.sourceList.count) return this.takeInner(inner);
    if (this.wholeBytes < 0) {
      const before = this.innerBytes;
      this.takeInner(inner);
      this.wholeBytes = this.innerBytes - before;
    } else {
      this.countInner(inner, count, this.wholeBytes);
    }
    return this.sourceList;
  }

  /** Takes what waits on an inner link, and counts it. */
  private takeInner(inner: InnerLink): PacketList {
    const count = inner.lists.counts[inner.output];
    this.countInner(inner, count, count > 0 ? inner.bytes(count) : 0);
    return inner.list;
  }

  private countInner(inner: InnerLink, count: number, bytes: number): void {
    inner.lists.counts[inner.output] = 0;
    inner.list.count = count;
    this.innerBytes += bytes;
    addToCounter(this.counters.words, inner.record + LINK_PACKETS, count);
    addToCounter(this.counters.words, inner.record + LINK_BYTES, bytes);
  }

  private processTimed(node: GraphNode, batch: PacketBatch, input: PacketList): void {
    const words = this.counters.words;
    const count = input.count;
    const { timer } = this;
    timer.read();
    const begin = timer.cell[0];
    node.brick.process(batch, input, node.outputs);
    timer.read();
    addToCounter(words, node.record + BRICK_NANOSECONDS, Math.min(0x3fffffff, timer.cell[0] - begin) | 0);
    addToCounter(words, node.record + BRICK_TIMED_BATCHES, 1);
    addToCounter(words, node.record + BRICK_TIMED_PACKETS, count);
  }

  /** In = out - copies + drops, for each brick. */
  private keepBooks(node: GraphNode, input: PacketList): void {
    const words = this.counters.words;
    const out = node.listed();
    let dropped = 0;
    if (node.fanout === 'one') {
      dropped = input.count - out;
      if (node.hold) {
        dropped -= node.hold.takeFresh();
        setCounter(words, node.record + BRICK_HELD, node.hold.count);
      }
    } else {
      dropped = node.fanout === 'all' ? (out === 0 ? input.count : 0) : this.countUnlisted(node, input);
      // Fewer than came in, though each is on some list: a packet that came in twice went on once.
      dropped = Math.max(dropped, input.count - out);
      addToCounter(words, node.record + BRICK_COPIES, out + dropped - input.count);
    }
    addToCounter(words, node.record + BRICK_PACKETS_IN, input.count);
    addToCounter(words, node.record + BRICK_PACKETS_OUT, out);
    if (dropped > 0) addToCounter(words, node.record + BRICK_DROPS + DECISION, dropped);
  }

  /** Packets of the input that are on no list. */
  private countUnlisted(node: GraphNode, input: PacketList): number {
    const marks = this.marks;
    const { rows, counts, shift, step, outputs } = node.outputs;
    for (let i = 0; i < input.count; i++) marks[input.rows[i]] = 0;
    for (let output = 0; output < outputs; output++) {
      const first = output << shift;
      for (let i = 0; i < counts[output]; i++) marks[rows[first + (i << step)]] = 1;
    }
    let unlisted = 0;
    for (let i = 0; i < input.count; i++) unlisted += 1 - marks[input.rows[i]];
    return unlisted;
  }
}
