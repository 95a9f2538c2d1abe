/** Who opens the links of an engine, in its thread: for as long as the thread lives, whatever graphs replace each other in it. */
import type { OutputReaders } from '../context/output-readers';
import { engineSource, type EngineSource } from '../core/engine-source';
import type { EngineGraph } from '../core/engine-graph';
import type { GraphMemory } from '../rows/graph-memory';
import { FilePorts } from '../files';
import { readsFlow } from '../flow/column-stages';
import type { Backend, OpenContext, PortOpener, SinkRequest, SourcePort, SourceRequest, Transmitter } from '../model/backend';
import type { CounterBlock } from '../model/counters';
import { BricksError } from '../model/errors';
import { alsoSends, isSameSource } from '../model/graph-change';
import type { LinkName } from '../model/link-name';
import { NUMBER_COLUMN_NAMES, createPacketBatch, type ColumnName, type NumberColumnName, type PacketBatch } from '../model/packet-batch';
import { PipePorts } from '../pipes';
import type { EnginePlan } from './engine-protocol';

/** What the ports of a graph work with. */
export interface PortsOf {
  readonly plan: EnginePlan;
  readonly graph: EngineGraph;
  readonly memory: GraphMemory;
  /** The columns that its bricks read. */
  readonly reads: ReadonlySet<ColumnName>;
  readonly counters: CounterBlock;
  readonly readers: OutputReaders;
}

export interface OpenPorts {
  readonly sources: EngineSource[];
  readonly transmitters: Transmitter[];
  /** Those of the graph before that go on. */
  readonly kept: ReadonlySet<SourcePort>;
}

/** The sources of the graph that is replaced. */
export interface SourcesBefore {
  readonly plan: EnginePlan;
  readonly sources: readonly EngineSource[];
}

/** Files and, unless the backend has its own, pipes are the engine's; the rest is the backend's. */
export function isOpenedBy(backend: Backend, link: LinkName): boolean {
  return link.kind !== 'file' && backend.handles(link);
}

/** By which packets are found; and each source knows its rows by `slot`. */
const ALWAYS_READ: readonly NumberColumnName[] = ['offset', 'length', 'flowWord', 'slot'];

export class ThreadPorts {
  private readonly files = new FilePorts();
  private readonly pipes = new PipePorts();
  private readonly ports: PortOpener;

  constructor(plan: EnginePlan, private readonly backend: Backend, private readonly notice: OpenContext['notice']) {
    this.prepare(plan);
    this.ports = backend.ports(plan.backendOptions);
  }

  /** What takes a while to open begins now. */
  prepare({ graph }: EnginePlan): void {
    this.files.prepareSinks(graph.sinks.map(({ link }) => link));
  }

  /**
   * Opens all links of a graph, sinks first, so that nothing received has nowhere to go. All or none. Sources of the graph `before` go on where they can: as
   * the last step, so that it may still run if anything is wrong.
   */
  open(of: PortsOf, before: SourcesBefore | undefined = undefined): OpenPorts {
    const { plan: { graph, batchRows }, graph: { nodes }, memory } = of;
    const batches = graph.sources.map(() => createPacketBatch(batchRows, memory.columns));
    const sides = nodes.flatMap(({ hold, copies, made }) => [hold, copies, made].flatMap((area) => (area ? [area.outgoing] : [])));
    const transmitters: Transmitter[] = [];
    const opened: SourcePort[] = [];
    const rebinds: (() => void)[] = [];
    const kept = new Set<SourcePort>();
    try {
      transmitters.push(...this.openSinks(of, [...batches, ...sides]));
      const requests = sourceRequests(of, batches, transmitters);
      const sources = requests.map((request, index) => {
        const known = before && this.sourceThatStays(of.plan, index, before);
        if (known) {
          kept.add(known.port);
          const context = this.context(this.opener(request.link), of.plan, batches);
          rebinds.push(() => known.port.rebind?.(request, context));
          return { ...engineSource(known.port, request.batch, graph.sources[index].brick), ended: known.ended };
        }
        const opener = this.opener(request.link);
        const port = opener.openSource(request, this.context(opener, of.plan, batches));
        opened.push(port);
        return engineSource(port, request.batch, graph.sources[index].brick);
      });
      for (const rebind of rebinds) rebind();
      return { sources, transmitters, kept };
    } catch (error) {
      for (const transmitter of transmitters) transmitter.close();
      for (const source of opened) source.close();
      throw error;
    }
  }

  private openSinks({ plan, graph: { nodes }, counters, readers }: PortsOf, batches: readonly PacketBatch[]): Transmitter[] {
    const requests = new Map<PortOpener, { readonly brick: number; readonly request: SinkRequest }[]>();
    for (const { link, options, brick, output, record } of plan.graph.sinks) {
      const opener = this.opener(link);
      const list = requests.get(opener) ?? [];
      requests.set(opener, list);
      list.push({ brick, request: { link, options, lists: nodes[brick].outputs, output, counters, record } });
    }
    const transmitters: Transmitter[] = [];
    try {
      for (const [opener, list] of requests) {
        const transmitter = opener.openSinks(list.map(({ request }) => request), this.context(opener, plan, batches));
        transmitters.push(transmitter);
        list.forEach(({ brick, request: { output } }, sink) => readers.opened(brick, output, transmitter, sink));
      }
    } catch (error) {
      for (const transmitter of transmitters) transmitter.close();
      throw error;
    }
    return transmitters;
  }

  private sourceThatStays(plan: EnginePlan, index: number, before: SourcesBefore): EngineSource | undefined {
    const source = plan.graph.sources[index];
    const at = before.plan.graph.sources.findIndex((candidate) => isSameSource(candidate, source));
    const { [at]: known } = before.sources;
    if (known?.port.rebind === undefined || plan.queue !== before.plan.queue) return undefined;
    const same = known.port.unaffectedBySinks === true || alsoSends(plan.graph, source) === alsoSends(before.plan.graph, source);
    return same ? known : undefined;
  }

  /** @throws BricksError E_LINK_BACKEND */
  private opener(link: LinkName): PortOpener {
    if (isOpenedBy(this.backend, link)) return this.ports;
    if (link.kind === 'file') return this.files;
    if (link.kind === 'pipe') return this.pipes;
    throw new BricksError('E_LINK_BACKEND', `The backend ${this.backend.name} can't open ${link.text}.`);
  }

  private context(opener: PortOpener, { prepared, batchRows, graph }: EnginePlan, batches: readonly PacketBatch[]): OpenContext {
    return {
      batchRows,
      batches,
      copies: graph.copies,
      live: graph.sources.some(({ link }) => link.kind !== 'file'),
      notice: this.notice,
      prepared: opener === this.ports ? prepared.backend : opener === this.pipes ? prepared.pipes : undefined,
    };
  }
}

function sourceRequests({ plan: { graph, queue }, reads, counters }: PortsOf, batches: readonly PacketBatch[], transmitters: readonly Transmitter[]): SourceRequest[] {
  const unread = unreadColumns(reads, transmitters);
  return graph.sources.map((source, index) => ({
    link: source.link,
    options: source.options,
    queue,
    batch: batches[index],
    flowColumns: readsFlow(reads),
    unread,
    notes: transmitters.some((transmitter) => transmitter.readsNotes === true),
    alsoSink: alsoSends(graph, source),
    counters,
    record: source.record,
  }));
}

function unreadColumns(reads: ReadonlySet<ColumnName>, transmitters: readonly Transmitter[]): ReadonlySet<ColumnName> {
  const unread = new Set<ColumnName>(NUMBER_COLUMN_NAMES);
  for (const column of [...ALWAYS_READ, ...reads]) unread.delete(column);
  for (const { reads: columns } of transmitters) {
    // One that doesn't say what it reads may read all.
    if (!columns) return new Set();
    for (const column of columns) unread.delete(column);
  }
  return unread;
}
