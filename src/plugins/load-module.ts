/** Loads a brick or a backend from a module outside of this package, in any thread. */
import { fileURLToPath } from 'node:url';
import { BricksError, messageOf } from '../core/errors';

/** @throws BricksError E_MODULE */
export async function loadExport<Value>(reference: { readonly url: string; readonly name: string }): Promise<Value> {
  let exports: Record<string, unknown>;
  try {
    exports = await importModule(reference.url.startsWith('file:') ? fileURLToPath(reference.url) : reference.url);
  } catch (error) {
    throw new BricksError('E_MODULE', `The module ${reference.url} can't be loaded: ${messageOf(error)}.`);
  }
  const value = exports[reference.name] ?? (exports['default'] as Record<string, unknown> | undefined)?.[reference.name];
  if (value === undefined) {
    throw new BricksError('E_MODULE', `The module ${reference.url} exports no "${reference.name}".`, `It exports: ${Object.keys(exports).join(', ') || 'nothing'}.`);
  }
  return value as Value;
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- CommonJS modules load at once, everywhere
    return require(path) as Record<string, unknown>;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_REQUIRE_ESM') throw error;
    return (await import(path)) as Record<string, unknown>;
  }
}
