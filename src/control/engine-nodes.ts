/** Makes the bricks of an engine, in its thread: each node gets its brick's module anew, so that V8 compiles its functions for this node. */
import type { AnyDefinition, Packets } from '../model/brick';
import type { CellClock } from '../context/cell-clock';
import type { CounterBlock } from '../model/counters';
import { NotedPackets, type CurrentPackets } from '../context/current-packets';
import type { Inbox, Timer } from '../context/engine-timers';
import { BricksError, isBricksError, messageOf } from '../model/errors';
import type { CompiledBrick } from '../model/graph';
import type { GraphMemory, NodeMemory } from '../core/graph-memory';
import type { NodeBrick } from '../core/graph-node';
import { HoldArea } from '../buffers/hold-area';
import { NodeContext } from '../context/node-context';
import type { OutputReaders } from '../context/output-readers';
import { isWarmable, makeNodeCode, type NodeCode } from '../core/node-code';
import { OwnCounters, OwnCounts } from '../context/own-counters';
import { PacketEditor } from '../buffers/packet-editor';
import { SideArea } from '../buffers/side-area';
import type { ColumnName } from '../model/packet-batch';
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
  private readonly mail: Mailbox | undefined;
  /** What its code does by the clock, and what its state does. */
  private codeTimers: readonly Timer[] = [];
  private stateTimers: readonly Timer[] = [];
  /** Where those go that are asked for; while packets come, nowhere. */
  private newTimers: Timer[] | undefined;
  private readonly editor: PacketEditor | undefined;
  private readonly context: NodeContext;
  private readonly noted: NotedPackets;
  private readonly node: NodeMemory;
  private shared: NodeCode | undefined;

  constructor(
    private readonly index: number, private readonly brick: CompiledBrick, private readonly definition: AnyDefinition, private readonly memory: GraphMemory, clock: CellClock,
    plan: Pick<EnginePlan, 'controls' | 'seed'>, readers: OutputReaders, notice: (text: string) => void,
  ) {
    this.node = memory.nodes[index];
    const { declaration, label, level, outputs } = brick;
    this.counts = new OwnCounts(declaration.counters.length, declaration.gauges.length);
    this.hold = declaration.holds ? new HoldArea(memory.columns) : undefined;
    this.noted = new NotedPackets(memory.current, label);
    const rows = memory.columns.length.length;
    this.copies = brick.copiesFirst ? new SideArea(memory.columns, rows, declaration.headroom) : undefined;
    this.made = declaration.creates ? new SideArea(memory.columns, memory.sideRows, 0) : undefined;
    this.editor = declaration.effect === 'edits' ? new PacketEditor(editable(memory.current), label, this.copies) : undefined;
    const link = plan.controls.find(({ node }) => node === index);
    const toControl = link && new Mailbox(link.fromEngine);
    this.mail = link && definition.onMessage ? new Mailbox(link.toEngine) : undefined;
    this.context = new NodeContext({
      label, declaration, level, outputNames: outputs, clock, seed: plan.seed, packets: this.noted.packets, current: memory.current, counts: this.counts, hold: this.hold, made: this.made,
      edit: this.editor, hasReader: (output) => readers.hasReader(index, output),
      addTimer: (nanoseconds, call) => {
        if (!this.newTimers) throw new BricksError('E_ARGUMENT', `The brick ${label} asks for a timer while packets come.`, 'Ask for it in choose, onPacket, process or state, before the function of a packet is returned.');
        this.newTimers.push({ node: index, nanoseconds, call });
      },
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
    this.newTimers = [];
    const state: unknown = this.guarded(() => definition.state?.(brick.options, context));
    this.stateTimers = this.newTimers;
    this.newTimers = undefined;
    const code = this.shared ?? this.makeCode();
    if (!isWarmable(definition)) this.shared = undefined;
    const { close } = definition;
    return {
      code, state, hold, copies: this.copies, made: this.made,
      close: close ? () => this.guarded(() => close(state), 'failed while it closed') : undefined,
      own: new OwnCounters(counts, counters.words, brick.record, declaration.counters.length, declaration.gauges.length),
    };
  }

  /** What its control half sends it. */
  get inbox(): Inbox | undefined {
    const { mail, definition, context, index } = this;
    return mail && { node: index, mail, deliver: (message, state) => definition.onMessage?.(message, state, context) };
  }

  get timers(): readonly Timer[] {
    return [...this.codeTimers, ...this.stateTimers];
  }

  /** What a warm-up has counted and held is forgotten. */
  restart(): void {
    this.context.restart();
    this.copies?.clear();
    this.made?.clear();
  }

  private makeCode(): NodeCode {
    const { brick, definition, context, memory, node, noted } = this;
    this.newTimers = [];
    const code = this.guarded(() => makeNodeCode({
      definition, options: brick.options, context, packets: noted.packets, current: memory.current, memory: node, specialise: memory.specialise,
      makeView: () => this.makeView(),
    }));
    this.codeTimers = this.newTimers;
    this.newTimers = undefined;
    return code;
  }

  /** Whether the packet form reads packets' first bytes from their column: unless it changes them, or nothing native fills it. */
  private get byHeads(): boolean {
    return this.definition.edits !== true && nativeHeadCopier() !== undefined;
  }

  /** A view that follows the packet where the brick moves it. */
  private makeView(): PacketReader {
    const { editor, memory: { current } } = this;
    const view = new PacketReader(current, this.byHeads);
    if (editor) {
      editor.onChange = (row) => {
        if (row === view.row) view.moveTo(row);
      };
    }
    return view;
  }

  private guarded<Made>(make: () => Made, what = 'can\'t be made'): Made {
    try {
      return make();
    } catch (error) {
      if (isBricksError(error)) throw error;
      const failure = new BricksError('E_BRICK_FAILED', `The brick ${this.brick.label} ${what}: ${messageOf(error)}`);
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
export async function makeNodes(plan: EnginePlan, memory: GraphMemory, clock: CellClock, readers: OutputReaders, notice: (text: string) => void): Promise<EngineNode[]> {
  const nodes: EngineNode[] = [];
  const instances = new Map<string, number>();
  for (const [index, brick] of plan.graph.bricks.entries()) {
    const { module, kind } = brick.specification;
    const instance = instances.get(module.url) ?? 0;
    instances.set(module.url, instance + 1);
    const { definition } = await loadBrickClass(module, kind, instance);
    nodes.push(new EngineNode(index, brick, definition, memory, clock, plan, readers, notice));
  }
  return nodes;
}
