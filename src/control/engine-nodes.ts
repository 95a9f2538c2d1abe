/** Makes the bricks of an engine, in its thread: each node gets its brick's module anew, so that V8 compiles its functions for this node. */
import type { AnyDefinition, Packets } from '../core/brick';
import type { CellClock } from '../core/cell-clock';
import type { CounterBlock } from '../core/counters';
import { NotedPackets, type CurrentPackets } from '../core/current-packets';
import type { Inbox, Timer } from '../core/engine-timers';
import { BricksError, isBricksError, messageOf } from '../core/errors';
import type { CompiledBrick } from '../core/graph';
import type { GraphMemory, NodeMemory } from '../core/graph-memory';
import type { NodeBrick } from '../core/graph-node';
import { HoldArea } from '../core/hold-area';
import { NodeContext } from '../core/node-context';
import { isWarmable, makeNodeCode, type NodeCode } from '../core/node-code';
import { OwnCounters, OwnCounts } from '../core/own-counters';
import { PacketEditor } from '../core/packet-editor';
import { SideArea } from '../core/side-area';
import type { ColumnName } from '../core/packet-batch';
import { nativeHeadCopier } from '../native/system';
import { PacketReader } from '../flow/packet-view';
import { loadBrickClass } from '../plugins/load-brick';
import { gatedLogger } from './gated-logger';
import { Mailbox } from './mailbox';
import type { EnginePlan } from './engine-protocol';

/** Columns that the packet form reads. */
const PACKET_COLUMNS: readonly ColumnName[] = ['offset', 'length', 'wireLength', 'seconds', 'nanoseconds'];

/** A node's brick: its code, and what is made anew for the warm-up and for the engine. */
export class EngineNode {
  readonly reads: ReadonlySet<ColumnName>;
  private readonly counts: OwnCounts;
  private readonly hold: HoldArea | undefined;
  private readonly copies: SideArea | undefined;
  private readonly made: SideArea | undefined;
  /** What it does by the clock. */
  readonly timers: Timer[] = [];
  private readonly mail: Mailbox | undefined;
  private readonly context: NodeContext;
  private readonly noted: NotedPackets;
  private readonly node: NodeMemory;
  private shared: NodeCode | undefined;

  constructor(
    private readonly index: number, private readonly brick: CompiledBrick, private readonly definition: AnyDefinition, private readonly memory: GraphMemory, clock: CellClock,
    plan: EnginePlan, notice: (text: string) => void,
  ) {
    this.node = memory.nodes[index];
    const { declaration, label, level, outputs } = brick;
    this.counts = new OwnCounts(declaration.counters.length, declaration.gauges.length);
    this.hold = declaration.holds ? new HoldArea(memory.columns) : undefined;
    this.noted = new NotedPackets(memory.current, label);
    const rows = memory.columns.length.length;
    this.copies = brick.copiesFirst ? new SideArea(memory.columns, rows, declaration.headroom) : undefined;
    this.made = declaration.creates ? new SideArea(memory.columns, rows, 0) : undefined;
    const link = plan.controls.find(({ node }) => node === index);
    const toControl = link && new Mailbox(link.fromEngine);
    this.mail = link && definition.onMessage ? new Mailbox(link.toEngine) : undefined;
    this.context = new NodeContext({
      label, declaration, level, outputs: outputs.length, clock, seed: plan.seed, packets: this.noted.packets, current: memory.current, counts: this.counts, hold: this.hold, made: this.made,
      edit: declaration.effect === 'edits' ? new PacketEditor(editable(memory.current), label, declaration.headroom) : undefined,
      addTimer: (nanoseconds, call) => this.timers.push({ node: index, nanoseconds, call }),
      log: gatedLogger((text) => notice(`${label}: ${text}`), () => clock.now), shared: link?.shared, post: (message) => toControl?.post(message) ?? false,
    });
    this.shared = this.makeCode();
    if (definition.onPacket) for (const column of this.byHeads ? [...PACKET_COLUMNS, 'heads' as const] : PACKET_COLUMNS) this.noted.reads.add(column);
    this.noted.seal();
    this.reads = this.noted.reads;
  }

  /** The brick for a graph that counts there. */
  inGraph(counters: CounterBlock): NodeBrick {
    const { brick, definition, context, counts, hold } = this;
    const { declaration } = brick;
    const state: unknown = this.guarded(() => definition.state?.(brick.options, context));
    const code = this.shared ?? this.makeCode();
    if (!isWarmable(definition)) this.shared = undefined;
    const { close } = definition;
    return {
      code, state, hold, copies: this.copies, made: this.made,
      close: close ? () => close(state) : undefined,
      own: new OwnCounters(counts, counters.words, brick.record, declaration.counters.length, declaration.gauges.length),
    };
  }

  /** What its control half sends it. */
  get inbox(): Inbox | undefined {
    const { mail, definition, context, index } = this;
    return mail && { node: index, mail, deliver: (message, state) => definition.onMessage?.(message, state, context) };
  }

  /** What a warm-up has counted and held is forgotten. */
  restart(): void {
    this.context.restart();
    this.copies?.clear();
    this.made?.clear();
  }

  private makeCode(): NodeCode {
    const { brick, definition, context, memory, node, noted } = this;
    return this.guarded(() => makeNodeCode({
      definition, options: brick.options, context, packets: noted.packets, current: memory.current, memory: node, specialise: memory.specialise,
      makeView: () => new PacketReader(memory.current, this.byHeads),
    }));
  }

  /** Whether the packet form reads packets' first bytes from their column: unless it changes them, or nothing native fills it. */
  private get byHeads(): boolean {
    return this.definition.edits !== true && nativeHeadCopier() !== undefined;
  }

  private guarded<Made>(make: () => Made): Made {
    try {
      return make();
    } catch (error) {
      if (isBricksError(error)) throw error;
      const failure = new BricksError('E_BRICK_FAILED', `The brick ${this.brick.label} can't be made: ${messageOf(error)}`);
      if (error instanceof Error && error.stack) failure.stack = error.stack;
      throw failure;
    }
  }
}

/** The packets as an editor changes them: without a note of what is read. */
function editable(current: CurrentPackets): Packets {
  return { ...current.columns, memory: current.memory, batch: current.batch };
}

/** @throws BricksError E_MODULE, E_BRICK_FAILED, or what a brick says of its options */
export async function makeNodes(plan: EnginePlan, memory: GraphMemory, clock: CellClock, notice: (text: string) => void): Promise<EngineNode[]> {
  const nodes: EngineNode[] = [];
  const instances = new Map<string, number>();
  for (const [index, brick] of plan.graph.bricks.entries()) {
    const { module, kind } = brick.specification;
    const instance = instances.get(module.url) ?? 0;
    instances.set(module.url, instance + 1);
    const { definition } = await loadBrickClass(module, kind, instance);
    nodes.push(new EngineNode(index, brick, definition, memory, clock, plan, notice));
  }
  return nodes;
}
