/** A node of an engine's graph: a brick at work, with its lists, its counters and the packets it holds. */
import type { BrickDeclaration } from '../model/brick';
import {
  BRICK_COPIES, BRICK_DROPS, BRICK_HELD, BRICK_NANOSECONDS, BRICK_PACKETS_IN, BRICK_PACKETS_OUT, BRICK_TIMED_BATCHES, BRICK_TIMED_PACKETS,
  addToCounter, setCounter,
} from '../model/counters';
import type { CellClock } from '../context/cell-clock';
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import type { InnerLink, NodeMemory } from '../rows/graph-memory';
import type { HoldArea } from '../buffers/hold-area';
import type { MergedList } from '../rows/merged-list';
import type { NodeCode } from './node-code';
import type { OwnCounters } from '../context/own-counters';
import type { CurrentPackets } from '../context/current-packets';
import type { PacketList, PacketLists } from '../model/packet-list';
import type { SideArea } from '../buffers/side-area';
import { COPIED, UNLISTED } from '../v8/loops';

const DECISION = DROP_REASON_INDEX.decision;
const NO_BUFFER = DROP_REASON_INDEX.noBuffer;
const ENGINE_HUNG = DROP_REASON_INDEX.engineHung;

/** A brick at work in one graph: the engine's, or that of a warm-up. */
export interface NodeBrick {
  readonly code: NodeCode;
  /** What it remembers. */
  readonly state: unknown;
  readonly close: (() => void) | undefined;
  readonly own: OwnCounters;
  readonly hold: HoldArea | undefined;
  /** Copies of packets that it is to change. */
  readonly copies: SideArea | undefined;
  /** Packets that it has made. */
  readonly made: SideArea | undefined;
}

export class GraphNode {
  readonly inputs: readonly InnerLink[];
  readonly outputs: PacketLists;
  readonly merged: MergedList;
  readonly hold: HoldArea | undefined;
  readonly copies: SideArea | undefined;
  readonly made: SideArea | undefined;
  /** Whether it changes packets. */
  readonly edits: boolean;
  /** The rows for whose copies there was no room, of the input that was copied last. */
  readonly refused: Uint16Array;
  private readonly code: NodeCode;
  private readonly own: OwnCounters;

  constructor(
    readonly label: string,
    readonly declaration: BrickDeclaration,
    /** First slot of its counters in `words`. */
    readonly record: number,
    memory: NodeMemory,
    private readonly brick: NodeBrick,
    private readonly words: Uint32Array,
    /** Whether a packet can stand in its input once at most. */
    readonly distinct: boolean,
  ) {
    this.inputs = memory.inputs;
    this.outputs = memory.outputs;
    this.merged = memory.merged;
    this.code = brick.code;
    this.hold = brick.hold;
    this.copies = brick.copies;
    this.refused = new Uint16Array(brick.copies ? memory.room : 0);
    this.made = brick.made;
    this.edits = declaration.effect === 'edits';
    this.own = brick.own;
  }

  /** Whose methods run for each batch. */
  get hotObjects(): object[] {
    const { state } = this.brick;
    return typeof state === 'object' && state !== null ? [this.code, state] : [this.code];
  }

  run(input: PacketList): void {
    this.code.run(input, this.brick.state);
    this.count(input);
  }

  runTimed(input: PacketList, timer: CellClock): void {
    const { words, record } = this;
    timer.read();
    const begin = timer.cell[0];
    this.code.run(input, this.brick.state);
    timer.read();
    addToCounter(words, record + BRICK_NANOSECONDS, Math.min(0x3fffffff, timer.cell[0] - begin) | 0);
    addToCounter(words, record + BRICK_TIMED_BATCHES, 1);
    addToCounter(words, record + BRICK_TIMED_PACKETS, input.count);
    this.count(input);
  }

  /** Takes copies of its packets, which it gets after the batch that is on its way. Returns for how many there was no room. */
  copy(input: PacketList, current: CurrentPackets): number {
    const { copies, words, record, refused } = this;
    const { batch } = current;
    if (!copies || !batch) return 0;
    let without = 0;
    for (let i = 0; i < input.count; i++) {
      if (!copies.copy(batch, input.rows[i])) refused[without++] = input.rows[i];
    }
    if (without === 0) return 0;
    addToCounter(words, record + BRICK_PACKETS_IN, without);
    addToCounter(words, record + BRICK_DROPS + NO_BUFFER, without);
    return without;
  }

  /** In + copies = out + drops + newly held. */
  private count(input: PacketList): void {
    const { words, record, hold } = this;
    const { tally } = this.code;
    let dropped = tally[UNLISTED];
    let copied = tally[COPIED];
    const out = input.count + copied - dropped;
    if (hold) {
      dropped -= hold.takeFresh();
      setCounter(words, record + BRICK_HELD, hold.count);
      // What was held and goes on all the same is a copy.
      if (dropped < 0) copied -= dropped;
    }
    this.own.flush();
    addToCounter(words, record + BRICK_PACKETS_IN, input.count);
    addToCounter(words, record + BRICK_PACKETS_OUT, out);
    if (copied > 0) addToCounter(words, record + BRICK_COPIES, copied);
    if (dropped > 0) addToCounter(words, record + BRICK_DROPS + DECISION, dropped);
  }

  /** Makes held packets that go now rows of their outgoing batch, on the outputs' lists. */
  release(hold: HoldArea, all: boolean): void {
    const dropped = this.code.release(hold, all, this.brick.state);
    this.own.flush();
    if (dropped > 0) {
      addToCounter(this.words, this.record + BRICK_DROPS + DECISION, dropped);
      setCounter(this.words, this.record + BRICK_HELD, hold.count);
    }
  }

  /** The brick has thrown: what it was given is dropped, but for what it holds. */
  countFailed(count: number): void {
    const { words, record, hold } = this;
    this.outputs.counts.fill(0);
    this.own.flush();
    addToCounter(words, record + BRICK_PACKETS_IN, count);
    const lost = count - (hold?.takeFresh() ?? 0);
    if (lost >= 0) addToCounter(words, record + BRICK_DROPS + ENGINE_HUNG, lost);
    else addToCounter(words, record + BRICK_COPIES, -lost);
    if (hold) setCounter(words, record + BRICK_HELD, hold.count);
  }

  /** The brick can't say where the packets go that it holds. */
  dropHeld(): void {
    const { words, record, hold } = this;
    if (!hold) return;
    addToCounter(words, record + BRICK_DROPS + ENGINE_HUNG, hold.count);
    hold.clear();
    setCounter(words, record + BRICK_HELD, 0);
  }

  callBetween(call: (state: unknown) => void): void {
    try {
      call(this.brick.state);
    } finally {
      this.own.flush();
    }
  }

  /** What the brick counts while it closes is counted, too. */
  close(): void {
    if (!this.brick.close) return;
    try {
      this.brick.close();
    } finally {
      this.own.flush();
    }
  }
}
