/** What a brick knows of its engine. */
import type { BrickContext, EngineClock } from '../core/brick';
import { BRICK_OWN, BRICK_OWN_MAXIMUM, addToCounter, type CounterBlock } from '../core/counters';
import { BricksError } from '../core/errors';
import type { CompiledBrick } from '../core/graph';
import type { GraphMemory, NodeMemory } from '../core/graph-memory';
import type { HoldArea } from '../core/hold-area';
import type { PacketBatch, PacketColumns } from '../core/packet-batch';
import type { PacketLists } from '../core/packet-list';

/**
 * A class, so that a brick and its warm-up twin call the same functions: V8 compiles in which function it saw, and would
 * throw its code away at another one.
 */
export class NodeContext implements BrickContext {
  readonly outputs: number;
  readonly level: number;
  readonly columns: PacketColumns;
  readonly lists: PacketLists;
  readonly inputRows: Uint16Array;
  readonly specialise: BrickContext['specialise'];
  private readonly words: Uint32Array;
  private readonly own: number;

  constructor(
    private readonly brick: CompiledBrick, memory: GraphMemory, node: NodeMemory, counters: CounterBlock, readonly clock: EngineClock,
    private readonly area: HoldArea | undefined,
  ) {
    this.outputs = brick.outputs.length;
    this.level = brick.level;
    this.columns = memory.columns;
    this.lists = node.outputs;
    this.inputRows = node.inputRows;
    this.specialise = memory.specialise;
    this.words = counters.words;
    this.own = brick.record + BRICK_OWN;
  }

  counterIndex(name: string): number {
    const index = this.brick.declaration.counters.findIndex((counter) => counter.name === name);
    if (index < 0 || index >= BRICK_OWN_MAXIMUM) throw new BricksError('E_BRICK_COUNTER', `${this.brick.label} has not declared the counter "${name}".`);
    return index;
  }

  count(name: string, amount: number): void {
    addToCounter(this.words, this.own + this.counterIndex(name), amount);
  }

  countAt(index: number, amount: number): void {
    addToCounter(this.words, this.own + index, amount);
  }

  hold(batch: PacketBatch, row: number): number {
    return this.area ? this.area.keep(batch, row) : -1;
  }
}
