/** Runs a script or a setup against engines that are only planned: what it would make, or what is wrong with it. */
import { closeSync, openSync } from 'node:fs';
import type { EngineSetUp } from '../control/engine-set-up';
import type { PlannedEngines } from '../control/planned-engines';
import { BricksError } from '../model/errors';
import { formatFailure } from '../lua/lua-host';
import { LIMIT_SECONDS, rehearseScript } from '../program/rehearsal';
import { isSetup } from '../program/script';
import { runSetup } from '../text';
import { firstBrickOfState } from '../program/brick-numbers';

/** An engine as the script makes it. */
export interface WantedEngine extends EngineSetUp {
  /** Whether the script starts it. */
  readonly started: boolean;
}

/** `text` is what stands in it. @throws BricksError E_SCRIPT_FAILED, or what is wrong with a setup */
export async function rehearse(path: string, text: string, words: readonly string[], engines: PlannedEngines): Promise<WantedEngine[]> {
  const firstBrick = firstBrickOfState();
  if (isSetup(path)) await runSetup(text, path, (command) => engines.execute(command), firstBrick);
  else await rehearseLua(path, text, words, engines, firstBrick);
  return engines.all.map((engine) => ({ ...engine.setUp, started: engine.begun }));
}

async function rehearseLua(path: string, text: string, words: readonly string[], engines: PlannedEngines, firstBrick: number): Promise<void> {
  const nowhere = openSync('/dev/null', 'w');
  try {
    // Its commands are run: what a graph is made of may depend on them.
    const { result, tooLong } = await rehearseScript(path, engines, { text, args: words, output: nowhere, daemon: true, firstBrick, runCommands: true });
    if (tooLong) throw new BricksError('E_SCRIPT_FAILED', `The script ${path} was still at work after ${LIMIT_SECONDS} s, though its waits took no time.`, 'It loops without waiting: put a BRICKS.sleep into its loop.');
    if (!result.ok && !result.failure.interrupted) throw new BricksError('E_SCRIPT_FAILED', formatFailure(result.failure));
    if (result.ok && (result.exitCode ?? 0) !== 0) throw new BricksError('E_SCRIPT_FAILED', `The script ${path} exited with code ${result.exitCode}.`);
  } finally {
    closeSync(nowhere);
  }
}
