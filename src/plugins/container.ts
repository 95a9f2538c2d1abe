/**
 * The container: bricks and backends by their names. Built-in ones are registered here; others bring
 * themselves by `registerBrick` and `registerBackend`. This folder alone knows tsyringe.
 */
import 'reflect-metadata';
import { container as rootContainer, type DependencyContainer, type InjectionToken } from 'tsyringe';
import type { Backend } from '../model/backend';
import type { BrickDeclaration } from '../model/brick';
import type { BrickClass } from '../model/define-brick';
import { isBrickClass } from '../model/define-brick';
import { BricksError, namesInstead } from '../model/errors';
import { BUILT_IN_BACKENDS, BUILT_IN_BRICKS } from './built-in';

const BRICKS: InjectionToken<BrickClass> = Symbol.for('packet-bricks:bricks');
const BACKENDS: InjectionToken<Backend> = Symbol.for('packet-bricks:backends');

function tokenOf(kind: 'brick' | 'backend', name: string): string {
  return `packet-bricks:${kind}:${name}`;
}

const container: DependencyContainer = rootContainer.createChildContainer();

/**
 * Makes a brick known by its name, to Lua scripts and shells of this process; engines load it from its module. A later one of the same
 * name takes its place. @throws BricksError E_ARGUMENT
 */
export function registerBrick(brick: BrickClass<never>): void {
  if (!isBrickClass(brick)) throw new BricksError('E_ARGUMENT', `registerBrick takes what defineBrick returns, got ${String(brick)}.`);
  container.register(tokenOf('brick', brick.declaration.name), { useValue: brick });
  container.register(BRICKS, { useValue: brick as BrickClass });
}

/** Makes a backend known by its name, in this thread. */
export function registerBackend(backend: Backend): void {
  container.register(tokenOf('backend', backend.name), { useValue: backend });
  container.register(BACKENDS, { useValue: backend });
}

for (const brick of BUILT_IN_BRICKS) registerBrick(brick);
for (const backend of BUILT_IN_BACKENDS) {
  container.registerSingleton<Backend>(tokenOf('backend', backend.backendName), backend);
  container.register(BACKENDS, { useFactory: (resolver) => resolver.resolve<Backend>(tokenOf('backend', backend.backendName)) });
}

/** The brick of a name, if there is one. */
export function knownBrick(kind: string): BrickClass | undefined {
  const token = tokenOf('brick', kind);
  return container.isRegistered(token) ? container.resolve<BrickClass>(token) : undefined;
}

/** The backend of a name, if there is one in this thread. */
export function knownBackend(name: string): Backend | undefined {
  const token = tokenOf('backend', name);
  return container.isRegistered(token) ? container.resolve<Backend>(token) : undefined;
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

/** The declarations of all kinds of brick, by name. */
export function brickDeclarations(): BrickDeclaration[] {
  const byName = new Map(container.resolveAll(BRICKS).map((brick) => [brick.declaration.name, brick.declaration]));
  return [...byName.values()].sort(inOrderOfNames);
}

/** All backends, the most preferred first. */
export function allBackends(): Backend[] {
  const byName = new Map(container.resolveAll(BACKENDS).map((backend) => [backend.name, backend]));
  return [...byName.values()].sort((a, b) => b.preference - a.preference);
}
