/** Loads a brick's class from its module, in any thread. */
import type { BrickClass, ModuleReference } from '../model/define-brick';
import { isBrickClass } from '../model/define-brick';
import { BricksError } from '../model/errors';
import { exportedValues, loadModule } from './load-module';

/**
 * The class of the brick `kind` that a module exports. Each `instance` of it has its own functions: V8 then compiles what they close
 * over into them. @throws BricksError E_MODULE
 */
export async function loadBrickClass(module: ModuleReference, kind: string, instance = 0): Promise<BrickClass> {
  const classes = brickClassesOf(await loadModule(module.url, instance));
  const found = classes.find((brick) => brick.declaration.name === kind);
  if (found) return found;
  const names = classes.map((brick) => brick.declaration.name);
  throw new BricksError('E_MODULE', `The module ${module.url} exports no brick "${kind}".`, names.length > 0 ? `It exports: ${names.join(', ')}.` : 'Export what defineBrick returns.');
}

/** All brick classes that a module exports, also those within its default export. */
export function brickClassesOf(exports: Readonly<Record<string, unknown>>): BrickClass[] {
  return [...new Set(exportedValues(exports).filter(isBrickClass))];
}
