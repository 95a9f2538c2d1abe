/** Where plugins are looked for, and what is found there. */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { BricksError } from '../model/errors';
import { packageRoot } from '../native/load-addon';
import { readPluginPackage, type PluginPackage } from './plugin-package';
import { untrusted } from './trusted-files';

export interface PluginSearch {
  /** Packages, or folders of packages, that the user has named. */
  readonly paths?: readonly string[] | undefined;
  /** The script that runs: packages beside it are found. */
  readonly script?: string | undefined;
  /** Where the user works; default: the working directory. */
  readonly directory?: string;
  /** Only packages of these names are taken; all of them where it is left out. */
  readonly allowed?: readonly string[] | undefined;
  /** For daemons: while the process runs as root, none is taken where `allowed` is left out. */
  readonly rootNeedsList?: boolean;
  /** Only files that root alone can write are loaded. Default: true where the process runs as root. */
  readonly trustedOnly?: boolean;
}

const PACKAGES = 'node_modules';

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The folders of packages of a directory and of those above, as Node looks for packages. */
function above(directory: string): string[] {
  const folders: string[] = [];
  for (let at = resolve(directory); ; at = dirname(at)) {
    if (basename(at) !== PACKAGES) folders.push(join(at, PACKAGES));
    if (dirname(at) === at) return folders;
  }
}

/** Where npm puts what is installed for all: beside this package, and beside the Node that runs. */
function globalFolders(): string[] {
  const beside = dirname(packageRoot());
  const searched = (process.env['NODE_PATH'] ?? '').split(':').filter((path) => path.startsWith('/'));
  return [...(basename(beside) === PACKAGES ? [beside] : []), join(dirname(dirname(process.execPath)), 'lib', PACKAGES), ...searched];
}

/** The packages in a folder of packages, in the order of their names. */
function packagesIn(folder: string): string[] {
  if (!isFolder(folder)) return [];
  return readdirSync(folder).sort().flatMap((name) => {
    if (name.startsWith('.')) return [];
    return name.startsWith('@') ? packagesIn(join(folder, name)) : [join(folder, name)];
  });
}

/** @throws BricksError E_PLUGIN */
function named(path: string): PluginPackage[] {
  const folder = resolve(path);
  if (!isFolder(folder)) throw new BricksError('E_PLUGIN', `There is no plugin in ${path}: it is not a folder.`, 'Name the folder of a package, or one that holds packages, such as node_modules.');
  const own = statSync(join(folder, 'package.json'), { throwIfNoEntry: false });
  const found = own ? [folder] : packagesIn(folder);
  return found.flatMap((one) => readPluginPackage(one, own !== undefined) ?? []);
}

/** What is already there: a plugin takes no name of it. */
export interface TakenNames {
  readonly bricks: ReadonlySet<string>;
  readonly backends: ReadonlySet<string>;
}

/** All plugins, those that are not taken with why. Of packages with one name the first is meant, as Node would have it. @throws BricksError E_PLUGIN */
export function findPlugins(search: PluginSearch, builtIn: TakenNames): PluginPackage[] {
  const { paths = [], script, directory = '.' } = search;
  const places = [...above(directory), ...(script === undefined ? [] : above(dirname(resolve(script)))), ...globalFolders()];
  const candidates = [...paths.flatMap(named), ...[...new Set(places)].flatMap(packagesIn).flatMap((folder) => readPluginPackage(folder) ?? [])];
  const seen = new Set<string>();
  const owners = { bricks: new Map<string, string>(), backends: new Map<string, string>() };
  return candidates.flatMap((plugin) => {
    if (seen.has(plugin.name)) return [];
    seen.add(plugin.name);
    const problem = plugin.problem ?? refused(plugin, search) ?? clash(plugin, builtIn, owners);
    if (problem !== undefined) return [{ ...plugin, problem }];
    for (const name of plugin.bricks.keys()) owners.bricks.set(name, plugin.name);
    for (const name of plugin.backends.keys()) owners.backends.set(name, plugin.name);
    return [plugin];
  });
}

function runsAsRoot(): boolean {
  return process.geteuid?.() === 0;
}

function refused(plugin: PluginPackage, { allowed, rootNeedsList = false, trustedOnly = runsAsRoot() }: PluginSearch): string | undefined {
  if (allowed === undefined && rootNeedsList && runsAsRoot()) return `this daemon runs as root, and takes only plugins that it is told to: --allow-plugin ${plugin.name}`;
  if (allowed !== undefined && !allowed.includes(plugin.name)) return 'it is not on the list of plugins that are allowed here (--allow-plugin)';
  return trustedOnly ? untrusted(plugin.folder) : undefined;
}

function clash(plugin: PluginPackage, builtIn: TakenNames, owners: { bricks: ReadonlyMap<string, string>; backends: ReadonlyMap<string, string> }): string | undefined {
  for (const kind of ['bricks', 'backends'] as const) {
    for (const name of plugin[kind].keys()) {
      const what = `the ${kind === 'bricks' ? 'brick' : 'backend'} ${name}`;
      if (builtIn[kind].has(name)) return `it brings ${what}, which Packet Bricks has itself`;
      const owner = owners[kind].get(name);
      if (owner !== undefined) return `it brings ${what}, which ${owner} brings already`;
    }
  }
  return undefined;
}
