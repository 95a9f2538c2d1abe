/** Makes what an engine's thread needs to know, with what the control halves of its backend and of pipes prepare. */
import type { Backend, LinkPlan } from '../model/backend';
import type { ControlLink } from './brick-controls';
import { createSharedCounters } from '../model/counters';
import type { ModuleReference } from '../model/define-brick';
import type { CompiledGraph } from '../model/graph';
import { checkOptions, listOptions, type OptionValues } from '../model/options';
import { DEFAULT_BATCH_ROWS, DEFAULT_BATCH_ROWS_OF_MANY, MANY_SINKS, MAXIMUM_BATCH_ROWS } from '../model/packet-batch';
import { discardPipes, preparePipes } from '../pipes';
import { backendFor } from '../plugins/default-backend';
import { findBackend, type FoundBackend } from '../plugins/find';
import { loadBackend } from '../plugins/load-backend';
import { checkQueueIsOfInterface, checkedBatch, warmUpLimit, type LinkOptions, type PacketEngineOptions } from './engine-options';
import { CONTROL_WORDS, type EnginePlan } from './engine-protocol';

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
  readonly controls: readonly ControlLink[];
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
  const rows = checkedBatch(link.batch ?? defaultBatch(graph, backend, backendOptions));
  return { backendOptions, batchRows: Math.min(rows, Number(checked['bufferSize'] ?? MAXIMUM_BATCH_ROWS)), queue: link.queue ?? -1 };
}

/** @throws BricksError, what the backend or a pipe has against it; then nothing is left of it */
export function preparePlan({ name, checked, graph, backend, controls, backendModule, settings }: PlanRequest): Omit<EnginePlan, 'orders'> {
  const { backendOptions, batchRows, queue } = settings;
  const linkPlan: LinkPlan = {
    engine: name,
    ...(checked['ringSize'] === undefined ? {} : { ringSize: Number(checked['ringSize']) }),
    ...(checked['pipeGroup'] === undefined ? {} : { pipeGroup: String(checked['pipeGroup']) }),
    keepUnread: Number(checked['keepUnread']),
    sources: graph.sources,
    sinks: graph.sinks,
    backendOptions,
  };
  return {
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
    controls,
    prepared: prepareLinks(linkPlan, backend),
    counters: createSharedCounters(graph.counterSlots),
    control: new SharedArrayBuffer(CONTROL_WORDS * 4),
  };
}

/** What the graph's size asks for, or more where the backend that receives does. */
function defaultBatch(graph: CompiledGraph, backend: Backend, options: OptionValues): number {
  const usual = graph.sinks.length > MANY_SINKS ? DEFAULT_BATCH_ROWS_OF_MANY : DEFAULT_BATCH_ROWS;
  const receives = graph.sources.some(({ link }) => link.kind !== 'file' && backend.handles(link));
  return receives ? Math.max(usual, backend.batchRows?.(options) ?? usual) : usual;
}

function prepareLinks(plan: LinkPlan, backend: Backend): EnginePlan['prepared'] {
  const pipes = preparePipes(plan, (link) => link.kind === 'pipe' && !backend.handles(link));
  try {
    return { backend: backend.prepare?.(plan), pipes };
  } catch (error) {
    discardPipes(pipes);
    throw error;
  }
}
