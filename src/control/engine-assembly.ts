/** Puts an engine together in its own thread: bricks, warm-up, ports, loop. */
import type { PortOpener, SinkRequest, SourceRequest, Transmitter, OpenContext, SourcePort } from '../model/backend';
import { OutputReaders } from '../context/output-readers';
import { CellClock } from '../context/cell-clock';
import { CounterPublisher, ENGINE_WARM_UP_MICROSECONDS, createCounterBlock, setCounter, type CounterBlock } from '../model/counters';
import { Engine, engineSource, type EngineSource } from '../core/engine';
import { EngineGraph, type BatchStage } from '../core/engine-graph';
import { EngineTimers } from '../context/engine-timers';
import { BricksError } from '../model/errors';
import { GraphMemory } from '../core/graph-memory';
import { HeadColumn, copyHeadsByByte } from '../core/heads';
import { createPacketBatch, type ColumnName, type PacketBatch } from '../model/packet-batch';
import type { LinkName } from '../model/link-name';
import { FilePorts } from '../files';
import { nativeHeadCopier, timeReader } from '../native/system';
import { PipePorts } from '../pipes';
import { loadBackend } from '../plugins/load-backend';
import { resolveBackend } from '../plugins/container';
import type { Backend } from '../model/backend';
import { CONTROL_BRICK, type EnginePlan } from './engine-protocol';
import { makeNodes } from './engine-nodes';
import { flowFiller } from '../flow/columns';
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
  const backend = plan.backendModule ? await loadBackend(plan.backendModule) : resolveBackend(plan.backend);
  const clock = new CellClock(timeReader);
  const memory = new GraphMemory(graph, batchRows, backend.interleavedLists === true || !graph.sinks.some(({ link }) => isOpenedBy(backend, link)));
  const readers = new OutputReaders(graph);
  const nodes = await makeNodes(plan, memory, clock, readers, notice);
  const reads = new Set(nodes.flatMap((node) => [...node.reads]));
  const stages = new StagesOf(plan, backend, memory, reads);
  const working = new Int32Array(plan.control).subarray(CONTROL_BRICK, CONTROL_BRICK + 1);
  const timer = new CellClock(timeReader);
  const makeGraph = (counters: CounterBlock): EngineGraph => new EngineGraph(graph, nodes.map((node) => node.inGraph(counters)), memory, counters, timer, working, stages.all, stages.refills);
  const makeTwin = (): Twin => {
    const counters = createCounterBlock(graph.counterSlots);
    const entries = [...new Set(graph.sources.map((source) => source.brick))];
    const twin = makeGraph(counters);
    return {
      graph: twin, entries, batch: createPacketBatch(batchRows, memory.columns), counters, clock,
      end() {
        for (const node of twin.nodes) node.close();
        for (const node of nodes) node.restart();
      },
    };
  };
  const warmUpMicroseconds = plan.warmUpMilliseconds > 0 ? warmUp(makeTwin, host, plan.warmUpMilliseconds) : 0;

  const counters = createCounterBlock(graph.counterSlots);
  setCounter(counters.words, ENGINE_WARM_UP_MICROSECONDS, warmUpMicroseconds);
  const engineGraph = makeGraph(counters);
  const { sources, transmitters } = openPorts(plan, backend, files, engineGraph, memory, reads, counters, readers, notice);
  stages.expect(sources);
  const patient = sources.length > 0 && sources.every((source) => source.port.patient);
  const wait = plan.whenFull === 'wait' || (plan.whenFull === 'auto' && patient);
  const engine = new Engine(sources, engineGraph, transmitters, counters, new CounterPublisher(counters, plan.counters), clock, host, wait, new EngineTimers(nodes.flatMap((node) => node.timers)), nodes.flatMap(({ inbox }) => (inbox ? [inbox] : [])));
  collectNow();
  return { engine, sources, hotObjects: [...engine.hotObjects, ...memory.loops], counters };
}

/** Columns that the engine fills itself, where a brick reads them and a source leaves them out. */
class StagesOf {
  readonly all: BatchStage[] = [];
  /** Those that packets go through again once a brick has changed them. */
  readonly refills: BatchStage[] = [];
  private readonly heads: HeadColumn | undefined;

  constructor(plan: EnginePlan, backend: Backend, memory: GraphMemory, reads: ReadonlySet<ColumnName>) {
    const { sources, bricks } = plan.graph;
    const filled = sources.every(({ link }) => !isOpenedBy(backend, link) || backend.flowColumns?.(plan.backendOptions) !== false);
    const copier = nativeHeadCopier();
    const fillsFlow = readsFlow(reads) && !filled;
    const refillsFlow = readsFlow(reads) && bricks.some(({ declaration }) => declaration.effect === 'edits');
    // Packets lie far apart, so that a loop over them waits for memory; native code copies their heads together.
    const flowByHeads = (fillsFlow || refillsFlow) && copier !== undefined;
    if (reads.has('heads') || flowByHeads) {
      this.heads = new HeadColumn(memory.columns, copier ?? copyHeadsByByte);
      if (reads.has('heads') || fillsFlow) this.all.push(this.heads);
      this.refills.push(this.heads);
    }
    if (!fillsFlow && !refillsFlow) return;
    const fields = reads.has('flowAddresses') || reads.has('flowPorts');
    const fill = flowFiller(memory.columns, { specialise: memory.specialise, heads: flowByHeads, fields });
    const stage: BatchStage = { fill: (batch, count) => fill(batch, 0, count) };
    if (fillsFlow) this.all.push(stage);
    if (refillsFlow) this.refills.push(stage);
  }

  /** Learns the memories of sources before packets come. */
  expect(sources: readonly EngineSource[]): void {
    for (const { batch } of sources) this.heads?.learn(batch.memory);
  }
}

function readsFlow(reads: ReadonlySet<ColumnName>): boolean {
  return FLOW_COLUMNS.some((column) => reads.has(column));
}

const FLOW_COLUMNS: readonly ColumnName[] = ['flowWord', 'flowAddresses', 'flowPorts'];

interface OpenPorts {
  readonly sources: EngineSource[];
  readonly transmitters: Transmitter[];
}

/** Opens all links, sinks first, so that nothing received has nowhere to go. All or none. */
function openPorts(
  plan: EnginePlan, backend: Backend, files: FilePorts, engineGraph: EngineGraph, memory: GraphMemory, reads: ReadonlySet<ColumnName>, counters: CounterBlock,
  readers: OutputReaders, notice: OpenContext['notice'],
): OpenPorts {
  const { graph } = plan;
  const batches = graph.sources.map(() => createPacketBatch(plan.batchRows, memory.columns));
  const sides = engineGraph.nodes.flatMap(({ hold, copies, made }) => [hold, copies, made].flatMap((area) => (area ? [area.outgoing] : [])));
  const openers = new Openers(plan, backend, files, [...batches, ...sides], notice);
  const transmitters: Transmitter[] = [];
  const sources: EngineSource[] = [];
  try {
    const requests = new Map<PortOpener, { readonly brick: number; readonly request: SinkRequest }[]>();
    for (const { link, brick, output, options, record } of graph.sinks) {
      const opener = openers.forLink(link);
      const list = requests.get(opener) ?? [];
      requests.set(opener, list);
      list.push({ brick, request: { link, options, lists: engineGraph.nodes[brick].outputs, output, counters, record } });
    }
    for (const [opener, list] of requests) {
      const transmitter = opener.openSinks(list.map(({ request }) => request), openers.context(opener));
      transmitters.push(transmitter);
      list.forEach(({ brick, request: { output } }, sink) => readers.opened(brick, output, transmitter, sink));
    }
    const unread = unreadColumns(memory, reads, transmitters);
    graph.sources.forEach((source, index) => {
      const opener = openers.forLink(source.link);
      const request: SourceRequest = {
        link: source.link,
        options: source.options,
        queue: plan.queue,
        batch: batches[index],
        flowColumns: readsFlow(reads),
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

function unreadColumns(memory: GraphMemory, reads: ReadonlySet<ColumnName>, transmitters: readonly Transmitter[]): ReadonlySet<ColumnName> {
  const unread = new Set(Object.keys(memory.columns) as ColumnName[]);
  for (const column of [...ALWAYS_READ, ...reads]) unread.delete(column);
  for (const { reads: columns } of transmitters) {
    // One that doesn't say what it reads may read all.
    if (!columns) return new Set(['heads']);
    for (const column of columns) unread.delete(column);
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
      prepared: opener === this.ports ? prepared.backend : opener === this.pipes ? prepared.pipes : undefined,
    };
  }
}
