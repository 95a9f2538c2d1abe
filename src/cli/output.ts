/** Output of the programs, and how they end. */
import { isatty } from 'node:tty';
import { columnsOf } from '../control/columns';
import { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';
import { exitCodeOfFailure, isUsageError, say, sayError } from '../program/messages';
import { written } from '../program/written';
import { EXIT_FAILURE } from './exit-codes';

const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));

function hasTerminalGone(): boolean {
  return !terminals.every((descriptor) => isatty(descriptor));
}

/** Ends the program. Node sets terminals as it found them, and aborts where one has gone meanwhile: then the signal that says so ends it. */
export function endProgram(code: number): void {
  if (hasTerminalGone()) {
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  }
  process.exit(code);
}

/** Whether something that was meant for standard output is lost. */
let outputFailed = false;

/** A disk that is full under a log or a listing, or a reader of messages that has gone, must not end a program that records. */
function surviveFullOutput(): void {
  // Of standard error nobody can be told; it is written again when there is room.
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    if (outputFailed || hasTerminalGone()) return;
    outputFailed = true;
    sayError(new BricksError('E_OUTPUT', `Cannot write to standard output: ${systemReason(error)}.`, 'Free some space, or redirect it; output written until then is lost, and everything else carries on.'));
  });
}

/** Runs a program, and ends it with the exit code that it resolves with. */
export function runProgram(program: () => Promise<number>): void {
  surviveFullOutput();
  program().catch((error: unknown) => {
    sayError(error);
    return EXIT_FAILURE;
  }).then(async (code) => {
    await written(process.stdout);
    // A failure to write is reported a turn later.
    setImmediate(() => endProgram(code === 0 && outputFailed ? EXIT_FAILURE : code));
  });
}

/** Says what has failed, in the words that `usage` has for a mistake on the command line. Returns the exit code. */
export function reportFailure(error: unknown, usage: (error: Error) => string): number {
  if (isUsageError(error)) say(usage(error));
  else sayError(error);
  return exitCodeOfFailure(error);
}

/** Columns of words; the first row is the head. */
export function table([head, ...rows]: readonly (readonly string[])[]): string {
  return columnsOf(head, rows).join('\n');
}
