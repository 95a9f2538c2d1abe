/** The exit codes of the program. The reference and the manual page list them. */
import { FAULT_KINDS } from '../model/outcome';

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

interface ExitCode {
  readonly code: number;
  readonly meaning: string;
}

const faults = FAULT_KINDS.filter(({ exitCode }) => exitCode !== EXIT_FAILURE).map(({ exitCode, text }): ExitCode => ({ code: exitCode, meaning: text }));

export const EXIT_CODES: readonly ExitCode[] = [
  { code: 0, meaning: 'All work was done.' },
  { code: EXIT_FAILURE, meaning: 'Something failed: a script, an engine that could not start or ended with an error, or writing messages; or nothing was started at all.' },
  { code: EXIT_USAGE, meaning: 'The command line is invalid.' },
  ...faults.sort((a, b) => a.code - b.code),
];
