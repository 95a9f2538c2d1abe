/** Runs a script against engines that are only planned: what it would make, or what is wrong with it. */
import { closeSync, openSync } from 'node:fs';
import type { EngineSetUp } from '../control/engine-set-up';
import type { PlannedEngines } from '../control/planned-engines';
import { BricksError } from '../model/errors';
import { formatFailure, LuaHost } from '../lua/lua-host';
import { firstBrickOfState } from './brick-numbers';

/** An engine as the script makes it. */
export interface WantedEngine extends EngineSetUp {
  /** Whether the script starts it. */
  readonly started: boolean;
}

/** Waits of a script take no time; when they would have taken so long it is taken to wait for ever. */
const REHEARSED_SECONDS = 600;
const LIMIT_MILLISECONDS = 10_000;

/** @throws BricksError E_SCRIPT_FAILED */
export async function rehearse(path: string, words: readonly string[], engines: PlannedEngines): Promise<WantedEngine[]> {
  const nowhere = openSync('/dev/null', 'w');
  const host = new LuaHost((order) => engines.execute(order), {
    args: words, output: nowhere, daemon: true, firstBrick: firstBrickOfState(),
    // Its commands are run: what a graph is made of may depend on them.
    rehearsal: { seconds: REHEARSED_SECONDS, runCommands: true, onSkipped: () => undefined },
  });
  let tooLong = false;
  const clock = setTimeout(() => {
    tooLong = true;
    host.interrupt();
  }, LIMIT_MILLISECONDS);
  try {
    const result = await host.runScript(path);
    if (tooLong) throw new BricksError('E_SCRIPT_FAILED', `The script ${path} was still at work after ${LIMIT_MILLISECONDS / 1000} s, though its waits took no time.`, 'It loops without waiting: put a BRICKS.sleep into its loop.');
    if (!result.ok && !result.failure.interrupted) throw new BricksError('E_SCRIPT_FAILED', formatFailure(result.failure));
    if (result.ok && (result.exitCode ?? 0) !== 0) throw new BricksError('E_SCRIPT_FAILED', `The script ${path} has ended itself with exit code ${result.exitCode}.`);
    return engines.all.map((engine) => ({ ...engine.setUp, started: engine.begun }));
  } finally {
    clearTimeout(clock);
    await host.close();
    closeSync(nowhere);
  }
}
