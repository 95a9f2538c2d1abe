/** The plugins of this process: what was found, and what of it was loaded. A plugin's code runs only when one of its bricks or backends is asked for. */
import { pathToFileURL } from 'node:url';
import type { Backend } from '../model/backend';
import { BricksError } from '../model/errors';
import { findPlugins, type PluginSearch, type TakenNames } from './plugin-search';
import { inspectModules, type InspectedBackend, type InspectedBrick, type InspectionReport } from './inspect-plugin';
import { loadBackend } from './load-backend';
import type { PluginPackage } from './plugin-package';

/** A plugin as `bricks plugins` shows it. */
export interface PluginListing {
  readonly name: string;
  readonly version: string;
  /** What its package.json says it is. */
  readonly summary: string;
  /** Where it lies. */
  readonly folder: string;
  readonly bricks: readonly string[];
  readonly backends: readonly string[];
  /** Why it was not taken, or failed to load. */
  readonly problem?: string;
}

export class PluginCatalogue {
  private found: readonly PluginPackage[] | undefined;
  private readonly reports = new Map<string, Promise<InspectionReport>>();

  /** `onFound` gets those that were taken, each time it looks for plugins. */
  constructor(private readonly search: PluginSearch, private readonly taken: TakenNames, private readonly onFound: (plugins: readonly PluginPackage[]) => void = () => undefined) {}

  /** Looks again: finds what was installed meanwhile. Code that has run stays as it is. @throws BricksError E_PLUGIN */
  refresh(): void {
    this.found = findPlugins(this.search, this.taken);
    this.onFound(this.found.filter(({ problem }) => problem === undefined));
  }

  /** Looks, if nobody has yet. @throws BricksError E_PLUGIN */
  look(): void {
    if (this.found === undefined) this.refresh();
  }

  /** @throws BricksError E_PLUGIN */
  get plugins(): readonly PluginPackage[] {
    this.look();
    return this.found as readonly PluginPackage[];
  }

  /** What a plugin brings of this name, loaded in a separate thread; nothing where none does. @throws BricksError E_PLUGIN */
  brick(name: string): Promise<InspectedBrick | undefined> {
    return this.inspected('bricks', name);
  }

  /** A backend of this name, and the module that engines load it from; nothing where no plugin brings it. @throws BricksError E_PLUGIN */
  async backend(name: string): Promise<{ backend: Backend; module: { url: string; name: string } } | undefined> {
    const known = await this.inspected('backends', name);
    const file = this.owner('backends', name)?.backends.get(name);
    if (known === undefined || file === undefined) return undefined;
    const module = { url: pathToFileURL(file).href, name };
    return { backend: await loadBackend(module), module };
  }

  /** All plugins, each loaded once to see whether it can be. @throws BricksError E_PLUGIN */
  async list(): Promise<PluginListing[]> {
    return Promise.all(this.plugins.map(async (plugin) => {
      const { name, version, summary, folder, bricks, backends } = plugin;
      const problem = plugin.problem ?? await this.problemOf(plugin);
      return { name, version, summary, folder, bricks: [...bricks.keys()], backends: [...backends.keys()], ...(problem === undefined ? {} : { problem }) };
    }));
  }

  private async problemOf(plugin: PluginPackage): Promise<string | undefined> {
    const report = await this.report(plugin);
    if (report.problem !== undefined) return report.problem;
    const missing = [...plugin.bricks.keys()].find((name) => !report.bricks.some(({ declaration }) => declaration.name === name)) ?? [...plugin.backends.keys()].find((name) => !report.backends.some((backend) => backend.name === name));
    return missing === undefined ? undefined : exportsNot(plugin, missing);
  }

  private owner(kind: 'bricks' | 'backends', name: string): PluginPackage | undefined {
    return this.plugins.find((plugin) => plugin.problem === undefined && plugin[kind].has(name));
  }

  private async inspected<Kind extends 'bricks' | 'backends'>(kind: Kind, name: string): Promise<InspectionReport[Kind][number] | undefined> {
    const plugin = this.owner(kind, name) ?? this.lookAgain(kind, name);
    if (plugin === undefined) return undefined;
    const report = await this.report(plugin);
    const list: readonly (InspectedBrick | InspectedBackend)[] = report[kind];
    const found = list.find((one) => ('declaration' in one ? one.declaration.name : one.name) === name);
    if (found !== undefined) return found as InspectionReport[Kind][number];
    throw new BricksError('E_PLUGIN', `The plugin ${plugin.name}, which brings ${name}, can't be loaded: ${report.problem ?? exportsNot(plugin, name)}.`, `bricks plugins lists all plugins.`);
  }

  /** A name that nobody brings may have been installed a moment ago; one of a plugin that was not taken has a reason. @throws BricksError E_PLUGIN */
  private lookAgain(kind: 'bricks' | 'backends', name: string): PluginPackage | undefined {
    this.refresh();
    const plugin = this.owner(kind, name);
    const refused = plugin === undefined ? this.plugins.find((one) => one[kind].has(name)) : undefined;
    if (refused !== undefined) throw new BricksError('E_PLUGIN', `The plugin ${refused.name}, which brings ${name}, was not taken: ${refused.problem}.`, 'bricks plugins lists all plugins.');
    return plugin;
  }

  private report(plugin: PluginPackage): Promise<InspectionReport> {
    let report = this.reports.get(plugin.folder);
    if (report === undefined) {
      report = inspectModules([...new Set([...plugin.bricks.values(), ...plugin.backends.values()])]);
      this.reports.set(plugin.folder, report);
      // One that could not be loaded may have been fixed by the time it is asked for again.
      void report.then(({ problem }) => {
        if (problem !== undefined) this.reports.delete(plugin.folder);
      });
    }
    return report;
  }
}

function exportsNot(plugin: PluginPackage, name: string): string {
  return `its package.json declares ${name}, but ${plugin.bricks.has(name) ? 'no brick' : 'no backend'} of this name is exported`;
}
