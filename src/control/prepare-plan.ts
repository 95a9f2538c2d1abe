/** Makes what an engine's thread needs to know, with what the control halves of its backend, its bricks and of pipes prepare. */
import type { Backend, LinkPlan } from '../model/backend';
import { BricksError } from '../model/errors';
import { stayingBricks } from '../rows/graph-rows';
import type { ModuleReference } from '../model/define-brick';
import type { CompiledGraph } from '../model/graph';
import { createSharedCounters } from '../model/counters';
import { checkOptions, listOptions, type OptionValues } from '../model/options';
import type { NoticeLevel } from '../model/outcome';
import { DEFAULT_BATCH_ROWS, DEFAULT_BATCH_ROWS_OF_MANY, MANY_SINKS, MAXIMUM_BATCH_ROWS } from '../model/packet-batch';
import { discardPipes, preparePipes, type PreparedPipes } from '../pipes';
import { backendFor } from '../plugins/default-backend';
import { findBackend, type FoundBackend } from '../plugins/find';
import { loadBackend } from '../plugins/load-backend';
import { BrickControls } from './brick-controls';
import { checkQueueIsOfInterface, checkedBatch, warmUpLimit, type LinkOptions, type PacketEngineOptions } from './engine-options';
import { CONTROL_WORDS, type EnginePlan } from './engine-protocol';
import { unwrittenPipes } from './idle-links';
import type { LinkedGraph } from './open-thread';

/** An engine's graph, and what was said of how it is to run. */
export interface EngineChoices {
  readonly name: string;
  readonly given: PacketEngineOptions;
  /** The engine's own options, with their defaults. */
  readonly checked: OptionValues;
  readonly graph: CompiledGraph;
  readonly backend: Backend;
}

export interface PlanRequest extends EngineChoices {
  /** Where the engine's thread loads it from, if it knows none of this name. */
  readonly backendModule: ModuleReference | undefined;
  readonly settings: EngineSettings;
  readonly tell: (text: string, level?: NoticeLevel) => void;
}

/** The backend that an engine names, or else the one for the links of its graph. @throws BricksError E_BACKEND, E_BACKEND_UNUSABLE, E_MODULE */
export async function backendOf({ backend }: PacketEngineOptions, graph: CompiledGraph): Promise<FoundBackend> {
  if (backend === undefined) return backendFor([...graph.sources, ...graph.sinks].map(({ link }) => link));
  return typeof backend === 'string' ? findBackend(backend) : { backend: await loadBackend(backend), module: backend };
}

/** What follows from an engine's options and its graph before anything is opened. */
export interface EngineSettings {
  readonly backendOptions: OptionValues;
  /** Packets in a batch, at most. */
  readonly batchRows: number;
  /** One hardware queue, or -1 for all. */
  readonly queue: number;
}

/** @throws BricksError E_OPTION */
export function settingsOf({ name, given, checked, graph, backend }: EngineChoices, link: LinkOptions): EngineSettings {
  checkQueueIsOfInterface(name, link.queue, graph, backend);
  const backendOptions = checkOptions(`The backend ${backend.name}`, listOptions(backend.options), given.backendOptions ?? {});
  backend.check?.(backendOptions);
  const rows = checkedBatch(link.batch ?? defaultBatch(graph, backend, backendOptions));
  return { backendOptions, batchRows: Math.min(rows, Number(checked['bufferSize'] ?? MAXIMUM_BATCH_ROWS)), queue: link.queue ?? -1 };
}

/** The graph that another one replaces. */
export interface GraphBefore {
  readonly linked: LinkedGraph;
  readonly control: SharedArrayBuffer;
  /** Packets have passed it: its bricks have something to remember. */
  readonly begun: boolean;
}

/** A graph that is ready to be opened. */
export interface PreparedEngine {
  readonly plan: Omit<EnginePlan, 'commands'>;
  readonly linked: LinkedGraph;
}

/**
 * `before`: the graph that this one replaces; what both need of pipes, backend and bricks goes on.
 * @throws BricksError E_OPTION, or what the backend, a pipe or a brick has against it; then nothing is left of it
 */
export async function prepareEngine(request: PlanRequest, before: GraphBefore | undefined = undefined): Promise<PreparedEngine> {
  const { name, checked, graph, backend, backendModule, settings: { backendOptions, batchRows, queue }, tell } = request;
  const status = backend.status();
  if (!status.usable) throw new BricksError('E_BACKEND_UNUSABLE', `The backend ${backend.name} does not work here: ${status.reason}`);
  const unwritten = unwrittenPipes({ graph, backend });
  const staying = before?.begun === true ? stayingBricks(before.linked, { graph, batchRows }) : new Map<number, number>();
  const controls = await BrickControls.start(name, graph, tell, before && { controls: before.linked.controls, staying });
  try {
    const linkPlan: LinkPlan = {
      engine: name,
      ...(checked['ringSize'] === undefined ? {} : { ringSize: Number(checked['ringSize']) }),
      ...(checked['pipeGroup'] === undefined ? {} : { pipeGroup: String(checked['pipeGroup']) }),
      keepUnread: Number(checked['keepUnread']),
      sources: graph.sources,
      sinks: graph.sinks,
      backendOptions,
      ...(before && { before: before.linked.prepared.backend }),
    };
    const prepared = prepareLinks(linkPlan, backend, before?.linked.prepared);
    const counters = createSharedCounters(graph.counterSlots);
    const plan: PreparedEngine['plan'] = {
      name,
      backend: backend.name,
      ...(backendModule === undefined ? {} : { backendModule }),
      backendOptions,
      graph,
      batchRows,
      queue,
      cpu: Number(checked['cpu']),
      whenFull: checked['whenFull'] as EnginePlan['whenFull'],
      warmUpMilliseconds: warmUpLimit(checked['warmUpMilliseconds'], graph),
      seed: Number(checked['seed']),
      staying,
      controls: controls.links,
      prepared,
      counters,
      control: before?.control ?? new SharedArrayBuffer(CONTROL_WORDS * 4),
    };
    return { plan, linked: { graph, batchRows, counters, prepared, controls, unwritten } };
  } catch (error) {
    await controls.stop(before?.linked.controls);
    throw error;
  }
}

/** What the graph's size asks for, or more where the backend that receives does. */
function defaultBatch(graph: CompiledGraph, backend: Backend, options: OptionValues): number {
  const usual = graph.sinks.length > MANY_SINKS ? DEFAULT_BATCH_ROWS_OF_MANY : DEFAULT_BATCH_ROWS;
  const receives = graph.sources.some(({ link }) => link.kind !== 'file' && backend.handles(link));
  return receives ? Math.max(usual, backend.batchRows?.(options) ?? usual) : usual;
}

function prepareLinks(plan: LinkPlan, backend: Backend, before: EnginePlan['prepared'] | undefined): EnginePlan['prepared'] {
  const pipesBefore = before?.pipes as PreparedPipes | undefined;
  const pipes = preparePipes(plan, (link) => link.kind === 'pipe' && !backend.handles(link), pipesBefore);
  try {
    return { backend: backend.prepare?.(plan), pipes };
  } catch (error) {
    discardPipes(pipes, pipesBefore);
    throw error;
  }
}
