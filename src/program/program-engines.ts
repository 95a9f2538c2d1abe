/** The engines of a program that runs scripts, with the backend that its user chose; tells the user what becomes of them. */
import { UsageError } from 'clipanion';
import { EngineRegistry, type RegistryDefaults } from '../control/engine-registry';
import { PlannedEngines } from '../control/planned-engines';
import type { Answer, RegistryCommand } from '../control/registry-commands';
import { readTokenFile } from '../client/token-file';
import type { PacketEngine } from '../control/packet-engine';
import { engines, faultsOfProcess } from '../control/process-engines';
import { nothingCounted, type EngineStatistics } from '../control/statistics';
import type { Backend } from '../model/backend';
import type { WebOperator } from '../observe/web-control';
import type { WebSettings } from '../observe/web-server';
import type { ErrorCode } from '../model/error-codes';
import { BricksError } from '../model/errors';
import { parseLinkName } from '../model/link-name';
import { checkOptions, listOptions, type OptionValues } from '../model/options';
import { exitCodeOf } from '../model/outcome';
import { defaultBackend, setDefaultBackend } from '../plugins/default-backend';
import { messageWithPlace } from '../plugins/error-place';
import { configurePlugins, findBackend } from '../plugins/find';
import { pictureOf, type Picture } from '../picture/picture';
import { containerBricks } from '../text';
import type { PluginSearch } from '../plugins/plugin-search';
import { tcpAddress, type TcpAddress } from '../protocol/address';
import { reworded, say, sayError } from './messages';

export interface EngineSettings {
  /** The name of the backend; without it the best that works here. */
  readonly backend?: string | undefined;
  /** Its options, each NAME=VALUE. */
  readonly backendOptions?: readonly string[] | undefined;
  /** Packets in a batch. */
  readonly batch?: number | undefined;
  /** Whether to say which backend was chosen, and why. */
  readonly tellChoice?: boolean;
  /** Where metrics are served: HOST:PORT, :PORT or PORT. */
  readonly metrics?: string | undefined;
  /** Where the page is served: the same. */
  readonly web?: string | undefined;
  /** The file with the token that it asks for. */
  readonly webTokenFile?: string | undefined;
  /** The file with the token that gives control by it. */
  readonly webControl?: string | undefined;
  /** Where plugins are looked for, and which are allowed. */
  readonly plugins?: PluginSearch;
}

export class ProgramEngines {
  readonly registry: EngineRegistry;
  /** Whether anything has failed that was told. */
  failed = false;
  private readonly defaults: RegistryDefaults;
  /** Whether the backend was given a filter. */
  private readonly filtered: boolean;

  /** `operator` carries out what the page asks for. @throws BricksError E_BACKEND, E_BACKEND_UNUSABLE, E_OPTION, E_PLUGIN; UsageError */
  static async open(settings: EngineSettings, operator?: WebOperator): Promise<ProgramEngines> {
    usePlugins(settings.plugins ?? {});
    if (settings.backend !== undefined) setDefaultBackend(await findBackend(settings.backend));
    const engines = new ProgramEngines(settings);
    const { web, webTokenFile, webControl } = settings;
    if (webTokenFile !== undefined && web === undefined) throw new UsageError('--web-token-file is for --web ADDRESS.');
    if (webControl !== undefined && web === undefined) throw new UsageError('--web-control is for --web ADDRESS.');
    if (settings.metrics !== undefined) await engines.serveMetrics(settings.metrics);
    if (web !== undefined) await engines.serveWeb(web, webTokenFile, webControl === undefined || operator === undefined ? undefined : { token: readTokenFile(webControl), operator, log: say });
    return engines;
  }

  private constructor({ backend: name, backendOptions: given = [], batch, tellChoice = false }: EngineSettings) {
    checkChoice(name, tellChoice);
    const { backend } = defaultBackend();
    const backendOptions = givenBackendOptions(backend, given);
    this.filtered = typeof backendOptions['filter'] === 'string' && backendOptions['filter'] !== '';
    this.defaults = { ...(name === undefined ? {} : { backend: name }), backendOptions, ...(batch === undefined ? {} : { batch }) };
    this.registry = new EngineRegistry(this.defaults);
    this.registry.on('notice', (engine, text, level = 'warn') => say(text, level, { engine }));
    this.registry.on('error', (engine, error) => this.fail(error, engine));
    this.takeWarnings();
  }

  /** Engines that are made in the same way, and opened never. */
  plan(): PlannedEngines {
    return new PlannedEngines(this.defaults);
  }

  /** Carries out a command of a Lua script. */
  carryOut(command: RegistryCommand): Promise<Answer> {
    if (this.filtered && (command.command === 'engine.link' || command.command === 'engine.relink')) tellOfFiles(command.bricks.flatMap((brick) => brick.inputs));
    return this.registry.execute(command);
  }

  /** Says what an engine failed of, with the place in the user's own brick if there is one. */
  fail(error: Error, engine?: string): void {
    this.failed = true;
    sayError(reworded(error, messageWithPlace(error.message, error)), engine === undefined ? {} : { engine });
  }

  /** Those of a module are not in the registry. */
  private get all(): PacketEngine[] {
    return [...new Set([...this.registry.all, ...engines()])];
  }

  /** What all engines have counted; zeros of those that were never linked. */
  statistics(): EngineStatistics[] {
    return this.all.map((engine) => (engine.hasCounted ? engine.stats() : nothingCounted(engine.name)));
  }

  private async serveMetrics(address: string): Promise<void> {
    const { host, port } = servedAt('--metrics', 'metrics are', address);
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- large, and seldom needed: a separate bundle
    const { serveMetrics } = require('../observe/metrics-server') as typeof import('../observe/metrics-server');
    const { url } = await serveMetrics(host, port, () => this.statistics());
    say(`metrics at ${url}`);
  }

  private async serveWeb(address: string, tokenFile: string | undefined, control: WebSettings['control']): Promise<void> {
    const wanted = servedAt('--web', 'the page is', address);
    const token = tokenFile === undefined ? undefined : readTokenFile(tokenFile);
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- seldom needed: a separate bundle
    const { serveWeb } = require('../observe/web-server') as typeof import('../observe/web-server');
    const all = (): PacketEngine[] => this.all;
    const pictures = (): Picture[] => all().map((engine) => pictureOf(engine.describeGraph(), containerBricks));
    const { url } = await serveWeb({ ...wanted, token, control }, { statistics: () => this.statistics(), pictures, get all() { return all(); } });
    say(`page at ${url}${control ? ', with control for whoever shows the token' : ''}`);
  }

  /** Where nothing else has decided it: a failure, what a module asked for, or what kept engines from doing all of their work. */
  exitCode(failure: number): number {
    if (this.failed) return failure;
    const asked = process.exitCode;
    return asked === undefined || asked === null ? exitCodeOf(faultsOfProcess().map(({ kind }) => kind)) : Number(asked);
  }

  /** Engines of a module that listens to no errors give warnings, which would leave the exit code at 0. */
  private takeWarnings(): void {
    const others = process.listeners('warning');
    process.removeAllListeners('warning');
    process.on('warning', (warning) => {
      const { code } = warning as { code?: ErrorCode };
      if (warning.name !== 'BricksWarning') for (const listener of others) listener(warning);
      else if (code === undefined) say(warning.message, 'warn');
      else this.fail(Object.assign(new BricksError(code, warning.message), { stack: warning.stack ?? '' }));
    });
  }
}

/** Only what was named is looked at now: a program without plugins starts as soon as before. @throws BricksError E_PLUGIN */
export function usePlugins(search: PluginSearch): void {
  const catalogue = configurePlugins(search);
  if (search.paths === undefined) return;
  for (const { name, problem } of catalogue.plugins) if (problem !== undefined) say(`The plugin ${name} was not taken: ${problem}.`, 'warn');
}

/** Checks that the backend which the user named works; tells which one is taken where none was. */
function checkChoice(name: string | undefined, tellChoice: boolean): void {
  const { backend, reason } = defaultBackend();
  if (name !== undefined) {
    const status = backend.status();
    if (!status.usable) throw new BricksError('E_BACKEND_UNUSABLE', `The backend ${name} does not work here. ${status.reason}`);
  } else if (tellChoice) say(`backend ${backend.name} (${reason})`);
}

function tellOfFiles(inputs: readonly string[]): void {
  const file = inputs.find((input) => isFile(input));
  if (file !== undefined) say(`-o filter applies only to interfaces, so ${file} is not filtered. Put a Filter brick after it.`, 'warn');
}

function isFile(input: string): boolean {
  try {
    return parseLinkName(input).kind === 'file';
  } catch {
    return false; // its engine will say what is wrong with it
  }
}

/** Options as `-o NAME=VALUE` has them. @throws UsageError */
function parseBackendOptions(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(given.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--option ${text}: options must have the form NAME=VALUE.`);
    return [text.slice(0, at), text.slice(at + 1)];
  }));
}

/** Checked, without the defaults of what nobody has set. @throws UsageError, BricksError E_OPTION */
export function givenBackendOptions(backend: Backend, texts: readonly string[]): OptionValues {
  const given = parseBackendOptions(texts);
  const checked = checkOptions(`The backend ${backend.name}`, listOptions(backend.options), given);
  return Object.fromEntries(Object.keys(given).map((name) => [name, checked[name]]));
}

/** The address that an option gives to what is served by HTTP. @throws UsageError */
function servedAt(option: string, served: string, address: string): TcpAddress {
  const wanted = tcpAddress(/^\d+$/.test(address) ? `:${address}` : address);
  if (!wanted) throw new UsageError(`${option} ${address}: ${served} served on HOST:PORT, [IPv6]:PORT or PORT of 127.0.0.1.`);
  return wanted;
}
