/** What a script or a setup as text would build: its engines, planned and not opened. */
import type { Answer, Order } from '../control/orders';
import { PlannedEngines } from '../control/planned-engines';
import { BricksError } from '../model/errors';
import { formatFailure, LuaHost, type RunResult } from '../lua/lua-host';
import { setDefaultBackend } from '../plugins/default-backend';
import { findBackend } from '../plugins/find';
import { runSetup } from '../text';
import { usePlugins } from './program-engines';
import { isSetup, readSetupFile } from './script';

/** What a set-up is planned for where nobody names a backend: the same on every machine. */
export const PLANNED_BACKEND = 'pcap';
/** Waits of a script take no time; when they would have taken so long it is taken to wait for ever. */
const REHEARSED_SECONDS = 600;
const LIMIT_MILLISECONDS = 10_000;

export interface PlanSettings {
  readonly backend?: string | undefined;
  readonly plugins?: readonly string[] | undefined;
}

/** The engines of a setup as text. @throws BricksError that shows the place */
export async function planText(text: string, name: string | undefined, { backend, plugins }: PlanSettings): Promise<PlannedEngines> {
  const engines = await plannedEngines(name, { backend, plugins });
  await runSetup(text, name, (order) => engines.execute(order));
  return engines;
}

/** The engines of a script that is not a module. @throws BricksError E_SCRIPT_FAILED, E_INTERRUPTED, or what is wrong with a setup */
export async function planScript(script: string, words: readonly string[], settings: PlanSettings): Promise<PlannedEngines> {
  if (isSetup(script)) return planText(readSetupFile(script), script, settings);
  const engines = await plannedEngines(script, settings);
  const execute = (order: Order): Promise<Answer> => engines.execute(order);
  const host = new LuaHost(execute, { args: words, output: 2, rehearsal: { seconds: REHEARSED_SECONDS, runCommands: false, onSkipped: () => undefined } });
  let late = false;
  const clock = setTimeout(() => {
    late = true;
    host.interrupt();
  }, LIMIT_MILLISECONDS);
  try {
    const result = await host.runScript(script);
    // One that waits for ever has built what it builds.
    if (!result.ok && (late || !result.failure.interrupted)) throw failureOf(result, late);
    return engines;
  } finally {
    clearTimeout(clock);
    await host.close();
  }
}

/** Engines that name no backend have none in their graph either: which one they get is said elsewhere. */
async function plannedEngines(script: string | undefined, { backend, plugins }: PlanSettings): Promise<PlannedEngines> {
  usePlugins({ paths: plugins, script });
  setDefaultBackend(await findBackend(backend ?? PLANNED_BACKEND));
  return new PlannedEngines({});
}

function failureOf({ failure }: Extract<RunResult, { ok: false }>, late: boolean): BricksError {
  if (late) return new BricksError('E_INTERRUPTED', `The script was still at work after ${LIMIT_MILLISECONDS / 1000} s, and was ended.`, 'Its waits take no time here, so it loops.');
  return new BricksError('E_SCRIPT_FAILED', formatFailure(failure));
}
