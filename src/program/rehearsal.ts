/** Runs a Lua script against engines that are only planned: it opens nothing, and its waits take no time. */
import type { PlannedEngines } from '../control/planned-engines';
import { LuaHost, type LuaHostOptions, type RunResult } from '../lua/lua-host';

/** A script whose waits would have taken longer than this waits for ever. */
export const REHEARSED_SECONDS = 600;
/** What a script may really take. */
export const LIMIT_SECONDS = 10;

export interface RehearsalSettings extends Omit<LuaHostOptions, 'rehearsal'> {
  /** Whether the commands of os.execute and io.popen run. */
  readonly runCommands: boolean;
  /** What stands in the script, where that was read before. */
  readonly text?: string;
  /** Hears what the script would have done. */
  readonly onSkipped?: (what: string) => void;
  readonly limitSeconds?: number;
}

export interface Rehearsed {
  readonly result: RunResult;
  /** It was still at work after the time limit, and was interrupted: it loops. One that was interrupted otherwise waits for ever. */
  readonly tooLong: boolean;
  /** Bricks that no engine has. */
  readonly loose: readonly string[];
}

export async function rehearseScript(path: string, engines: PlannedEngines, settings: RehearsalSettings): Promise<Rehearsed> {
  const { runCommands, text, onSkipped = () => undefined, limitSeconds = LIMIT_SECONDS, ...options } = settings;
  const host = new LuaHost((command) => engines.execute(command), { ...options, rehearsal: { seconds: REHEARSED_SECONDS, runCommands, onSkipped } });
  let over = false;
  const clock = setTimeout(() => {
    over = true;
    host.interrupt();
  }, limitSeconds * 1000);
  try {
    const result = await host.runScript(path, undefined, text);
    return { result, tooLong: over && !result.ok && result.failure.interrupted, loose: await host.looseBricks() };
  } finally {
    clearTimeout(clock);
    await host.close();
  }
}
