/** Engines that are only planned, as plain data. */
import type { ModuleReference } from '../model/define-brick';
import type { LinkKind } from '../model/link-name';
import { shownOptions, type OptionValues } from '../model/options';
import type { GraphBrick } from './graph-description';
import type { PlannedGraph } from './planned-engine';

/** A brick as it would stand in a graph. */
export interface PlannedBrick extends Omit<GraphBrick, 'name'> {
  /** The module that exports it. */
  readonly module: ModuleReference;
}

export interface PlannedLink {
  readonly name: string;
  readonly kind: LinkKind;
  /** `source`: the engine receives from it; `sink`: it sends there; `inner`: from brick to brick, in memory. */
  readonly role: 'source' | 'sink' | 'inner';
  /** The bricks at its ends, by their labels. */
  readonly from?: string;
  readonly to?: string;
}

/** An engine as a set-up makes it: plain data, to be compared or printed. */
export interface EngineDescription {
  readonly name: string;
  /** What has become of it at the end: `started` by the script, perhaps stopped again; `linked` and never started; or `made` only. */
  readonly state: 'started' | 'linked' | 'made';
  /** Whether the script has deleted it in the end. */
  readonly deleted: boolean;
  /** Its own options, with their defaults. */
  readonly options: OptionValues;
  /** What holds once something is linked to it. */
  readonly backend?: string;
  readonly backendOptions?: OptionValues;
  readonly batch?: number;
  readonly queue?: number;
  /** In an order in which every brick stands behind those that feed it. */
  readonly bricks: readonly PlannedBrick[];
  readonly links: readonly PlannedLink[];
}

type DescribedGraph = Pick<PlannedGraph, 'graph' | 'backend' | 'settings'>;

/** What a description is made of. */
export interface DescribedEngine extends Pick<EngineDescription, 'name' | 'options' | 'deleted'> {
  readonly planned: DescribedGraph | undefined;
  readonly begun: boolean;
}

export function descriptionOf({ name, options, planned, begun, deleted }: DescribedEngine): EngineDescription {
  const state = begun ? 'started' : planned ? 'linked' : 'made';
  if (!planned) return { name, state, deleted, options, bricks: [], links: [] };
  const { settings: { backendOptions, batchRows: batch, queue }, backend } = planned;
  return { name, state, deleted, options, backend: backend.name, backendOptions, batch, queue, bricks: bricksOf(planned), links: linksOf(planned) };
}

function bricksOf({ graph }: DescribedGraph): PlannedBrick[] {
  return graph.bricks.map(({ specification: { id, module, inputs }, declaration, label, options, outputs }) => ({ id, kind: declaration.name, label, options: shownOptions(declaration.options, options), module, inputs, outputs }));
}

function linksOf({ graph: { bricks, sources, edges, sinks } }: DescribedGraph): PlannedLink[] {
  return [
    ...sources.map(({ link, brick }) => ({ name: link.text, kind: link.kind, role: 'source' as const, to: bricks[brick].label })),
    ...edges.map(({ link, from, to }) => ({ name: link.text, kind: link.kind, role: 'inner' as const, from: bricks[from].label, to: bricks[to].label })),
    ...sinks.map(({ link, brick }) => ({ name: link.text, kind: link.kind, role: 'sink' as const, from: bricks[brick].label })),
  ];
}
