/** Loads a backend from its module, in any thread. */
import type { Backend } from '../model/backend';
import type { ModuleReference } from '../model/define-brick';
import { BricksError } from '../model/errors';
import { exportedValues, loadModule } from './load-module';

/** All backends that a module exports, also those within its default export. */
export function backendsOf(exports: Readonly<Record<string, unknown>>): Backend[] {
  return [...new Set(exportedValues(exports).filter(isBackend))];
}

function isBackend(value: unknown): value is Backend {
  const { name, ports, status, handles } = (value ?? {}) as Partial<Backend>;
  return typeof name === 'string' && typeof ports === 'function' && typeof status === 'function' && typeof handles === 'function';
}

/** The backend of a module: what is exported by the reference's name, or calls itself so. @throws BricksError E_MODULE */
export async function loadBackend({ url, name }: ModuleReference): Promise<Backend> {
  const exports = await loadModule(url);
  const byExport = exports[name] ?? (exports['default'] as Record<string, unknown> | undefined)?.[name];
  if (byExport !== undefined) return byExport as Backend;
  const found = backendsOf(exports).find((backend) => backend.name === name);
  if (found) return found;
  throw new BricksError('E_MODULE', `The module ${url} exports no backend "${name}".`, `It exports: ${Object.keys(exports).join(', ') || 'nothing'}.`);
}
