/** Runs a script against engines that are only planned: what it would make, or what is wrong with it. */
import { closeSync, openSync } from 'node:fs';
import type { EngineSetUp } from '../control/engine-set-up';
import type { PlannedEngines } from '../control/planned-engines';
import { BricksError } from '../model/errors';
import { formatFailure } from '../lua/lua-host';
import { LIMIT_SECONDS, rehearseScript } from '../program/rehearsal';
import { firstBrickOfState } from './brick-numbers';

/** An engine as the script makes it. */
export interface WantedEngine extends EngineSetUp {
  /** Whether the script starts it. */
  readonly started: boolean;
}

/** @throws BricksError E_SCRIPT_FAILED */
export async function rehearse(path: string, words: readonly string[], engines: PlannedEngines): Promise<WantedEngine[]> {
  const nowhere = openSync('/dev/null', 'w');
  try {
    // Its commands are run: what a graph is made of may depend on them.
    const { result, tooLong } = await rehearseScript(path, engines, { args: words, output: nowhere, daemon: true, firstBrick: firstBrickOfState(), runCommands: true });
    if (tooLong) throw new BricksError('E_SCRIPT_FAILED', `The script ${path} was still at work after ${LIMIT_SECONDS} s, though its waits took no time.`, 'It loops without waiting: put a BRICKS.sleep into its loop.');
    if (!result.ok && !result.failure.interrupted) throw new BricksError('E_SCRIPT_FAILED', formatFailure(result.failure));
    if (result.ok && (result.exitCode ?? 0) !== 0) throw new BricksError('E_SCRIPT_FAILED', `The script ${path} has ended itself with exit code ${result.exitCode}.`);
    return engines.all.map((engine) => ({ ...engine.setUp, started: engine.begun }));
  } finally {
    closeSync(nowhere);
  }
}
