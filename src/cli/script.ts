/** Runs a script by its ending: Lua in its own thread, JavaScript and TypeScript as modules. */
import { accessSync, constants, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BricksError, messageOf } from '../core/errors';
import { formatFailure, type LuaHost } from '../lua/lua-host';
import { installModuleHooks } from '../plugins/module-hooks';

const MODULE_ENDINGS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

/** @throws BricksError E_SCRIPT */
export function checkScript(path: string): void {
  try {
    if (!statSync(path).isFile()) throw new BricksError('E_SCRIPT', `The script ${path} is not a file.`);
    accessSync(path, constants.R_OK);
  } catch (error) {
    if (error instanceof BricksError) throw error;
    const { code } = error as { code?: string };
    throw new BricksError('E_SCRIPT', `The script ${path} can't be read: ${code === 'ENOENT' ? 'there is no such file' : messageOf(error)}.`, 'Check the name behind -f.');
  }
}

/** Whether the script is JavaScript or TypeScript; everything else is Lua. */
export function isModule(path: string): boolean {
  return MODULE_ENDINGS.includes(extname(path).toLowerCase());
}

/** Answers the exit code that the script asked for, if it did.
 *  @throws BricksError E_SCRIPT_FAILED */
export async function runLuaScript(host: LuaHost, path: string): Promise<number | undefined> {
  const result = await host.runScript(path);
  if (result.ok) return result.exitCode;
  throw new BricksError(result.failure.interrupted ? 'E_INTERRUPTED' : 'E_SCRIPT_FAILED', formatFailure(result.failure));
}

export async function runModule(path: string, args: readonly string[]): Promise<void> {
  installModuleHooks();
  const file = resolve(path);
  process.argv.splice(1, process.argv.length, file, ...args);
  await import(pathToFileURL(file).href);
}
