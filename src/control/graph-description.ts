/** The graph of an engine as plain data: to be printed as text, drawn, or sent to a client. */
import type { LinkOptions, PacketEngineOptions } from './engine-options';
import { ENGINE_OPTIONS } from './engine-options';
import type { CompiledGraph } from '../model/graph';
import { listOptions, shownOptions, type OptionValue, type OptionValues } from '../model/options';
import type { EngineSetUp } from './engine-set-up';

/** A brick of a graph. */
export interface GraphBrick {
  /** Its number. */
  readonly id: number;
  /** Its kind. */
  readonly kind: string;
  /** The name that its user gave it, if any. */
  readonly name?: string;
  /** What it is called in statistics: its name, or its kind, with a number if the engine has several of that kind. */
  readonly label: string;
  /** Its options, with their defaults; of secret ones no value. */
  readonly options: OptionValues;
  /** Names of the links that it reads. */
  readonly inputs: readonly string[];
  /** Names of the links that it writes to, by number. */
  readonly outputs: readonly string[];
}

/** The graph of an engine. */
export interface GraphDescription {
  /** The name of the engine. */
  readonly name: string;
  /** Whether packets are flowing. */
  readonly running: boolean;
  /** Its options that differ from their defaults, with `backend` and `backendOptions` as they were given. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Packets in a batch, if it was said. */
  readonly batch?: number;
  /** The hardware queue, if one was said. */
  readonly queue?: number;
  /** In an order in which every brick comes after those that feed it. */
  readonly bricks: readonly GraphBrick[];
}

export function describeGraph({ name, given, options, linkOptions }: EngineSetUp, running: boolean, graph: CompiledGraph | undefined): GraphDescription {
  return { name, running, options: { ...unusual(options), ...backendOf(given) }, ...linkNumbers(linkOptions), bricks: (graph?.bricks ?? []).map(brickOf) };
}

function brickOf({ specification: { id, kind, name, inputs, outputs }, declaration, label, options }: CompiledGraph['bricks'][number]): GraphBrick {
  return { id, kind, ...(name === undefined ? {} : { name }), label, options: shownOptions(declaration.options, options), inputs, outputs };
}

function unusual(options: Readonly<Record<string, OptionValue>>): Record<string, OptionValue> {
  const defaults = new Map(listOptions(ENGINE_OPTIONS).map((option) => [option.name, option.default]));
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => value !== defaults.get(name)));
}

function backendOf({ backend, backendOptions }: PacketEngineOptions): Record<string, unknown> {
  const name = typeof backend === 'object' ? backend.name : backend;
  return { ...(name === undefined ? {} : { backend: name }), ...(backendOptions === undefined || Object.keys(backendOptions).length === 0 ? {} : { backendOptions }) };
}

function linkNumbers({ batch, queue }: LinkOptions): { batch?: number; queue?: number } {
  return { ...(batch === undefined ? {} : { batch }), ...(queue === undefined || queue < 0 ? {} : { queue }) };
}
