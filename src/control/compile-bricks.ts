/** Compiles what a user described, with the declarations of its bricks, wherever they come from. */
import type { BrickDeclaration } from '../model/brick';
import { declarationFor } from '../model/define-brick';
import { checkOptions } from '../model/options';
import { compileGraph, type BrickSpecification, type CompiledGraph } from '../model/graph';
import { knownBrick } from '../plugins/container';
import { loadBrickClass } from '../plugins/load-brick';

/** @throws BricksError that names brick and link */
export async function compileBricks(bricks: readonly BrickSpecification[]): Promise<CompiledGraph> {
  const declarations = new Map<BrickSpecification, BrickDeclaration>();
  for (const brick of bricks) {
    const { module, kind } = brick;
    const known = knownBrick(kind);
    const found = known?.module.url === module.url ? known : await loadBrickClass(module, kind);
    const { name, options, shorthand } = found.declaration;
    declarations.set(brick, declarationFor(found, checkOptions(name, options, brick.options, shorthand)));
  }
  return compileGraph(bricks, (brick) => declarations.get(brick) as BrickDeclaration);
}

/** What bricks themselves have to say of their options, without an engine. @throws BricksError, what they say */
export async function checkBricks({ bricks }: CompiledGraph): Promise<void> {
  for (const { specification: { module, kind }, options } of bricks) {
    const known = knownBrick(kind);
    const { definition } = known?.module.url === module.url ? known : await loadBrickClass(module, kind);
    definition.check?.(options);
  }
}
