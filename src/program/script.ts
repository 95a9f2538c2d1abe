/** Runs a script by its ending: Lua in its own thread, JavaScript and TypeScript as modules; reads setups (.bricks). */
import { accessSync, closeSync, constants, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BricksError, isBricksError, messageOf, nearest } from '../model/errors';
import { systemReason } from '../model/system-error';
import { nameOfBytes } from '../model/file-name';
import { systemName } from '../files/system-name';
import { formatFailure, type LuaHost } from '../lua/lua-host';
import { packageRoot } from '../native/load-addon';
import { messageWithPlace } from '../plugins/error-place';
import { installModuleHooks } from '../plugins/module-hooks';
import { forgetRequired, markedAddress } from '../plugins/fresh-modules';

/** First numbers of capture files, in the order of their bytes: pcap in both byte orders and both units, pcapng. */
const CAPTURE_MAGICS = ['d4c3b2a1', 'a1b2c3d4', '4d3cb2a1', 'a1b23c4d', '0a0d0d0a'];
const SETUP_ENDING = '.bricks';
const MODULE_ENDINGS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

/** Where the set-ups that come with the package lie, however it was installed. */
const SHIPPED = join(packageRoot(), 'scripts');

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The file that is meant: the user's own, or else a set-up that comes with the package: `scripts/load-balance.lua`, `load-balance.lua`, `load-balance`. */
export function findScript(given: string): string {
  if (existsSync(systemName(given))) return given;
  const name = given.replace(/^scripts\//, '');
  if (name.includes('/')) return given;
  return [join(SHIPPED, name), join(SHIPPED, `${name}.lua`)].find(isFile) ?? given;
}

/** What can be given to -f from anywhere. */
function shippedScripts(): string[] {
  return existsSync(SHIPPED) ? readdirSync(SHIPPED).filter((name) => name.endsWith('.lua')).sort() : [];
}

/** @throws BricksError E_SCRIPT */
export function checkScript(path: string): void {
  try {
    if (!statSync(systemName(path)).isFile()) throw new BricksError('E_SCRIPT', `The script ${path} is not a file.`);
    accessSync(systemName(path), constants.R_OK);
    if (isCapture(path)) throw new BricksError('E_SCRIPT', `${path} is a capture file, not a script.`, `Give it to a script: bricks -f scripts/load-balance.lua -- ${path}`);
  } catch (error) {
    if (error instanceof BricksError) throw error;
    const { code } = error as { code?: string };
    if (code !== 'ENOENT') throw new BricksError('E_SCRIPT', `The script ${path} can't be read: ${systemReason(error)}.`);
    const guess = nearest(basename(path), shippedScripts());
    throw new BricksError('E_SCRIPT', `The script ${path} can't be read: there is no such file.`, guess ? `Did you mean ${guess}, which ships with Packet Bricks?` : `Check its name. Packet Bricks ships with: ${shippedScripts().join(', ')}.`);
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

/** Whether the script is a setup in one line or some: docs/guide/one-line.md. */
export function isSetup(path: string): boolean {
  return extname(path).toLowerCase() === SETUP_ENDING;
}

/** The text of a setup: a file, or standard input. Bytes that are not UTF-8 are kept: they may be names of files. @throws BricksError E_SCRIPT */
export function readSetupFile(path: string | 0): string {
  return readText('setup', path).replace(/^\ufeff/, '');
}

/** What stands in a script that is not a module; in one in Lua, byte by byte. @throws BricksError E_SCRIPT */
export function readScript(path: string): string {
  return isSetup(path) ? readSetupFile(path) : readText('script', path);
}

function readText(what: 'setup' | 'script', path: string | 0): string {
  try {
    return nameOfBytes(readFileSync(path === 0 ? 0 : systemName(path)));
  } catch (error) {
    throw new BricksError('E_SCRIPT', `The ${what} ${path === 0 ? 'on standard input' : path} can't be read: ${systemReason(error)}.`);
  }
}

/** Returns the exit code that the script asked for, if it did.
 *  @throws BricksError E_SCRIPT_FAILED */
export async function runLuaScript(host: LuaHost, path: string): Promise<number | undefined> {
  const result = await host.runScript(path);
  if (result.ok) return result.exitCode;
  throw new BricksError(result.failure.interrupted ? 'E_INTERRUPTED' : 'E_SCRIPT_FAILED', formatFailure(result.failure));
}

/** `reading` above 0: it is reloaded, with what it imports. @throws BricksError E_SCRIPT_FAILED, or what our own calls threw, with file and line in front */
export async function runModule(path: string, args: readonly string[], reading = 0): Promise<void> {
  installModuleHooks();
  const file = resolve(path);
  process.argv.splice(1, process.argv.length, file, ...args);
  if (reading > 0) forgetRequired();
  try {
    await import(markedAddress(pathToFileURL(file).href, reading > 0 ? `reading=${reading}` : undefined));
  } catch (error) {
    throw failureOfModule(error, file);
  }
}

/** What a module threw, with file and line in front. */
export function failureOfModule(error: unknown, path: string): BricksError {
  return Object.assign(new BricksError(isBricksError(error) ? error.code : 'E_SCRIPT_FAILED', messageWithPlace(messageOf(error), error, resolve(path))), { cause: error });
}
