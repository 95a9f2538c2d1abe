/**
 * What a package says of itself in its package.json:
 *
 *     "packet-bricks": { "contract": 1, "bricks": { "Sampler": "./dist/index.js" }, "backends": { "generator": "./dist/backend.js" } }
 *
 * The names of what it brings stand there, so that they are known without running any of its code.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { messageOf } from '../model/errors';
import { systemReason } from '../model/system-error';
import { isTable } from '../model/table';

/** The version of the contract between this package and plugins (docs/decisions/0046-plugins.md). */
export const CONTRACT = 1;
export const KEYWORD = 'packet-bricks-plugin';
/** No person writes a longer package.json. */
const MANIFEST_BYTES = 1 << 20;
const BRICK_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const BACKEND_NAME = /^[a-z][a-z0-9_-]{0,63}$/;

/** A package that was found, with what it brings: its files by the names of bricks and of backends. */
export interface PluginPackage {
  readonly name: string;
  readonly version: string;
  /** The description in its package.json. */
  readonly summary: string;
  /** Where it lies, with links resolved. */
  readonly folder: string;
  readonly bricks: ReadonlyMap<string, string>;
  readonly backends: ReadonlyMap<string, string>;
  /** Why it was not taken, if it was not. */
  readonly problem?: string;
}

type Manifest = Readonly<Record<string, unknown>>;

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Reads a package's declaration; nothing for a package that is not a plugin, unless it was `named` by the user. */
export function readPluginPackage(folder: string, named = false): PluginPackage | undefined {
  let text: string;
  let real: string;
  try {
    real = realpathSync(folder);
    const file = join(real, 'package.json');
    if (statSync(file).size > MANIFEST_BYTES) return named ? broken(folder, 'its package.json is larger than 1 MiB') : undefined;
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return named ? broken(folder, `its package.json can't be read: ${systemReason(error)}`) : undefined;
  }
  if (!named && !text.includes('packet-bricks')) return undefined;
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    return named ? broken(folder, `its package.json is not JSON: ${messageOf(error)}`) : undefined;
  }
  if (!isTable(manifest)) return named ? broken(folder, 'its package.json is not an object') : undefined;
  const declared = manifest['packet-bricks'];
  const isMeant = named || (Array.isArray(manifest['keywords']) && manifest['keywords'].includes(KEYWORD));
  if (declared === undefined && !isMeant) return undefined;
  return taken(real, manifest, declared);
}

function broken(folder: string, problem: string): PluginPackage {
  return { name: folder, version: '', summary: '', folder, bricks: new Map(), backends: new Map(), problem };
}

function taken(folder: string, manifest: Manifest, declared: unknown): PluginPackage {
  const plugin = {
    name: textOf(manifest['name']) || folder, version: textOf(manifest['version']), summary: textOf(manifest['description']), folder,
    bricks: new Map<string, string>(), backends: new Map<string, string>(),
  };
  if (declared === undefined) return { ...plugin, problem: 'it is not a plugin: its package.json does not declare "packet-bricks"' };
  if (!isTable(declared)) return { ...plugin, problem: `"packet-bricks" in its package.json must be an object such as ${EXAMPLE}` };
  const problem = modulesOf(folder, declared['bricks'], 'brick', BRICK_NAME, plugin.bricks) ?? modulesOf(folder, declared['backends'], 'backend', BACKEND_NAME, plugin.backends)
    ?? contractProblem(declared['contract']);
  if (problem !== undefined) return { ...plugin, problem };
  if (plugin.bricks.size + plugin.backends.size === 0) return { ...plugin, problem: `it declares no brick and no backend; "packet-bricks" must be an object such as ${EXAMPLE}` };
  return plugin;
}

const EXAMPLE = '{"contract": 1, "bricks": {"Sampler": "./dist/index.js"}}';

function contractProblem(contract: unknown): string | undefined {
  if (contract === CONTRACT) return undefined;
  if (contract === undefined) return `it does not say for which contract it was written; add "contract": ${CONTRACT} to "packet-bricks" in its package.json`;
  const remedy = typeof contract === 'number' && contract > CONTRACT ? 'Install a newer Packet Bricks, or an older version of the plugin' : 'Install another version of the plugin';
  return `it was written for contract ${JSON.stringify(contract)}, and this version of Packet Bricks has contract ${CONTRACT}. ${remedy}`;
}

/** Adds the files that bring bricks or backends, by their names; returns what is wrong with them. */
function modulesOf(folder: string, declared: unknown, kind: 'brick' | 'backend', allowed: RegExp, into: Map<string, string>): string | undefined {
  if (declared === undefined) return undefined;
  if (!isTable(declared)) return `"${kind}s" in its package.json must name what its modules export: {"NAME": "./dist/index.js"}`;
  let problem: string | undefined;
  for (const [name, module] of Object.entries(declared)) {
    if (!allowed.test(name)) {
      problem ??= `"${name}" can't be the name of a ${kind}`;
      continue;
    }
    const file = typeof module === 'string' ? join(folder, module) : undefined;
    if (file !== undefined && !leaves(folder, file)) into.set(name, file);
    else problem ??= `the module of the ${kind} ${name} must be a file of the package, such as "./dist/index.js"`;
    if (file !== undefined && statSync(file, { throwIfNoEntry: false })?.isFile() !== true) problem ??= `the module of the ${kind} ${name}, ${String(module)}, does not exist: build the package, or correct its package.json`;
  }
  return problem;
}

function leaves(folder: string, file: string): boolean {
  const path = relative(folder, file);
  return path === '' || path.startsWith('..') || isAbsolute(path);
}
