/** Loads a brick or a backend from a module outside of this package, in any thread. */
import { isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BricksError, messageOf } from '../core/errors';
import { placeOfError } from './error-place';
import { installModuleHooks } from './module-hooks';

/** @throws BricksError E_MODULE */
export async function loadExport<Value>(reference: { readonly url: string; readonly name: string }): Promise<Value> {
  installModuleHooks();
  const path = reference.url.startsWith('file:') ? fileURLToPath(reference.url) : reference.url;
  let exports: Record<string, unknown>;
  try {
    exports = await importModule(path);
  } catch (error) {
    const place = placeOfError(error, isAbsolute(path) ? path : undefined);
    throw new BricksError('E_MODULE', `The module ${reference.url} can't be loaded: ${place ? `${place.line}: ` : ''}${messageOf(error)}.`);
  }
  const value = exports[reference.name] ?? (exports['default'] as Record<string, unknown> | undefined)?.[reference.name];
  if (value === undefined) {
    throw new BricksError('E_MODULE', `The module ${reference.url} exports no "${reference.name}".`, `It exports: ${Object.keys(exports).join(', ') || 'nothing'}.`);
  }
  return value as Value;
}

/** What `require` says of a module that it can't load, but `import` perhaps can. */
const FOR_IMPORT = ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE', 'ERR_MODULE_NOT_FOUND'];

async function importModule(path: string): Promise<Record<string, unknown>> {
  const address = isAbsolute(path) ? pathToFileURL(path).href : path;
  // require() of such a module, where Node knows it, goes past the hooks that find packet-bricks.
  if (/\.(mjs|mts|ts)$/.test(path)) return (await import(address)) as Record<string, unknown>;
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- CommonJS modules load at once, everywhere
    return require(path) as Record<string, unknown>;
  } catch (error) {
    if (!FOR_IMPORT.includes((error as { code?: string }).code ?? '')) throw error;
    return (await import(address)) as Record<string, unknown>;
  }
}
