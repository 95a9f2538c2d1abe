/** Who has given an engine a command: an error of a command that waited for its turn does not know. */
import { placeOfError } from '../plugins/error-place';

/** To be called where the command is given. What it returns throws the error of the command again, with the calls that led to it, unless it has a place in a file of the user's itself. */
export function withCaller(): (error: unknown) => never {
  const caller: { stack?: string } = {};
  Error.captureStackTrace(caller, withCaller);
  return (error) => {
    const calls = caller.stack?.split('\n').slice(1).join('\n');
    if (error instanceof Error && calls && placeOfError(error) === undefined) error.stack = `${error.stack ?? error.message}\n${calls}`;
    throw error;
  };
}
