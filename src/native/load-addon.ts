/**
 * Loads a part of the native code, or says what is missing. An install without a compiler or a
 * library succeeds; it is only when such a part is asked for that its absence is an error.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BricksError, messageOf } from '../model/errors';
import { CONTRACT } from './contract';

/** The Debian packages that each addon needs to be built, beside a compiler. */
const NEEDED_PACKAGES: Readonly<Record<string, string>> = {
  bricks_lua: 'liblua5.1-0-dev',
  bricks_pcap: 'libpcap-dev',
};
const COMPILER_PACKAGES = 'g++ cmake make';

const loaded = new Map<string, unknown>();

export function packageRoot(): string {
  let directory = __dirname;
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) return __dirname;
    directory = parent;
  }
  return directory;
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

/** Where the addon lies: in BRICKS_NATIVE_DIR if that is set and has it, else where `bricks build` puts it. */
function findAddon(name: string): string | undefined {
  const directories = [process.env['BRICKS_NATIVE_DIR'], join(packageRoot(), 'build', 'Release')];
  for (const directory of directories) {
    const file = directory ? join(directory, `${name}.node`) : '';
    if (file && existsSync(file)) return file;
  }
  return undefined;
}

function howToBuild(name: string): string {
  const needed = NEEDED_PACKAGES[name];
  return `Install it with: apt-get install ${needed ? `${needed} ` : ''}${COMPILER_PACKAGES}; then: bricks build`;
}

/** The addon `name` (bricks_core, bricks_pcap, ...). The caller gives its type.
 *  @throws BricksError E_NATIVE_MISSING */
export function loadAddon<Addon>(name: string): Addon {
  const known = loaded.get(name);
  if (known !== undefined) return known as Addon;
  const file = findAddon(name);
  if (file === undefined) {
    throw new BricksError('E_NATIVE_MISSING', `The native part ${name} was not built.`, howToBuild(name));
  }
  const addon = requireAddon(name, file);
  // Those that touch no batch and no counters have none.
  const { contract = CONTRACT } = addon as { readonly contract?: number };
  if (contract !== CONTRACT) {
    throw new BricksError('E_NATIVE_MISSING', `The native part ${name} was built from other sources than this program.`, 'Rebuild it: bricks build');
  }
  loaded.set(name, addon);
  return addon as Addon;
}

function requireAddon(name: string, file: string): unknown {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- an addon can be loaded in no other way
    return require(file) as unknown;
  } catch (error) {
    throw new BricksError('E_NATIVE_MISSING', `The native part ${name} can't be loaded: ${messageOf(error)}.`, howToBuild(name));
  }
}

/** The addon, or nothing where it was not built or does not load. */
export function tryLoadAddon<Addon>(name: string): Addon | undefined {
  try {
    return loadAddon<Addon>(name);
  } catch {
    return undefined;
  }
}
