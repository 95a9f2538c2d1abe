/** Compiles what a user described, with the declarations of bricks from outside loaded. */
import type { BrickModule } from '../core/brick';
import { BricksError } from '../core/errors';
import { compileGraph, type BrickSpecification, type CompiledGraph } from '../core/graph';
import { resolveBrick } from '../plugins/container';
import { loadExport } from '../plugins/load-module';
import type { ModuleReference } from './engine-protocol';

/** @throws BricksError that names brick and link */
export async function compileBricks(bricks: readonly BrickSpecification[]): Promise<CompiledGraph> {
  const outside = new Map<BrickSpecification, BrickModule>();
  for (const brick of bricks) {
    if (brick.module) outside.set(brick, await loadBrick(brick.module));
  }
  return compileGraph(bricks, (brick) => (outside.get(brick) ?? resolveBrick(brick.kind)).declaration);
}

async function loadBrick(reference: ModuleReference): Promise<BrickModule> {
  const module = await loadExport<Partial<BrickModule>>(reference);
  if (typeof module.create !== 'function' || typeof module.declaration !== 'object') {
    throw new BricksError('E_MODULE', `What ${reference.url} exports as "${reference.name}" is no brick.`, 'It needs a declaration and a function create.');
  }
  return module as BrickModule;
}
