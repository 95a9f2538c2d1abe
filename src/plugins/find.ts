/** Bricks and backends by their names, wherever they come from: built in, registered by the program, or brought by a plugin. */
import type { BrickClass } from '../model/define-brick';
import { BricksError, bricksInstead, namesInstead } from '../model/errors';
import { declarePlugins, inOrderOfNames, knownBrick, offered, offers, type BrickKind, type FoundBackend, type Kind, type Loaded, type Offer } from './container';
import { loadBrickClass } from './load-brick';
import { PluginCatalogue } from './plugin-catalogue';
import type { PluginPackage } from './plugin-package';
import type { PluginSearch } from './plugin-search';

let catalogue: PluginCatalogue | undefined;

/** Says where plugins are looked for, and which of them are allowed. Before the first is asked for. */
export function configurePlugins(search: PluginSearch): PluginCatalogue {
  const namesOf = (kind: Kind): Set<string> => new Set(offers(kind, true).map(({ name }) => name));
  const configured = new PluginCatalogue(search, { bricks: namesOf('bricks'), backends: namesOf('backends') }, (found) => {
    declarePlugins(found, (kind, name) => ({ load: () => loadFrom(configured, kind, name) }));
  });
  return (catalogue = configured);
}

/** The plugins of this process. */
export function plugins(): PluginCatalogue {
  return catalogue ?? configurePlugins({ ...(process.argv[1] === undefined ? {} : { script: process.argv[1] }) });
}

/** @throws BricksError E_BRICK, E_PLUGIN */
export async function findBrick(kind: string): Promise<BrickKind> {
  const found = await find('bricks', kind);
  if (found) return found;
  throw new BricksError('E_BRICK', `There is no brick "${kind}".`, bricksInstead(kind, brickSummaries().map(({ name }) => name)));
}

/** A name that nobody is known to bring may be that of a plugin that was not looked for yet, or that was installed a moment ago. @throws BricksError E_PLUGIN */
async function find<K extends Kind>(kind: K, name: string): Promise<Loaded[K] | undefined> {
  return offered(kind, name)?.load() ?? loadFrom(plugins(), kind, name);
}

function loadFrom<K extends Kind>(from: PluginCatalogue, kind: K, name: string): Promise<Loaded[K]> {
  return (kind === 'bricks' ? from.brick(name) : from.backend(name)) as Promise<Loaded[K]>;
}

/** The class of a brick by its name; that of a plugin is loaded. @throws BricksError E_BRICK, E_PLUGIN, E_MODULE */
export async function brickClass(kind: string): Promise<BrickClass> {
  const found = await findBrick(kind);
  return knownBrick(kind) ?? loadBrickClass(found.module, kind);
}

/** @throws BricksError E_BACKEND, E_PLUGIN */
export async function findBackend(name: string): Promise<FoundBackend> {
  const found = await find('backends', name);
  if (found) return found;
  throw new BricksError('E_BACKEND', `There is no backend "${name}".`, namesInstead(name, backendSummaries().map((backend) => backend.name)));
}

export type { BrickKind, FoundBackend } from './container';

/** A name, and what it stands for in one sentence. */
export interface Summary {
  readonly name: string;
  readonly summary: string;
}

/** All kinds of brick that there are, without running the code of any plugin. */
export function brickSummaries(): Summary[] {
  return everything('bricks').map(({ name, plugin, atOnce }) => ({ name, summary: atOnce?.().declaration.summary ?? summaryOf(plugin) })).sort(inOrderOfNames);
}

/** All backends that there are, those of plugins last. */
export function backendSummaries(): Summary[] {
  const all = everything('backends').map((offer) => ({ offer, known: offer.atOnce?.() }));
  all.sort((a, b) => (b.known?.preference ?? -Infinity) - (a.known?.preference ?? -Infinity) || 0);
  return all.map(({ offer: { name, plugin }, known }) => ({ name, summary: known?.summary ?? summaryOf(plugin) }));
}

function everything<K extends Kind>(kind: K): Offer<K>[] {
  plugins().look();
  return offers(kind);
}

function summaryOf(plugin: PluginPackage | undefined): string {
  if (plugin === undefined) return '';
  return plugin.summary === '' ? `from ${plugin.name}` : `${plugin.summary} (${plugin.name})`;
}
