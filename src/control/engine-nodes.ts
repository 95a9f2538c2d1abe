/** Makes the bricks of an engine, in its thread: each node gets its brick's module anew, so that V8 compiles its functions for this node. */
import type { CellClock } from '../context/cell-clock';
import type { Inbox, Timer } from '../context/engine-timers';
import type { OutputReaders } from '../context/output-readers';
import { OwnCounters } from '../context/own-counters';
import type { GraphMemory, NodeMemory } from '../rows/graph-memory';
import type { NodeBrick } from '../core/graph-node';
import { makeNodeCode, type NodeCode } from '../core/node-code';
import type { ExplainFunction } from '../model/brick';
import type { CounterBlock } from '../model/counters';
import type { CompiledBrick } from '../model/graph';
import type { TellUser } from '../model/outcome';
import type { ColumnName } from '../model/packet-batch';
import { loadBrickClass } from '../plugins/load-brick';
import { isWarmable } from '../v8/warmable';
import type { Explainer } from '../watch/watched-graph';
import { BrickAtWork, type OwnTimer } from './brick-at-work';
import type { EnginePlan } from './engine-protocol';
import { EngineContainer } from '../plugins/engine-container';

/** A brick in its place in a graph: its code, and what is made anew for the warm-up and for the engine. */
export class EngineNode {
  private readonly node: NodeMemory;
  private shared: NodeCode | undefined;
  /** What its code does by the clock. */
  private codeTimers: readonly OwnTimer[] = [];

  /** `before`: the same brick in the graph that this one replaces; it goes on with what it remembers. */
  constructor(private readonly index: number, readonly brick: CompiledBrick, readonly work: BrickAtWork, private readonly memory: GraphMemory, private readonly before: EngineNode | undefined = undefined) {
    this.node = memory.nodes[index];
    if (before?.fits(this) === true) {
      this.shared = before.running;
      this.codeTimers = before.codeTimers;
    }
    if (this.shared) return;
    work.noted.unseal();
    this.shared = work.context.atLevel(brick.level, () => this.makeCode());
    work.seal();
  }

  /** The code of the engine's own graph. */
  private running: NodeCode | undefined;

  get reads(): ReadonlySet<ColumnName> {
    return this.work.noted.reads;
  }

  /** Whether the code that was made for this place does for another one. */
  private fits({ node, brick }: EngineNode): boolean {
    return node.outputs === this.node.outputs && node.inputRows === this.node.inputRows && brick.level === this.brick.level;
  }

  /** Goes from its place in the graph before to this one. */
  settle(readers: OutputReaders): void {
    this.work.context.level = this.brick.level;
    this.work.place = { index: this.index, readers };
  }

  /** The brick for a graph that counts there. */
  inGraph(counters: CounterBlock): NodeBrick {
    const { brick, work } = this;
    const { declaration } = brick;
    const state = this.before ? work.state : work.makeState(brick.options);
    const code = this.shared ?? this.makeCode();
    this.running = code;
    if (!isWarmable(work.definition)) this.shared = undefined;
    return {
      code, state, hold: work.hold, copies: work.copies, made: work.made,
      close: work.definition.close ? () => work.close(state) : undefined,
      own: new OwnCounters(work.counts, counters.words, brick.record, declaration.counters.length, declaration.gauges.length),
    };
  }

  /** How it explains its decisions to those who trace packets; made when it is first asked for. */
  get explainer(): Explainer | undefined {
    const { work, brick } = this;
    const { explain } = work.definition;
    if (!explain) return undefined;
    return (this.explanation ??= makeExplainer(explain(work.noted.packets, brick.options, work.context), work));
  }
  private explanation: Explainer | undefined;

  /** What its control half sends it. */
  get inbox(): Inbox | undefined {
    const { work: { mail, definition, context }, index } = this;
    return mail && { node: index, mail, deliver: (message, state) => definition.onMessage?.(message, state, context) };
  }

  get timers(): readonly Timer[] {
    return [...this.codeTimers, ...this.work.timers].map((timer) => ({ ...timer, node: this.index }));
  }

  private makeCode(): NodeCode {
    const { brick, memory, node, work } = this;
    const { made, timers } = work.collectTimers(() => makeNodeCode({
      definition: work.definition, options: brick.options, context: work.context, packets: work.noted.packets, current: memory.current, memory: node, specialise: memory.specialise,
      makeView: () => work.makeView(),
    }));
    this.codeTimers = timers;
    return made;
  }
}

function makeExplainer(explain: ExplainFunction, work: BrickAtWork): Explainer {
  const view = work.makeReader();
  return (row, output) => {
    view.moveTo(row);
    return explain(row, output, work.state, view);
  };
}

/** The nodes of the graph that another one replaces. */
export interface NodesBefore {
  readonly plan: EnginePlan;
  readonly nodes: readonly EngineNode[];
}

/** @throws BricksError E_MODULE, E_BRICK_FAILED, or what a brick says of its options */
export async function makeNodes(plan: EnginePlan, memory: GraphMemory, clock: CellClock, readers: OutputReaders, notice: TellUser, before: NodesBefore | undefined = undefined): Promise<EngineNode[]> {
  const nodes: EngineNode[] = [];
  const container = new EngineContainer();
  const instances = new Map<string, number>();
  // Functions that another node has are not taken again: V8 compiles what they close over into them.
  for (const { specification: { module } } of before?.plan.graph.bricks ?? []) instances.set(module.url, (instances.get(module.url) ?? 0) + 1);
  const first = before ? 1 : 0;
  for (const [index, brick] of plan.graph.bricks.entries()) {
    const known = before?.nodes[plan.staying.get(index) ?? -1];
    if (known) {
      nodes.push(new EngineNode(index, brick, known.work, memory, known));
      continue;
    }
    const { module, kind } = brick.specification;
    const instance = instances.get(module.url) ?? first;
    instances.set(module.url, instance + 1);
    const { definition } = await loadBrickClass(module, kind, instance);
    nodes.push(new EngineNode(index, brick, new BrickAtWork({ index, readers }, brick, definition, memory, clock, plan, notice, container), memory));
  }
  return nodes;
}
