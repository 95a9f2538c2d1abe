/** Output of the programs, and how they end. */
import { isatty } from 'node:tty';
import { BricksError, messageOf } from '../model/errors';
import { sayError } from '../program/messages';

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

let outputFailed = false;

/** Whether something that was meant for standard output is lost. */
export function hasOutputFailed(): boolean {
  return outputFailed;
}

/** A disk that is full under a log or a listing, or a reader of messages that has gone, must not end a program that records. */
export function surviveFullOutput(): void {
  // Of standard error nobody can be told; it is written again when there is room.
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    if (outputFailed || hasTerminalGone()) return;
    outputFailed = true;
    sayError(new BricksError('E_OUTPUT', `Cannot write to standard output: ${messageOf(error)}.`, 'Free some space, or redirect it; output written until then is lost, and everything else carries on.'));
  });
}

/** Columns of text, aligned; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]))).join('  ')).join('\n');
}
