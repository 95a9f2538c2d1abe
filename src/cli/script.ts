/** Runs a script by its ending: Lua in its own thread, JavaScript and TypeScript as modules. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BricksError, isBricksError, messageOf } from '../core/errors';
import { systemName } from '../files/system-name';
import { formatFailure, type LuaHost } from '../lua/lua-host';
import { messageWithPlace } from '../plugins/error-place';
import { installModuleHooks } from '../plugins/module-hooks';

/** First numbers of capture files, in the order of their bytes: pcap in both orders and units, pcapng. */
const CAPTURE_MAGICS = ['d4c3b2a1', 'a1b2c3d4', '4d3cb2a1', 'a1b23c4d', '0a0d0d0a'];
const MODULE_ENDINGS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

/** @throws BricksError E_SCRIPT */
export function checkScript(path: string): void {
  try {
    if (!statSync(systemName(path)).isFile()) throw new BricksError('E_SCRIPT', `The script ${path} is not a file.`);
    accessSync(systemName(path), constants.R_OK);
    if (isCapture(path)) throw new BricksError('E_SCRIPT', `${path} is a capture file, no script.`, `Give it to a script: bricks -f scripts/load-balance.lua -- ${path}`);
  } catch (error) {
    if (error instanceof BricksError) throw error;
    const { code } = error as { code?: string };
    throw new BricksError('E_SCRIPT', `The script ${path} can't be read: ${code === 'ENOENT' ? 'there is no such file' : messageOf(error)}.`, 'Check the name behind -f.');
  }
}

function isCapture(path: string): boolean {
  const start = Buffer.alloc(4);
  const descriptor = openSync(systemName(path), constants.O_RDONLY);
  try {
    readSync(descriptor, start, 0, 4, 0);
  } finally {
    closeSync(descriptor);
  }
  return CAPTURE_MAGICS.includes(start.toString('hex'));
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

/** @throws BricksError E_SCRIPT_FAILED, or what our own calls threw, with file and line in front */
export async function runModule(path: string, args: readonly string[]): Promise<void> {
  installModuleHooks();
  const file = resolve(path);
  process.argv.splice(1, process.argv.length, file, ...args);
  try {
    await import(pathToFileURL(file).href);
  } catch (error) {
    throw failureOfModule(error, file);
  }
}

/** What a module threw, with file and line in front. */
export function failureOfModule(error: unknown, path: string): BricksError {
  return new BricksError(isBricksError(error) ? error.code : 'E_SCRIPT_FAILED', messageWithPlace(messageOf(error), error, resolve(path)));
}
