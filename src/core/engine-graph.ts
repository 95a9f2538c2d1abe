/**
 * A compiled graph at work: what an engine calls for each batch. The hot path, in which nothing is allocated.
 * Cost with a load balancer to 4 outputs: some 30 ns a batch for the call and the counters, 3 ns a packet for the loop.
 */
import type { CellClock } from '../context/cell-clock';
import { BRICK_CREATED, BRICK_HELD, BRICK_PACKETS_OUT, LINK_DROPS, addToCounter, setCounter, type CounterBlock } from '../model/counters';
import type { CurrentPackets } from '../context/current-packets';
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import { BricksError, messageOf } from '../model/errors';
import { MESSAGES_A_ROUND, type EngineTimers, type Inbox } from '../context/engine-timers';
import type { CompiledGraph } from '../model/graph';
import type { FixedList, GraphMemory } from '../rows/graph-memory';
import { GraphNode, type NodeBrick } from './graph-node';
import { LOOK_BRICKS, LOOK_ENTERED, Watch } from './graph-watcher';
import { NodeInputs } from './node-inputs';
import type { PacketBatch } from '../model/packet-batch';
import type { PacketLists } from '../model/packet-list';
import { SIDE_COPIED, SIDE_HELD, SIDE_MADE, type BatchStage, type SideKind } from './side-batch';

/** A brick's time is taken in one of so many batches, side batches that follow it included. */
const TIMED_EVERY_BATCHES = 64;
const BACKEND_ERROR = DROP_REASON_INDEX.backendError;

export class EngineGraph {
  readonly nodes: GraphNode[];
  /** Who looks at packets on their way. */
  readonly watch = new Watch();
  private readonly sinks: readonly { readonly lists: PacketLists; readonly output: number; readonly record: number }[];
  /** All rows of the batch on its way. */
  private readonly allRows: FixedList;
  private readonly current: CurrentPackets;
  private readonly inputs: NodeInputs;
  private batchesUntilTimed = TIMED_EVERY_BATCHES;
  private timed = false;
  private entry = 0;
  /** The node whose side batch is on its way, or -1, and which of its kinds. */
  private sideNode = -1;
  private sideKind: SideKind = SIDE_HELD;
  /** Nodes that may have side batches. */
  /** Bricks at which packets may wait beside the batch that is on its way. */
  readonly sideNodes: readonly number[];
  /** Whether a brick is called between batches. */
  private between = false;

  /**
   * `bricks[i]` is the brick of `graph.bricks[i]`. `stopwatch` is the graph's own. `working[0]` is the
   * index + 1 of the brick at work, or 0 for none. It stays set when a brick throws: the watchdog reads it, and `abandon` goes on behind that brick.
   */
  constructor(
    graph: CompiledGraph,
    bricks: readonly NodeBrick[],
    memory: GraphMemory,
    private readonly counters: CounterBlock,
    private readonly stopwatch: CellClock,
    private readonly working: Int32Array = new Int32Array(1),
    /** Run when a batch enters. */
    private readonly stages: readonly BatchStage[] = [],
    /** Run behind a brick that has changed packets. */
    private readonly afterEdits: readonly BatchStage[] = stages,
  ) {
    this.nodes = graph.bricks.map(({ label, declaration, record, multiplicity }, index) => (
      new GraphNode(label, declaration, record, memory.nodes[index], bricks[index], counters.words, multiplicity === 1)
    ));
    this.sinks = graph.sinks.map((sink) => ({ lists: this.nodes[sink.brick].outputs, output: sink.output, record: sink.record }));
    this.sideNodes = this.nodes.flatMap(({ hold, copies, made }, index) => (hold || copies || made ? [index] : []));
    this.allRows = memory.allRows;
    this.current = memory.current;
    this.inputs = new NodeInputs(this.allRows, counters.words);
  }

  /** What runs for every batch, for the count of deoptimisations. */
  get hotObjects(): object[] {
    return [this, this.inputs, ...this.nodes.flatMap((node) => node.hotObjects)];
  }

  /** Sends rows 0 to batch.count - 1 through the bricks, from the one at `entry` on; the leaves' lists then hold them. */
  process(batch: PacketBatch, entry: number): void {
    this.entry = entry;
    this.timed = --this.batchesUntilTimed === 0;
    if (this.timed) this.batchesUntilTimed = TIMED_EVERY_BATCHES;
    this.enter(batch, batch.count, true);
    if ((this.watch.on[0] & LOOK_ENTERED) !== 0) this.watch.watcher.entered(batch);
    this.processFrom(entry);
  }

  private enter(batch: PacketBatch, count: number, ofSource: boolean): void {
    const { stages } = this;
    this.allRows.count = count;
    this.inputs.begin(ofSource);
    this.current.enter(batch, count);
    for (let index = 0; index < stages.length; index++) stages[index].fill(batch, count);
  }

  private processFrom(first: number): void {
    const nodes = this.nodes;
    const entry = this.entry;
    const working = this.working;
    const watched = (this.watch.on[0] & LOOK_BRICKS) !== 0;
    const timed = this.timed;
    for (let index = first; index < nodes.length; index++) {
      const node = nodes[index];
      const input = this.inputs.of(node, index === entry);
      if (input.count === 0) continue;
      if (watched) this.watch.watcher.given(index);
      working[0] = index + 1;
      if (node.copies) {
        const refused = node.copy(input, this.current);
        if (watched) this.watch.watcher.copied(index, input, refused);
        continue;
      }
      if (timed) node.runTimed(input, this.stopwatch);
      else node.run(input);
      if (watched) this.watch.watcher.ran(index, input);
      if (node.edits) this.refill();
    }
    working[0] = 0;
  }

  /** Whether packets wait beside the batch that is on its way: held ones, copies to be changed, packets that bricks have made. */
  get sidesWait(): boolean {
    for (let at = 0; at < this.sideNodes.length; at++) {
      const { hold, copies, made } = this.nodes[this.sideNodes[at]];
      if ((hold && hold.count > 0) || (copies && copies.count > 0) || (made && made.count > 0)) return true;
    }
    return false;
  }

  /**
   * Sends what waits at node `index` through the graph, kind by kind; the leaves' lists then hold rows of the batch that is returned, and
   * `endSide` is to be called once they were sent. Undefined: nothing of that kind goes now. `all`: no held packet may stay.
   */
  side(index: number, kind: SideKind, all: boolean): PacketBatch | undefined {
    this.sideNode = index;
    this.sideKind = kind;
    const batch = kind === SIDE_COPIED ? this.runCopies(index) : kind === SIDE_HELD ? this.releaseHeld(index, all) : this.sendMade(index);
    if (batch === undefined) this.sideNode = -1;
    this.working[0] = 0;
    return batch;
  }

  /** The packets of the last `side` have gone. */
  endSide(): void {
    const node = this.nodes[this.sideNode];
    if (this.sideKind === SIDE_HELD) node.hold?.releaseGone();
    else if (this.sideKind === SIDE_COPIED) node.copies?.clear();
    else node.made?.clear();
    this.sideNode = -1;
  }

  /** The batch of the side that is on its way, if one is. */
  get sideBatch(): PacketBatch | undefined {
    const node = this.nodes[this.sideNode];
    return this.sideKind === SIDE_HELD ? node?.hold?.outgoing : this.sideKind === SIDE_COPIED ? node?.copies?.outgoing : node?.made?.outgoing;
  }

  /** Calls the timers that are due. Packets that bricks make in them wait as side batches. */
  runTimers(timers: EngineTimers, now: number): void {
    timers.run(now, ({ node, call }) => this.callBetween(node, call));
  }

  /** Delivers what control halves have sent. */
  deliver({ node, mail, deliver }: Inbox): void {
    for (let left = MESSAGES_A_ROUND; left > 0; left--) {
      const next = mail.take();
      if (next === undefined) return;
      this.callBetween(node, (state) => deliver(next.message, state));
    }
  }

  /** Calls a brick between batches. */
  private callBetween(node: number, call: (state: unknown) => void): void {
    this.current.leave();
    this.between = true;
    this.working[0] = node + 1;
    this.nodes[node].callBetween(call);
    this.working[0] = 0;
    this.between = false;
  }

  private runCopies(index: number): PacketBatch | undefined {
    const node = this.nodes[index];
    if (!node.copies || node.copies.count === 0) return undefined;
    const batch = node.copies.load();
    this.enterSide(index, SIDE_COPIED, batch, batch.count);
    this.working[0] = index + 1;
    if (this.timed) node.runTimed(this.allRows, this.stopwatch);
    else node.run(this.allRows);
    if ((this.watch.on[0] & LOOK_BRICKS) !== 0) this.watch.watcher.ran(index, this.allRows);
    this.refill();
    this.processFrom(index + 1);
    return batch;
  }

  private sendMade(index: number): PacketBatch | undefined {
    const { made, outputs, record } = this.nodes[index];
    if (!made || made.count === 0) return undefined;
    const batch = made.load();
    this.enterSide(index, SIDE_MADE, batch, batch.count);
    for (let row = 0; row < batch.count; row++) {
      const output = made.outputs[row];
      outputs.rows[(output << outputs.shift) + (outputs.counts[output]++ << outputs.step)] = row;
    }
    addToCounter(this.counters.words, record + BRICK_CREATED, batch.count);
    addToCounter(this.counters.words, record + BRICK_PACKETS_OUT, batch.count);
    this.processFrom(index + 1);
    return batch;
  }

  private releaseHeld(index: number, all: boolean): PacketBatch | undefined {
    const node = this.nodes[index];
    const { hold } = node;
    if (!hold || hold.count === 0) return undefined;
    this.working[0] = index + 1;
    this.current.leave();
    const watched = (this.watch.on[0] & LOOK_BRICKS) !== 0;
    if (watched) this.watch.watcher.releasing(index);
    node.release(hold, all);
    if (watched) this.watch.watcher.released(index);
    const out = hold.goingCount;
    if (out === 0) return undefined;
    addToCounter(this.counters.words, node.record + BRICK_PACKETS_OUT, out);
    setCounter(this.counters.words, node.record + BRICK_HELD, hold.count - out);
    this.enterSide(index, SIDE_HELD, hold.outgoing, out);
    this.processFrom(index + 1);
    return hold.outgoing;
  }

  private enterSide(node: number, kind: SideKind, batch: PacketBatch, count: number): void {
    this.entry = -1;
    this.enter(batch, count, false);
    if ((this.watch.on[0] & LOOK_ENTERED) !== 0) this.watch.watcher.enteredSide(node, kind, batch);
  }

  /** Behind a brick that has changed packets, what comes from their bytes is worked out again. */
  private refill(): void {
    this.inputs.bytesChanged();
    const { batch, batchInfo } = this.current;
    if (!batch) return;
    for (let index = 0; index < this.afterEdits.length; index++) this.afterEdits[index].fill(batch, batchInfo.count);
  }

  /** Whether what was thrown last came from a brick. */
  get brickFailed(): boolean {
    return this.working[0] !== 0;
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

  /** Whether a brick has thrown between batches: no packet is on its way then, and what it made before may go. */
  abandonCall(): boolean {
    if (!this.between) return false;
    this.working[0] = 0;
    this.between = false;
    return true;
  }

  /**
   * After a brick has thrown: what it was given is dropped, and counted so; the rest of the batch goes its way. What it holds, where it failed
   * to say which of them go, it holds still, unless this is the `end`.
   */
  abandon(end: boolean): void {
    const side = this.sideNode;
    if (side >= 0 && this.working[0] === side + 1 && this.sideKind !== SIDE_COPIED) {
      if (end) {
        if ((this.watch.on[0] & LOOK_BRICKS) !== 0) this.watch.watcher.lostHeld(side);
        this.nodes[side].dropHeld();
      }
      this.working[0] = 0;
    }
    while (this.working[0] > 0) {
      const index = this.working[0] - 1;
      const node = this.nodes[index];
      const input = index === side ? this.allRows : this.inputs.last(node, index === this.entry);
      node.countFailed(input.count);
      if ((this.watch.on[0] & LOOK_BRICKS) !== 0) this.watch.watcher.failed(index, input);
      try {
        this.processFrom(index + 1);
      } catch {
        // Another brick has thrown: the loop goes on with that one.
      }
      if (this.working[0] === index + 1) this.working[0] = 0;
    }
  }
}
