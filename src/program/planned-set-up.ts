/** What a script or a setup as text would build: its engines, planned and not opened. */
import type { GraphDescription } from '../control/graph-description';
import { PlannedEngines } from '../control/planned-engines';
import { BricksError } from '../model/errors';
import { formatFailure } from '../lua/lua-host';
import { setDefaultBackend } from '../plugins/default-backend';
import { findBackend } from '../plugins/find';
import { runSetup } from '../text';
import { rehearseModule } from './module-rehearsal';
import { usePlugins } from './program-engines';
import { LIMIT_SECONDS, rehearseScript } from './rehearsal';
import { isModule, isSetup, readSetupFile } from './script';

/** What a set-up is planned for where nobody names a backend: the same on every machine. */
export const PLANNED_BACKEND = 'pcap';

export interface PlanSettings {
  readonly backend?: string | undefined;
  readonly plugins?: readonly string[] | undefined;
}

/** The engines of a setup as text. @throws BricksError that shows the place */
export async function planText(text: string, name: string | undefined, settings: PlanSettings): Promise<readonly GraphDescription[]> {
  await usePlanSettings(name, settings);
  const engines = new PlannedEngines({});
  await runSetup(text, name, (command) => engines.execute(command));
  return engines.graphs();
}

/** The engines of a script. @throws BricksError E_SCRIPT_FAILED, E_INTERRUPTED, or what is wrong with a setup */
export async function planScript(script: string, words: readonly string[], settings: PlanSettings): Promise<readonly GraphDescription[]> {
  if (isSetup(script)) return planText(readSetupFile(script), script, settings);
  await usePlanSettings(script, settings);
  return isModule(script) ? planModule(script, words) : planLua(script, words);
}

async function planModule(script: string, words: readonly string[]): Promise<readonly GraphDescription[]> {
  const { graphs, failure } = await rehearseModule(script, words, LIMIT_SECONDS);
  if (failure) throw failure;
  return graphs;
}

async function planLua(script: string, words: readonly string[]): Promise<readonly GraphDescription[]> {
  const engines = new PlannedEngines({});
  const { result, tooLong } = await rehearseScript(script, engines, { args: words, output: 2, runCommands: false });
  if (tooLong) throw new BricksError('E_INTERRUPTED', `The script had not finished after ${LIMIT_SECONDS} s and was ended.`, 'Waits take no time here, so the script must be in a loop.');
  // One that waits for ever has built what it builds.
  if (!result.ok && !result.failure.interrupted) throw new BricksError('E_SCRIPT_FAILED', formatFailure(result.failure));
  return engines.graphs();
}

/** Engines that name no backend have none in their graph either: which one they get is said elsewhere. */
async function usePlanSettings(script: string | undefined, { backend, plugins }: PlanSettings): Promise<void> {
  usePlugins({ paths: plugins, script });
  setDefaultBackend(await findBackend(backend ?? PLANNED_BACKEND));
}
