/** Which bricks may share their functions with the warm-up, and with them all that V8 has compiled. */
import type { AnyDefinition } from '../model/brick';

/** Whether its functions can be warmed up as they are: what they remember is in their state, or there is nothing that could remember. */
export function isWarmable({ state, choose, onPacket, process }: AnyDefinition): boolean {
  const factory = choose ?? onPacket ?? process;
  return state !== undefined || factory === undefined || ARROW_OF_ARROW.test(String(factory));
}

/**
 * `(...) => (row) => ...`, recognised by its text: such a brick has no scope for variables of its own between the two functions, so that it may share
 * its code with the warm-up. A default value with a call in it does not match: that brick's function is made anew.
 */
const ARROW_OF_ARROW = /^\(?[\w\s,{}:$]*\)?\s*=>\s*\(?\s*(?:\(\s*[\w$,\s]*\)|[\w$]+)\s*=>/;
