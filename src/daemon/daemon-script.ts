/** The script of a daemon, which may end, fail, loop or leave: the daemon stays. */
import { engines, idleEngines, idleSinceLastCommand } from '../control/process-engines';
import type { Answer, RegistryCommand } from '../control/registry-commands';
import type { PacketEngine } from '../control/packet-engine';
import { BricksError } from '../model/errors';
import { inTime } from '../model/in-time';
import { looseBricks } from '../model/brick-description';
import { formatFailure, LuaHost } from '../lua/lua-host';
import { forgotten, sayOnce } from '../program/forgotten';
import { failureOfModule, isModule, isSetup, readSetupFile, runModule } from '../program/script';
import { runSetup } from '../text';
import { firstBrickOfState } from '../program/brick-numbers';
import { catchExit, exitCodeOfThrown, restoreExit } from '../program/module-exit';

/** How a script came to its end. */
export type ScriptEnd = { readonly kind: 'ended' } | { readonly kind: 'left'; readonly exitCode: number } | { readonly kind: 'failed'; readonly error: Error };

export interface ScriptSettings {
  readonly path: string;
  readonly arguments: readonly string[];
  /** The descriptor that Lua prints to. */
  readonly output: number;
  readonly execute: (command: RegistryCommand) => Promise<Answer>;
  /** What stands in it, where that was read before; a module is not. */
  readonly text?: string;
  /** Which reading of a module it is, from 0. */
  readonly reading?: number;
}

const LOOK_MILLISECONDS = 20;
/** A module all of whose engines were started makes no more, after such a rest. */
const REST_MILLISECONDS = 100;
const READING_LIMIT_MILLISECONDS = 10_000;

export class DaemonScript {
  readonly end: Promise<ScriptEnd>;
  private readonly host: LuaHost | undefined;
  private readonly begin = performance.now();
  private endBy: (end: ScriptEnd) => void = () => undefined;

  private readonly path: string;

  constructor({ path, arguments: words, output, execute, text, reading = 0 }: ScriptSettings) {
    this.path = path;
    // A module counts its bricks itself, from 1, and goes on when it is reloaded: the numbers of the first state are its.
    const firstBrick = firstBrickOfState();
    this.host = isModule(path) || isSetup(path) ? undefined : new LuaHost(execute, { args: words, output, daemon: true, firstBrick });
    const thrown = new Promise<ScriptEnd>((resolve) => { this.endBy = resolve; });
    this.end = Promise.race([thrown, this.host !== undefined ? this.luaEnd(this.host, path, text) : isSetup(path) ? setupEnd(path, text, execute, firstBrick) : moduleEnd(path, words, reading)]);
  }

  /**
   * Waits until the script has set up what it wants: it has ended, or for so long neither it nor anybody has given an engine a command.
   * Resolves with its end, or undefined for one that goes on.
   */
  async settled(milliseconds: number, rest: () => number = idleSinceLastCommand): Promise<ScriptEnd | undefined> {
    for (;;) {
      const end = await inTime(LOOK_MILLISECONDS, this.end);
      if (end !== undefined) return end;
      if (Math.min(performance.now() - this.begin, rest()) >= milliseconds) return undefined;
    }
  }

  /**
   * The same for a module that is reloaded, by what it asks of its own engines. It may make them in functions that it does not wait for.
   * @throws BricksError E_SCRIPT_FAILED for one that does not come to rest
   */
  async hasMade(engines: Iterable<PacketEngine>, milliseconds: number): Promise<ScriptEnd | undefined> {
    const rest = (): number => {
      if (!over && performance.now() - this.begin > READING_LIMIT_MILLISECONDS) throw new BricksError('E_SCRIPT_FAILED', `The script ${this.path} was still at work on its engines after ${READING_LIMIT_MILLISECONDS / 1000} s.`, 'Let it make its engines at once.');
      return idleSinceLastCommand(engines);
    };
    let over = false;
    const end = await this.settled(milliseconds, rest);
    over = end !== undefined;
    const since = performance.now();
    if (end?.kind === 'failed') return end;
    for (;;) {
      const passed = performance.now() - since;
      const wanted = [...engines].every(({ hasRun }) => hasRun) ? Math.min(REST_MILLISECONDS, milliseconds) : milliseconds;
      // One that has ended, and works its engines by the clock, is not waited for.
      if (Math.min(passed, rest()) >= wanted || (over && passed >= milliseconds)) return end;
      await new Promise<void>((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
    }
  }

  /** A module has thrown this where nobody waits for it. */
  hasThrown(error: unknown): void {
    this.endBy(endOfLateError(error, this.path));
  }

  /** Ends a Lua script; a module is part of the process, which may end now. */
  async stop(): Promise<void> {
    restoreExit();
    this.host?.interrupt();
    await this.host?.close();
  }

  private async luaEnd(host: LuaHost, path: string, text: string | undefined): Promise<ScriptEnd> {
    try {
      const result = await host.runScript(path, undefined, text);
      if (!result.ok) return { kind: 'failed', error: new BricksError(result.failure.interrupted ? 'E_INTERRUPTED' : 'E_SCRIPT_FAILED', formatFailure(result.failure)) };
      if (result.exitCode !== undefined) return { kind: 'left', exitCode: result.exitCode };
      for (const line of forgotten(await host.looseBricks(), idleEngines(), engines().length > 0)) sayOnce(line);
      return { kind: 'ended' };
    } catch (error) {
      return { kind: 'failed', error: error as Error };
    } finally {
      // Engines belong to the daemon, and need no Lua.
      void host.close();
    }
  }
}

/** A setup as text ends when its engines run. */
async function setupEnd(path: string, text: string | undefined, execute: ScriptSettings['execute'], firstBrick: number): Promise<ScriptEnd> {
  try {
    await runSetup(text ?? readSetupFile(path), path, execute, firstBrick);
    return { kind: 'ended' };
  } catch (error) {
    return { kind: 'failed', error: error as Error };
  }
}

async function moduleEnd(path: string, words: readonly string[], reading: number): Promise<ScriptEnd> {
  catchExit();
  try {
    await runModule(path, words, reading);
    for (const line of forgotten(looseBricks(), idleEngines(), engines().length > 0)) sayOnce(line);
    return { kind: 'ended' };
  } catch (error) {
    return endOfThrown(error) ?? { kind: 'failed', error: error as Error };
  }
}

/** How a module that goes on after it was loaded has come to its end. */
export function endOfLateError(error: unknown, path: string): ScriptEnd {
  return endOfThrown(error) ?? { kind: 'failed', error: failureOfModule(error, path) };
}

function endOfThrown(error: unknown): ScriptEnd | undefined {
  const exitCode = exitCodeOfThrown(error);
  return exitCode === undefined ? undefined : { kind: 'left', exitCode };
}
