/** How a brick is defined: `export const BySize = defineBrick({ ... })`. */
import { pathToFileURL } from 'node:url';
import type { LinkCount } from '../model/brick';
import { makeBrickClass, type BrickClass, type GivenTo, type TypedDefinition } from '../model/define-brick';
import { BricksError } from '../model/errors';
import { addressOfBrick } from './fresh-modules';
import type { OptionDeclarations } from '../model/options';

/**
 * Makes the class of a brick, by which set-ups describe bricks of this kind: `new BySize({ limit: 200 })`.
 *
 * Its module has to export it: engines run in their own threads, and load the brick from there. The module is the file that calls
 * this function, unless `url` says otherwise.
 * @throws BricksError E_BRICK_DECLARATION
 */
export function defineBrick<
  const Declared extends OptionDeclarations = Record<never, never>, State = undefined, Shared = undefined, const Shorthand extends string & keyof Declared = never,
  const Inputs extends number | LinkCount = 1, const Outputs extends number | LinkCount = LinkCount,
>(definition: TypedDefinition<Declared, State, Shared, Shorthand, Inputs, Outputs>, url = callerOf(defineBrick)): BrickClass<GivenTo<Declared, Shorthand>, Inputs, Outputs> {
  return makeBrickClass(definition, { url: url.startsWith('file:') ? addressOfBrick(url) : url, name: '' });
}

/** The address of the file that called a function. */
function callerOf(called: (...values: never[]) => unknown): string {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: unknown } = {};
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_error, sites) => sites[0]?.getFileName();
    Error.captureStackTrace(holder, called);
    const { stack } = holder;
    if (typeof stack !== 'string') throw new BricksError('E_BRICK_DECLARATION', 'Can\'t tell which file defines the brick.', 'Pass its URL: defineBrick({ ... }, import.meta.url).');
    return stack.startsWith('file:') ? stack : pathToFileURL(stack).href;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}
