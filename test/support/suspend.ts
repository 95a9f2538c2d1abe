/** Suspends programs. */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { until } from './loopback-engine';

/** Returns when all threads of the program stand still: the signal alone reaches one of them, and on a busy machine the others go on for a while. */
export async function suspend(program: Pick<ChildProcess, 'kill' | 'pid'>): Promise<void> {
  program.kill('SIGSTOP');
  const threads = `/proc/${program.pid}/task`;
  // The state stands behind the name, which may itself contain parentheses.
  const stands = (thread: string): boolean => /^ [Tt] /.test(readFileSync(`${threads}/${thread}/stat`, 'latin1').split(')').at(-1) ?? '');
  await until(() => readdirSync(threads).every(stands));
}
