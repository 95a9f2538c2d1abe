/** What may not be asked of an engine in the state it is in: the same for engines that are open and for those that are only planned. */
import { BricksError } from '../model/errors';

/** @throws BricksError E_ENGINE_RUNNING */
export function refuseWhileRunning(engine: { readonly name: string; readonly running: boolean }, what: 'unlink' | 'delete it'): void {
  if (engine.running) throw new BricksError('E_ENGINE_RUNNING', `The engine ${engine.name} is running.`, `Stop it before you ${what}.`);
}

/** For an engine to which nothing was linked. */
export function noBrickError(name: string, consequence = ''): BricksError {
  return new BricksError('E_ENGINE_NOT_LINKED', `The engine ${name} has no brick${consequence}.`, 'Link one first: pe:link(brick).');
}

/** A call of a method that a brick has not. */
export function noMethodsError(brick: string | number): BricksError {
  return new BricksError('E_BRICK_CALL', `The brick ${brick} has no control half, so it has no methods.`);
}
