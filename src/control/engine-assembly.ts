/** Puts an engine together in its own thread: bricks, warm-up, ports, loop. And another graph in place of the one it has. */
import { CellClock } from '../context/cell-clock';
import { EngineTimers } from '../context/engine-timers';
import { OutputReaders } from '../context/output-readers';
import { Engine } from '../core/engine';
import type { EngineSource } from '../core/engine-source';
import { EngineGraph } from '../core/engine-graph';
import { ColumnStages } from '../flow/column-stages';
import { GraphMemory } from '../rows/graph-memory';
import type { Backend } from '../model/backend';
import { CounterPublisher, ENGINE_WARM_UP_MICROSECONDS, createCounterBlock, setCounter, type CounterBlock } from '../model/counters';
import { messageOf } from '../model/errors';
import { carryCounters } from '../model/graph-change';
import type { TellUser } from '../model/outcome';
import { createPacketBatch, type ColumnName } from '../model/packet-batch';
import { nativeHeaderCopier, timeReader } from '../native/system';
import { resolveBackend } from '../plugins/container';
import { loadBackend } from '../plugins/load-backend';
import { collectNow } from '../v8/optimisation';
import { warmUp, type WarmUpInstance } from '../v8/warm-up';
import type { Watchers } from '../watch/watchers';
import { makeNodes, type EngineNode } from './engine-nodes';
import { CONTROL_BRICK, type EnginePlan } from './engine-protocol';
import type { ThreadHost } from './thread-host';
import { ThreadPorts, isOpenedBy, type OpenPorts } from './thread-ports';

/** What a thread has, whatever its graph is. */
interface ThreadParts {
  readonly backend: Backend;
  readonly ports: ThreadPorts;
  readonly clock: CellClock;
  /** For the time that bricks take. */
  readonly timer: CellClock;
  readonly host: ThreadHost;
  readonly notice: TellUser;
  readonly watchers: Watchers;
}

/** An engine with its ports open, ready to run. */
export interface AssembledEngine {
  readonly engine: Engine;
  readonly sources: readonly EngineSource[];
  /** Whose methods run for each batch, and are to stay optimised. */
  readonly hotObjects: readonly object[];
  readonly counters: CounterBlock;
  readonly made: MadeGraph;
  readonly parts: ThreadParts;
}

/** A graph whose bricks were made, and whose links are not open yet. */
interface MadeGraph {
  readonly plan: EnginePlan;
  readonly memory: GraphMemory;
  readonly nodes: readonly EngineNode[];
  /** The columns that its bricks read. */
  readonly reads: ReadonlySet<ColumnName>;
  readonly readers: OutputReaders;
  readonly stages: ColumnStages;
  readonly inEngine: (counters: CounterBlock) => EngineGraph;
}

export async function assembleEngine(plan: EnginePlan, host: ThreadHost, notice: TellUser, watchers: Watchers): Promise<AssembledEngine> {
  const backend = plan.backendModule ? await loadBackend(plan.backendModule) : resolveBackend(plan.backend);
  const ports = new ThreadPorts(plan, backend, notice);
  const parts: ThreadParts = { backend, ports, clock: new CellClock(timeReader), timer: new CellClock(timeReader), host, notice, watchers };
  const made = await makeGraph(plan, parts);
  const warmUpMicroseconds = warmUpOf(made, parts);
  const counters = createCounterBlock(plan.graph.counterSlots);
  setCounter(counters.words, ENGINE_WARM_UP_MICROSECONDS, warmUpMicroseconds);
  const graph = made.inEngine(counters);
  const assembled = assemble(made, parts, graph, counters, ports.open({ ...made, graph, counters }));
  collectNow();
  return assembled;
}

/**
 * Makes another graph for an engine, which may run meanwhile; what is returned then puts it in the place of the one it has, between two batches. No packet is
 * lost by it: what leaving bricks hold goes its way first, and links that both graphs have stay open. If it throws, nothing has changed.
 */
export async function prepareChange(plan: EnginePlan, before: AssembledEngine, running: boolean): Promise<() => AssembledEngine> {
  const { parts } = before;
  parts.ports.prepare(plan);
  const made = await makeGraph(plan, parts, before.made);
  const warmUpMicroseconds = running ? 0 : warmUpOf(made, parts);
  const counters = createCounterBlock(plan.graph.counterSlots);
  const graph = made.inEngine(counters);
  return () => {
    const assembled = takeOver(made, graph, counters, before);
    if (warmUpMicroseconds > 0) setCounter(counters.words, ENGINE_WARM_UP_MICROSECONDS, warmUpMicroseconds);
    assembled.engine.publishNow();
    if (!running) collectNow();
    return assembled;
  };
}

function takeOver(made: MadeGraph, graph: EngineGraph, counters: CounterBlock, before: AssembledEngine): AssembledEngine {
  const { parts, engine } = before;
  const { plan, nodes } = made;
  const staying = new Set(plan.staying.values());
  const leaving = before.made.nodes.flatMap((_, index) => (staying.has(index) ? [] : [index]));
  engine.flush(leaving);
  const open = parts.ports.open({ ...made, graph, counters }, { plan: before.made.plan, sources: before.sources });
  try {
    engine.retire(open.kept, leaving);
  } catch (error) {
    parts.notice(messageOf(error));
  }
  for (const node of nodes) node.settle(made.readers);
  carryCounters(before.made.plan.graph, before.counters.words, plan.graph, counters.words);
  return assemble(made, parts, graph, counters, open);
}

async function makeGraph(plan: EnginePlan, parts: ThreadParts, before: MadeGraph | undefined = undefined): Promise<MadeGraph> {
  const { backend, clock, timer, notice } = parts;
  const interleaves = backend.interleavedLists === true || !plan.graph.sinks.some(({ link }) => isOpenedBy(backend, link));
  const memory = new GraphMemory(plan.graph, plan.batchRows, interleaves, before?.memory);
  const readers = new OutputReaders(plan.graph);
  const nodes = await makeNodes(plan, memory, clock, readers, notice, before);
  const reads = new Set(nodes.flatMap((node) => [...node.reads]));
  const stages = new ColumnStages(memory, {
    reads,
    sourcesFillFlow: plan.graph.sources.every(({ link }) => !isOpenedBy(backend, link) || backend.flowColumns?.(plan.backendOptions) !== false),
    edits: plan.graph.bricks.some(({ declaration }) => declaration.effect === 'edits'),
    copier: nativeHeaderCopier(),
  });
  memory.forgetBefore();
  const working = new Int32Array(plan.control).subarray(CONTROL_BRICK, CONTROL_BRICK + 1);
  return {
    plan, memory, nodes, reads, readers, stages,
    inEngine: (counters) => new EngineGraph(plan.graph, nodes.map((node) => node.inGraph(counters)), memory, counters, timer, working, stages.onEntry, stages.afterEdits),
  };
}

/** How long it took. Bricks that remember something are not to see synthetic packets, and their code is warm. */
function warmUpOf(made: MadeGraph, parts: ThreadParts): number {
  const { staying, warmUpMilliseconds } = made.plan;
  return warmUpMilliseconds > 0 && staying.size === 0 ? warmUp(() => makeInstance(made, parts), parts.host, warmUpMilliseconds) : 0;
}

function makeInstance({ plan, memory, nodes, inEngine }: MadeGraph, { clock }: ThreadParts): WarmUpInstance {
  const counters = createCounterBlock(plan.graph.counterSlots);
  const entries = [...new Set(plan.graph.sources.map((source) => source.brick))];
  for (const node of nodes) node.work.rehearse(true);
  const instance = inEngine(counters);
  return {
    graph: instance, entries, batch: createPacketBatch(plan.batchRows, memory.columns), counters, clock,
    end() {
      for (const node of instance.nodes) node.close();
      for (const node of nodes) {
        node.work.restart();
        node.work.rehearse(false);
      }
    },
  };
}

function assemble(made: MadeGraph, parts: ThreadParts, graph: EngineGraph, counters: CounterBlock, { sources, transmitters }: OpenPorts): AssembledEngine {
  const { plan, nodes, memory, stages } = made;
  for (const { batch } of sources) stages.expect(batch.memory);
  const lossless = sources.length > 0 && sources.every((source) => source.port.lossless);
  const wait = plan.whenFull === 'wait' || (plan.whenFull === 'auto' && lossless);
  const timers = new EngineTimers(nodes.flatMap((node) => node.timers));
  const inboxes = nodes.flatMap(({ inbox }) => (inbox ? [inbox] : []));
  const engine = new Engine(sources, graph, transmitters, counters, new CounterPublisher(counters, plan.counters), parts.clock, parts.host, wait, timers, inboxes);
  parts.watchers.attach({
    compiled: plan.graph, graph, sources, current: memory.current, clock: parts.clock, words: counters.words,
    rows: Math.max(memory.columns.length.length, ...memory.nodes.map(({ outputs, room }) => Math.max(outputs.room, room))),
    arrival: { missing: false },
    explainer: (node) => nodes[node].explainer,
  });
  return { engine, sources, hotObjects: [...engine.hotObjects, ...memory.loops], counters, made, parts };
}
