/** Bricks and backends by their names, wherever they come from: built in, registered by the program, or brought by a plugin. */
import type { Backend } from '../model/backend';
import type { BrickDeclaration } from '../model/brick';
import type { BrickClass, ModuleReference } from '../model/define-brick';
import { BricksError, namesInstead } from '../model/errors';
import { allBackends, brickDeclarations, inOrderOfNames, knownBackend, knownBrick } from './container';
import { loadBrickClass } from './load-brick';
import { PluginCatalogue, type PluginEntry } from './plugin-catalogue';
import type { PluginSearch } from './plugin-search';

/** What a program has to know of a kind of brick to describe one. */
export interface BrickKind {
  readonly declaration: BrickDeclaration;
  readonly module: ModuleReference;
}

export interface FoundBackend {
  readonly backend: Backend;
  /** Where engines load it from, if it is a plugin's. */
  readonly module?: ModuleReference;
}

let catalogue: PluginCatalogue | undefined;

/** Says where plugins are looked for, and which of them are allowed. Before the first is asked for. */
export function configurePlugins(search: PluginSearch): PluginCatalogue {
  const builtIn = { bricks: new Set(brickDeclarations().map(({ name }) => name)), backends: new Set(allBackends().map(({ name }) => name)) };
  return (catalogue = new PluginCatalogue(search, builtIn));
}

/** The plugins of this process. */
export function plugins(): PluginCatalogue {
  return catalogue ?? configurePlugins({ ...(process.argv[1] === undefined ? {} : { script: process.argv[1] }) });
}

/** @throws BricksError E_BRICK, E_PLUGIN */
export async function findBrick(kind: string): Promise<BrickKind> {
  const found = knownBrick(kind) ?? (await plugins().brick(kind));
  if (found) return found;
  throw new BricksError('E_BRICK', `There is no brick "${kind}".`, namesInstead(kind, brickSummaries().map(({ name }) => name)));
}

/** The class of a brick by its name; that of a plugin is loaded. @throws BricksError E_BRICK, E_PLUGIN, E_MODULE */
export async function brickClass(kind: string): Promise<BrickClass> {
  const found = await findBrick(kind);
  return knownBrick(kind) ?? loadBrickClass(found.module, kind);
}

/** @throws BricksError E_BACKEND, E_PLUGIN */
export async function findBackend(name: string): Promise<FoundBackend> {
  const known = knownBackend(name);
  const found = known ? { backend: known } : await plugins().backend(name);
  if (found) return found;
  throw new BricksError('E_BACKEND', `There is no backend "${name}".`, namesInstead(name, backendSummaries().map((backend) => backend.name)));
}

/** A name, and what it stands for in one sentence. */
export interface Summary {
  readonly name: string;
  readonly summary: string;
}

/** All kinds of brick that there are, without running the code of any plugin. */
export function brickSummaries(): Summary[] {
  const all = [...plugins().entries('bricks').map(summaryOf), ...brickDeclarations().map(({ name, summary }) => ({ name, summary }))];
  return [...new Map(all.map((one) => [one.name, one])).values()].sort(inOrderOfNames);
}

/** All backends that there are, those of plugins last. */
export function backendSummaries(): Summary[] {
  const known = allBackends().map(({ name, summary }) => ({ name, summary }));
  return [...known, ...plugins().entries('backends').map(summaryOf).filter(({ name }) => !known.some((one) => one.name === name))];
}

function summaryOf({ name, plugin }: PluginEntry): Summary {
  return { name, summary: plugin.summary === '' ? `from ${plugin.name}` : `${plugin.summary} (${plugin.name})` };
}
