/**
 * The container: bricks and backends by their names. All that bring some declare them here, by one form: this package, plugins, and the program itself
 * (`registerBrick`, `registerBackend`). Nothing of a package is loaded before it is asked for. This folder alone knows tsyringe.
 */
import 'reflect-metadata';
import { container as rootContainer, type DependencyContainer } from 'tsyringe';
import type { Backend } from '../model/backend';
import type { BrickDeclaration } from '../model/brick';
import type { BrickClass, ModuleReference } from '../model/define-brick';
import { isBrickClass } from '../model/define-brick';
import { BricksError, namesInstead } from '../model/errors';
import { backendsOf } from './load-backend';
import { brickClassesOf } from './load-brick';
import { OWN_PACKAGE, loadOwnModule } from './own-package';
import type { PluginPackage } from './plugin-package';

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

export type Kind = 'bricks' | 'backends';
export interface Loaded { bricks: BrickKind; backends: FoundBackend }
interface AtOnce { bricks: BrickClass; backends: Backend }

/** A brick or a backend that somebody brings. */
export interface Offer<K extends Kind = Kind> {
  readonly name: string;
  /** Who brings it; nobody where the program itself has registered it. */
  readonly plugin?: PluginPackage;
  /** What it is, where its code is known: not a plugin's. */
  readonly atOnce?: () => AtOnce[K];
  /** What it is, loaded if it has to be. @throws BricksError E_PLUGIN */
  load(): Promise<Loaded[K]>;
}

/** What a package's modules export, as one of its names. */
export type Loader = <K extends Kind>(kind: K, name: string, module: string) => Pick<Offer<K>, 'atOnce' | 'load'>;

const container: DependencyContainer = rootContainer.createChildContainer();
/** Plugins may be looked for again: then all of theirs are declared anew. */
let ofPlugins: DependencyContainer = container.createChildContainer();

function tokenOf(kind: Kind, name: string): string {
  return `packet-bricks:${kind}:${name}`;
}

function listOf(kind: Kind): string {
  return `packet-bricks:${kind}`;
}

function declare<K extends Kind>(kind: K, offer: Offer<K>, into = container): void {
  into.register(tokenOf(kind, offer.name), { useValue: offer });
  into.register(listOf(kind), { useValue: offer });
}

function declarePackage(plugin: PluginPackage, load: Loader, into: DependencyContainer): void {
  for (const kind of ['bricks', 'backends'] as const) {
    for (const [name, module] of plugin[kind]) declare(kind, { name, plugin, ...load(kind, name, module) }, into);
  }
}

/** Declares what plugins bring, in place of what was declared before. */
export function declarePlugins(plugins: readonly PluginPackage[], load: Loader): void {
  ofPlugins = container.createChildContainer();
  for (const plugin of plugins) declarePackage(plugin, load, ofPlugins);
}

function loadOwn<K extends Kind>(kind: K, name: string, module: string): Pick<Offer<K>, 'atOnce' | 'load'> {
  let known: AtOnce[Kind] | undefined;
  const atOnce = (): AtOnce[Kind] => (known ??= ownOf(kind, name, module));
  return { atOnce, load: () => Promise.resolve(kind === 'bricks' ? atOnce() : { backend: atOnce() }) } as Pick<Offer<K>, 'atOnce' | 'load'>;
}

function ownOf(kind: Kind, name: string, module: string): AtOnce[Kind] {
  const exports = loadOwnModule(module);
  const found = kind === 'bricks' ? brickClassesOf(exports).find(({ declaration }) => declaration.name === name) : backendsOf(exports).find((backend) => backend.name === name);
  if (found === undefined) throw new BricksError('E_INTERNAL', `The module ${module} exports no "${name}".`);
  return found;
}

declarePackage(OWN_PACKAGE, loadOwn, container);

/** A child of the container of bricks and backends. */
export function childContainer(): DependencyContainer {
  return container.createChildContainer();
}

/**
 * Makes a brick known by its name, to Lua scripts and shells of this process; engines load it from its module. A later one of the same
 * name takes its place. @throws BricksError E_ARGUMENT
 */
export function registerBrick(brick: BrickClass<never>): void {
  if (!isBrickClass(brick)) throw new BricksError('E_ARGUMENT', `registerBrick takes what defineBrick returns, got ${String(brick)}.`);
  declare('bricks', { name: brick.declaration.name, atOnce: () => brick as BrickClass, load: () => Promise.resolve(brick) });
}

/** Makes a backend known by its name, in this thread. */
export function registerBackend(backend: Backend): void {
  declare('backends', { name: backend.name, atOnce: () => backend, load: () => Promise.resolve({ backend }) });
}

/** Who brings a brick or a backend of this name, if anybody. */
export function offered<K extends Kind>(kind: K, name: string): Offer<K> | undefined {
  const token = tokenOf(kind, name);
  // What the program registers takes the place of what plugins bring.
  const holder = [container, ofPlugins].find((one) => one.isRegistered(token));
  return holder?.resolve<Offer<K>>(token);
}

/** All that is brought, of each name one; `known`: only what can be told at once. */
export function offers<K extends Kind>(kind: K, known = false): Offer<K>[] {
  const list = listOf(kind);
  const all = (known ? [container] : [ofPlugins, container]).flatMap((one) => (one.isRegistered(list) ? one.resolveAll<Offer<K>>(list) : []));
  return [...new Map(all.map((offer) => [offer.name, offer])).values()];
}

/** The brick of a name, if there is one whose code is known. */
export function knownBrick(kind: string): BrickClass | undefined {
  return offered('bricks', kind)?.atOnce?.();
}

/** The backend of a name, if there is one in this thread. */
export function knownBackend(name: string): Backend | undefined {
  return offered('backends', name)?.atOnce?.();
}

/** The backend of a name. @throws BricksError E_BACKEND */
export function resolveBackend(name: string): Backend {
  const known = knownBackend(name);
  if (known) return known;
  throw new BricksError('E_BACKEND', `There is no backend "${name}".`, namesInstead(name, allBackends().map((backend) => backend.name)));
}

/** By characters: the language's own order costs a start some 50 ms. */
export function inOrderOfNames(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

/** The declarations of all kinds of brick whose code is known, by name. */
export function brickDeclarations(): BrickDeclaration[] {
  return offers('bricks', true).flatMap(({ atOnce }) => atOnce?.().declaration ?? []).sort(inOrderOfNames);
}

/** All backends whose code is known, the most preferred first. */
export function allBackends(): Backend[] {
  return offers('backends', true).flatMap(({ atOnce }) => atOnce?.() ?? []).sort((a, b) => b.preference - a.preference);
}
