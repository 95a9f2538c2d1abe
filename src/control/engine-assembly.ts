/** Puts an engine together in its own thread: bricks, warm-up, ports, loop. */
import type { PortOpener, SinkRequest, SourceRequest, Transmitter, OpenContext, SourcePort } from '../core/backend';
import type { Brick, BrickModule } from '../core/brick';
import { CellClock } from '../core/cell-clock';
import { CounterPublisher, ENGINE_WARM_UP_MICROSECONDS, createCounterBlock, setCounter, type CounterBlock } from '../core/counters';
import { Engine, engineSource, type EngineSource } from '../core/engine';
import { EngineGraph } from '../core/engine-graph';
import { BricksError, isBricksError, messageOf } from '../core/errors';
import type { CompiledBrick, CompiledGraph } from '../core/graph';
import { GraphMemory } from '../core/graph-memory';
import { HeadColumn, copyHeadsByByte } from '../core/heads';
import { HoldArea } from '../core/hold-area';
import { createPacketBatch, type ColumnName, type PacketBatch } from '../core/packet-batch';
import type { LinkName } from '../core/link-name';
import { FilePorts } from '../files';
import { flowFiller } from '../flow/columns';
import { nativeHeadCopier, timeReader } from '../native/system';
import { PipePorts } from '../pipes';
import { loadExport } from '../plugins/load-module';
import { resolveBackend, resolveBrick } from '../plugins/container';
import type { Backend } from '../core/backend';
import { CONTROL_BRICK, type EnginePlan } from './engine-protocol';
import { NodeContext } from './node-context';
import { collectNow } from '../v8/optimisation';
import type { ThreadHost } from './thread-host';
import { warmUp, type Twin } from '../v8/warm-up';

/** An engine with its ports open, ready to run. */
export interface AssembledEngine {
  readonly engine: Engine;
  readonly sources: readonly EngineSource[];
  /** Whose methods run for each batch, and are to stay optimised. */
  readonly hotObjects: readonly object[];
  readonly counters: CounterBlock;
}

export async function assembleEngine(plan: EnginePlan, host: ThreadHost, notice: OpenContext['notice']): Promise<AssembledEngine> {
  const { graph, batchRows } = plan;
  const files = new FilePorts();
  if (graph.sinks.some(({ link }) => link.kind === 'file')) files.prepareSinks();
  const backend = plan.backendModule ? await loadExport<Backend>(plan.backendModule) : resolveBackend(plan.backend);
  const modules: BrickModule[] = [];
  for (const brick of graph.bricks) {
    const { module, kind } = brick.specification;
    modules.push(module ? await loadExport<BrickModule>(module) : resolveBrick(kind));
  }

  const clock = new CellClock(timeReader);
  const timer = new CellClock(timeReader);
  const memory = new GraphMemory(graph, batchRows, backend.interleavedLists === true || !graph.sinks.some(({ link }) => isOpenedBy(backend, link)));
  const working = new Int32Array(plan.control).subarray(CONTROL_BRICK, CONTROL_BRICK + 1);
  const readsFlow = graph.bricks.some((brick) => brick.declaration.flowColumns === true);
  const sourcesFillFlow = graph.sources.every(({ link }) => !isOpenedBy(backend, link) || backend.flowColumns?.(plan.backendOptions) !== false);
  const fillsFlow = readsFlow && !sourcesFillFlow;
  const headCopier = nativeHeadCopier();
  // Packets lie far apart, so that a loop over them waits for memory; native code copies their heads together.
  const flowByHeads = fillsFlow && headCopier !== undefined;
  const heads = new HeadColumn(memory.columns, headCopier ?? copyHeadsByByte);
  const makeGraph = (counters: CounterBlock): EngineGraph => {
    const holds = makeHolds(graph, memory);
    const bricks = graph.bricks.map((brick, index) => makeBrick(brick, modules[index], new NodeContext(brick, memory, memory.nodes[index], counters, clock, holds[index])));
    const needsHeads = flowByHeads || bricks.some(readsHeads);
    const fillFlow = fillsFlow ? flowFiller(memory.columns, { specialise: memory.specialise, heads: flowByHeads, fields: bricks.some(readsFlowFields) }) : undefined;
    return new EngineGraph(graph, bricks, memory, counters, timer, working, holds, needsHeads ? heads : undefined, fillFlow);
  };
  const makeTwin = (): Twin => {
    const counters = createCounterBlock(graph.counterSlots);
    const entries = [...new Set(graph.sources.map((source) => source.brick))];
    return { graph: makeGraph(counters), entries, batch: createPacketBatch(batchRows, memory.columns), counters, clock };
  };
  const warmUpMicroseconds = plan.warmUpMilliseconds > 0 ? warmUp(makeTwin, host, plan.warmUpMilliseconds) : 0;

  const counters = createCounterBlock(graph.counterSlots);
  setCounter(counters.words, ENGINE_WARM_UP_MICROSECONDS, warmUpMicroseconds);
  const engineGraph = makeGraph(counters);
  const { sources, transmitters } = openPorts(plan, backend, files, engineGraph, memory, counters, notice);
  if (flowByHeads || engineGraph.nodes.some(({ brick }) => readsHeads(brick))) {
    for (const { batch } of sources) heads.learn(batch.memory);
  }
  const patient = sources.length > 0 && sources.every((source) => source.port.patient);
  const wait = plan.whenFull === 'wait' || (plan.whenFull === 'auto' && patient);
  const engine = new Engine(sources, engineGraph, transmitters, counters, new CounterPublisher(counters, plan.counters), clock, host, wait);
  collectNow();
  return { engine, sources, hotObjects: [engine, engineGraph, host, ...engineGraph.nodes.map((node) => node.brick), ...memory.loops], counters };
}

/** Where bricks hold packets back, for those that do. */
function makeHolds(graph: CompiledGraph, memory: GraphMemory): (HoldArea | undefined)[] {
  return graph.bricks.map((brick) => (brick.declaration.holds ? new HoldArea(memory.columns) : undefined));
}

function readsHeads({ reads }: Brick): boolean {
  return reads?.includes('heads') === true;
}

/** Whether it reads more of a flow than its word. */
function readsFlowFields({ reads }: Brick): boolean {
  return reads === undefined || reads.includes('flowAddresses') || reads.includes('flowPorts');
}

function makeBrick(brick: CompiledBrick, module: BrickModule, context: NodeContext): Brick {
  try {
    return module.create(brick.options, context);
  } catch (error) {
    if (isBricksError(error)) throw error;
    throw new BricksError('E_BRICK_FAILED', `The brick ${brick.label} can't be made: ${messageOf(error)}`);
  }
}

interface OpenPorts {
  readonly sources: EngineSource[];
  readonly transmitters: Transmitter[];
}

/** Opens all links, sinks first, so that nothing received has nowhere to go. All or none. */
function openPorts(plan: EnginePlan, backend: Backend, files: FilePorts, engineGraph: EngineGraph, memory: GraphMemory, counters: CounterBlock, notice: OpenContext['notice']): OpenPorts {
  const { graph } = plan;
  const batches = graph.sources.map(() => createPacketBatch(plan.batchRows, memory.columns));
  const held = engineGraph.nodes.flatMap((node) => (node.hold ? [node.hold.outgoing] : []));
  const openers = new Openers(plan, backend, files, [...batches, ...held], notice);
  const transmitters: Transmitter[] = [];
  const sources: EngineSource[] = [];
  try {
    const requests = new Map<PortOpener, SinkRequest[]>();
    for (const sink of graph.sinks) {
      const opener = openers.forLink(sink.link);
      const request: SinkRequest = { link: sink.link, options: sink.options, lists: engineGraph.nodes[sink.brick].outputs, output: sink.output, counters, record: sink.record };
      requests.set(opener, [...(requests.get(opener) ?? []), request]);
    }
    for (const [opener, list] of requests) transmitters.push(opener.openSinks(list, openers.context(opener)));
    const unread = unreadColumns(memory, [...engineGraph.nodes.map((node) => node.brick), ...transmitters]);
    graph.sources.forEach((source, index) => {
      const opener = openers.forLink(source.link);
      const request: SourceRequest = {
        link: source.link,
        options: source.options,
        queue: plan.queue,
        batch: batches[index],
        flowColumns: graph.bricks.some((brick) => brick.declaration.flowColumns === true),
        unread,
        notes: transmitters.some((transmitter) => transmitter.readsNotes === true),
        alsoSink: graph.sinks.some((sink) => sink.link.text === source.link.text),
        counters,
        record: source.record,
      };
      const port: SourcePort = opener.openSource(request, openers.context(opener));
      sources.push(engineSource(port, batches[index], source.brick));
    });
  } catch (error) {
    for (const transmitter of transmitters) transmitter.close();
    for (const source of sources) source.port.close();
    throw error;
  }
  return { sources, transmitters };
}

/** By which packets are found; and each source knows its rows by `slot`. Heads are the engine's to fill. */
const ALWAYS_READ: readonly ColumnName[] = ['offset', 'length', 'flowWord', 'slot'];

function unreadColumns(memory: GraphMemory, readers: readonly { readonly reads?: readonly ColumnName[] }[]): ReadonlySet<ColumnName> {
  const unread = new Set(Object.keys(memory.columns) as ColumnName[]);
  for (const column of ALWAYS_READ) unread.delete(column);
  for (const { reads } of readers) {
    if (!reads) return new Set(['heads']);
    for (const column of reads) unread.delete(column);
  }
  return unread;
}

/** Files and, unless the backend has its own, pipes are the engine's; the rest is the backend's. */
function isOpenedBy(backend: Backend, link: LinkName): boolean {
  return link.kind !== 'file' && backend.handles(link);
}

/** Who opens which link. */
class Openers {
  private readonly pipes = new PipePorts();
  private readonly ports: PortOpener;

  constructor(
    private readonly plan: EnginePlan, private readonly backend: Backend, private readonly files: FilePorts, private readonly batches: readonly PacketBatch[],
    private readonly notice: OpenContext['notice'],
  ) {
    this.ports = backend.ports(plan.backendOptions);
  }

  forLink(link: LinkName): PortOpener {
    if (isOpenedBy(this.backend, link)) return this.ports;
    if (link.kind === 'file') return this.files;
    if (link.kind === 'pipe') return this.pipes;
    throw new BricksError('E_LINK_BACKEND', `The backend ${this.backend.name} can't open ${link.text}.`);
  }

  context(opener: PortOpener): OpenContext {
    const { prepared, batchRows, graph } = this.plan;
    return {
      batchRows,
      batches: this.batches,
      copies: graph.copies,
      live: graph.sources.some(({ link }) => link.kind !== 'file'),
      notice: this.notice,
      prepared: opener === this.files ? prepared.files : opener === this.pipes ? prepared.pipes : prepared.backend,
    };
  }
}
