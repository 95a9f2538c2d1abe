/** Compiles what a user described, with the declarations of its bricks, wherever they come from. */
import type { BrickDeclaration } from '../model/brick';
import { declarationFor, type BrickClass } from '../model/define-brick';
import { BricksError } from '../model/errors';
import { checkOptions } from '../model/options';
import { compileGraph, type BrickSpecification, type CompiledBrick, type CompiledGraph } from '../model/graph';
import { knownBrick } from '../plugins/container';
import { loadBrickClass } from '../plugins/load-brick';

/** What bricks with a control half say of their options is heard before any half starts. @throws BricksError that names brick and link, what bricks say */
export async function compileBricks(bricks: readonly BrickSpecification[]): Promise<CompiledGraph> {
  const declarations = new Map<BrickSpecification, BrickDeclaration>();
  for (const brick of bricks) {
    const found = await classOf(brick);
    const { name, options, shorthand } = found.declaration;
    declarations.set(brick, declarationFor(found, checkOptions(name, options, brick.options, shorthand)));
  }
  const graph = compileGraph(bricks, (brick) => declarations.get(brick) as BrickDeclaration);
  for (const brick of graph.bricks) if (brick.declaration.control) await checkBrick(brick);
  return graph;
}

/** What bricks themselves have to say of their options, without an engine. @throws BricksError, what they say */
export async function checkBricks({ bricks }: CompiledGraph): Promise<void> {
  for (const brick of bricks) await checkBrick(brick);
}

async function checkBrick({ label, specification, options }: CompiledBrick): Promise<void> {
  const { definition } = await classOf(specification);
  try {
    definition.check?.(options);
  } catch (error) {
    // Of the brick's user, not a fault in its code.
    throw error instanceof Error && error.name === 'Error' ? new BricksError('E_OPTION', `${label}: ${error.message}`) : error;
  }
}

async function classOf({ module, kind }: BrickSpecification): Promise<BrickClass> {
  const known = knownBrick(kind);
  return known?.module.url === module.url ? known : await loadBrickClass(module, kind);
}
