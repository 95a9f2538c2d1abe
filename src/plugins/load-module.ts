/** Loads a brick or a backend from a module outside of this package, in any thread. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BricksError, messageOf } from '../model/errors';
import { placeOfError } from './error-place';
import { forgetRequired, markOf, markedAddress } from './fresh-modules';
import { installModuleHooks } from './module-hooks';

/**
 * What a module exports. `instance`: 0 for the module as every thread's imports find it; others are made anew from its source, and
 * share what it imports. @throws BricksError E_MODULE
 */
export async function loadModule(url: string, instance = 0): Promise<Record<string, unknown>> {
  installModuleHooks();
  const path = pathOfModule(url);
  if (isAbsolute(path) && !existsSync(path)) throw new BricksError('E_MODULE', `The module ${url} can't be loaded: there is no such file.`);
  try {
    return await importModule(path, instance, markOf(url));
  } catch (error) {
    const place = placeOfError(error, isAbsolute(path) ? path : undefined);
    throw new BricksError('E_MODULE', `The module ${url} can't be loaded: ${place ? `${place.line}: ` : ''}${withoutStack(messageOf(error))}.`);
  }
}

/** Node names the files of ours that asked for it. */
function withoutStack(message: string): string {
  return message.replace(/\nRequire stack:[^]*$/, '');
}

/** Everything that a module exports, also what is within its default export. */
export function exportedValues(exports: Readonly<Record<string, unknown>>): unknown[] {
  const inner = exports['default'];
  return [...Object.values(exports), ...(typeof inner === 'object' && inner !== null ? Object.values(inner) : [])];
}

/** Modules of this package go by their names, since each thread may have them elsewhere: as they were compiled, or as they were bundled. */
const OWN = 'packet-bricks:';

/** By which every thread finds the module of a built-in brick, `src/bricks/NAME.ts`. */
export function ownModule(name: string): string {
  return `${OWN}${name}`;
}

function pathOfModule(url: string): string {
  if (url.startsWith(OWN)) return join(__dirname, '..', 'bricks', `${url.slice(OWN.length)}.js`);
  return url.startsWith('file:') ? fileURLToPath(url) : url;
}

/** Of marked modules, the marks with which this thread has loaded each file: of CommonJS modules it has one at a time. */
const marks = new Map<string, string>();

/** What `require` says of a module that it can't load, but `import` perhaps can. */
const FOR_IMPORT = ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE', 'ERR_MODULE_NOT_FOUND'];

async function importModule(path: string, instance: number, mark: string | undefined): Promise<Record<string, unknown>> {
  const address = markedAddress(markedAddress(isAbsolute(path) ? pathToFileURL(path).href : path, instance > 0 ? `instance=${instance}` : undefined), mark);
  // require() of such a module, where Node knows it, goes past the hooks that find packet-bricks.
  if (isEsModule(path)) return (await import(address)) as Record<string, unknown>;
  try {
    if (mark !== undefined && marks.get(path) !== mark) {
      if (marks.has(path)) forgetRequired();
      marks.set(path, mark);
    }
    return requireAnew(path, instance);
  } catch (error) {
    if (!FOR_IMPORT.includes((error as { code?: string }).code ?? '')) throw error;
    return (await import(address)) as Record<string, unknown>;
  }
}

function isEsModule(path: string): boolean {
  return /\.(mjs|mts|ts)$/.test(path) || (path.endsWith('.js') && isAbsolute(path) && typeOfPackage(dirname(path)) === 'module');
}

const packageTypes = new Map<string, string>();

/** What the nearest package.json says of the .js files in a folder. */
function typeOfPackage(folder: string): string {
  let type = packageTypes.get(folder);
  if (type === undefined) {
    type = typeIn(join(folder, 'package.json')) ?? (dirname(folder) === folder ? 'commonjs' : typeOfPackage(dirname(folder)));
    packageTypes.set(folder, type);
  }
  return type;
}

function typeIn(manifest: string): string | undefined {
  try {
    return String((JSON.parse(readFileSync(manifest, 'utf8')) as { type?: unknown }).type ?? 'commonjs');
  } catch {
    return undefined; // there is none, or Node will say what is wrong with it
  }
}

/** A CommonJS module; for an `instance` above 0 it is run once more, beside the one that is known. */
function requireAnew(path: string, instance: number): Record<string, unknown> {
  if (instance === 0) return require(path) as Record<string, unknown>; // eslint-disable-line @typescript-eslint/no-require-imports -- CommonJS modules load at once, everywhere
  const file = require.resolve(path);
  const known = require.cache[file];
  delete require.cache[file];
  try {
    return require(path) as Record<string, unknown>; // eslint-disable-line @typescript-eslint/no-require-imports -- as above
  } finally {
    if (known) require.cache[file] = known;
  }
}
