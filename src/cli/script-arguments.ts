/** Arguments after --, which not everything takes that can be run. */
import { UsageError } from 'clipanion';
import { isSetup } from '../program/script';

/** @throws UsageError if nobody would look at them */
export function checkScriptArguments(script: string | undefined, words: readonly string[]): void {
  if (words.length === 0) return;
  if (script === undefined) throw new UsageError('Arguments for a script were given, but no script (-f).');
  if (isSetup(script)) throw new UsageError(`Arguments are for scripts, and ${script} is a setup.`);
}
