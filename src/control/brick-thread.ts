/** The threads that load bricks: there a script that defines one is run once more, and must not start its engines again. */
import { BricksError } from '../model/errors';

/** Known to whichever copy of this package the script finds. */
const IN_BRICK_THREAD = Symbol.for('packet-bricks:brick-thread');

/** This thread loads bricks. Before it does. */
export function markBrickThread(): void {
  Object.defineProperty(globalThis, IN_BRICK_THREAD, { value: true });
}

/** @throws BricksError E_ENGINE_THREAD */
export function refuseInBrickThread(engine: string): void {
  if (!(IN_BRICK_THREAD in globalThis)) return;
  throw new BricksError(
    'E_ENGINE_THREAD', `The engine "${engine}" can't be made in the thread of another engine, which loads this script because it defines a brick.`,
    'Put the brick into its own module, and import it here.',
  );
}
