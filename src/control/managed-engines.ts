/** The commands that scripts, shells and remote clients give, carried out on engines of whatever kind: open ones, or ones that are only planned. */
import { EventEmitter } from 'node:events';
import { resolve } from 'node:path';
import type { BrickDeclaration } from '../model/brick';
import type { ModuleReference } from '../model/define-brick';
import { BricksError, isBricksError, messageOf } from '../model/errors';
import type { BrickSpecification } from '../model/graph';
import type { GraphEdit } from '../model/graph-edits';
import { checkOptions, listOptions, type OptionDeclaration, type OptionValues } from '../model/options';
import type { NoticeLevel } from '../model/outcome';
import type { EngineProfile, ProfileOptions } from './profile-engine';
import type { EngineRates } from './rate-meter';
import { nothingCounted, type Audit, type EngineStatistics } from './statistics';
import { engineText, enginesText } from './statistics-text';
import { allBackends, registerBrick } from '../plugins/container';
import { backendSummaries, brickSummaries, findBackend, findBrick, type Summary } from '../plugins/find';
import { brickClassesOf } from '../plugins/load-brick';
import { loadModule } from '../plugins/load-module';
import { defaultBackend } from '../plugins/default-backend';
import type { Answer, NumberedBrick, RegistryCommand } from './registry-commands';
import type { GraphDescription } from './graph-description';
import { ENGINE_OPTIONS, type LinkOptions, type PacketEngineOptions } from './engine-options';

export interface RegistryDefaults {
  /** Without it each engine takes the best one that works here. */
  readonly backend?: string | ModuleReference;
  /** Options of the backend, for engines that name none. */
  readonly backendOptions?: OptionValues;
  /** Packets in a batch where `link` names no number. */
  readonly batch?: number;
}

export interface RegistryEvents {
  notice: [engine: string, text: string, level?: NoticeLevel];
  error: [engine: string, error: BricksError];
  ended: [engine: string];
  shutdown: [];
}

/** What commands ask of an engine. */
export interface ManagedEngine {
  readonly name: string;
  readonly running: boolean;
  readonly linked: boolean;
  /** Whether the brick of this number is linked to it. */
  has(brick: number): boolean;
  linkSpecifications(bricks: readonly BrickSpecification[], options: LinkOptions): Promise<unknown>;
  relinkSpecifications(bricks: readonly BrickSpecification[], options: LinkOptions): Promise<unknown>;
  editGraph(edit: GraphEdit): Promise<readonly BrickSpecification[]>;
  unlink(): Promise<unknown>;
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
  delete(): Promise<unknown>;
  describeGraph(): GraphDescription;
  stats(): EngineStatistics;
  audit(): Audit;
  profile(seconds: number, options: ProfileOptions): Promise<EngineProfile>;
  call(brick: { readonly id: number }, method: string, ...values: unknown[]): Promise<unknown>;
}

/** Engines by their names, and the commands that are given to them. */
export abstract class ManagedEngines<Engine extends ManagedEngine> extends EventEmitter<RegistryEvents> {
  protected readonly engines = new Map<string, Engine>();

  constructor(protected readonly defaults: RegistryDefaults) {
    super();
    // Any number of clients of a daemon may hear its notices.
    this.setMaxListeners(0);
  }

  /** Makes an engine, whose options are checked. */
  protected abstract make(name: string, options: PacketEngineOptions): Engine;

  /** All engines that were made and not deleted. */
  get all(): Engine[] {
    return [...this.engines.values()];
  }

  /** Those through which packets flow. */
  get running(): Engine[] {
    return this.all.filter((engine) => engine.running);
  }

  /** Carries out a command. Never throws: what went wrong is in the answer. */
  async execute(command: RegistryCommand): Promise<Answer> {
    try {
      return { ok: true, value: await this.carryOut(command) };
    } catch (error) {
      if (isBricksError(error)) return { ok: false, code: error.code, message: error.message };
      return { ok: false, code: 'E_INTERNAL', message: messageOf(error) };
    }
  }

  private async carryOut(command: RegistryCommand): Promise<unknown> {
    switch (command.command) {
      case 'engine.create':
        return this.create(command);
      case 'engine.exists':
        return this.engines.has(command.name) && (command.brick === undefined || this.engine(command.name).has(command.brick));
      case 'engine.link':
      case 'engine.relink':
        return this.link(command);
      case 'engine.edit':
        return this.edit(command);
      case 'engine.unlink':
        await this.engine(command.name).unlink();
        return undefined;
      case 'engine.start':
        await this.engine(command.name).start();
        return undefined;
      case 'engine.stop':
        await this.engine(command.name).stop();
        return undefined;
      case 'engine.delete':
        await this.engine(command.name).delete();
        this.engines.delete(command.name);
        return undefined;
      case 'engine.stats':
        return this.statisticsOf(this.engine(command.name));
      case 'engine.graph':
        return this.engine(command.name).describeGraph();
      case 'engines.graph':
        return this.all.map((engine) => engine.describeGraph());
      case 'engine.audit':
        return this.engine(command.name).audit();
      case 'engine.profile':
        return this.engine(command.name).profile(command.seconds, command.every === undefined ? {} : { every: command.every });
      case 'engines.stats':
        return this.all.map((engine) => this.statisticsOf(engine));
      case 'engine.show':
        return engineText(this.statisticsOf(this.engine(command.name)));
      case 'engines.show':
        return enginesText(this.all.map((engine) => this.statisticsOf(engine)));
      case 'program.backend': {
        const backend = this.defaults.backend ?? defaultBackend().backend.name;
        return typeof backend === 'string' ? backend : backend.name;
      }
      case 'engines.list':
        return this.all.map((engine) => ({ name: engine.name, running: engine.running, linked: engine.linked }));
      case 'brick.describe':
        return describe(command.kind);
      case 'options.describe':
        return { engine: listOptions(ENGINE_OPTIONS), backends: await describeBackends(command.backend) };
      case 'brick.check': {
        const { declaration } = await findBrick(command.kind);
        return { kind: declaration.name, options: checkOptions(declaration.name, declaration.options, command.options, declaration.shorthand) };
      }
      case 'brick.call':
        return this.engine(command.name).call({ id: command.id }, command.method, ...command.values);
      case 'brick.load':
        return loadBricks(command.file);
      case 'shutdown':
        this.emit('shutdown');
        return undefined;
      default:
        throw new BricksError('E_COMMAND', `Unknown command ${JSON.stringify((command as { command?: unknown }).command)}.`);
    }
  }

  private create(command: Extract<RegistryCommand, { command: 'engine.create' }>): void {
    if (typeof command.name !== 'string' || command.name === '') throw new BricksError('E_ARGUMENT', 'An engine needs a name.', 'PktEngine.new("e0").');
    if (this.engines.has(command.name)) throw new BricksError('E_ENGINE_EXISTS', `Engine "${command.name}" already exists.`, 'Use another name, or get the existing one with PktEngine.retrieve.');
    const { backend, backendOptions, ...options } = (command.options ?? {}) as Record<string, never> & { backend?: string; backendOptions?: OptionValues };
    this.engines.set(command.name, this.make(command.name, {
      ...checkOptions(`The engine ${command.name}`, listOptions(ENGINE_OPTIONS), {
        ...options,
        ...(command.cpu === undefined ? {} : { cpu: command.cpu }),
        ...(command.bufferSize === undefined ? {} : { bufferSize: command.bufferSize }),
      }),
      ...(backend === undefined && this.defaults.backend === undefined ? {} : { backend: backend ?? this.defaults.backend }),
      backendOptions: { ...(backend === undefined ? this.defaults.backendOptions : {}), ...backendOptions },
    } as PacketEngineOptions));
  }

  private async link(command: Extract<RegistryCommand, { command: 'engine.link' | 'engine.relink' }>): Promise<void> {
    const batch = command.batch ?? this.defaults.batch;
    const options = { ...(batch === undefined ? {} : { batch }), ...(command.queue === undefined ? {} : { queue: command.queue }) };
    const bricks = await Promise.all(command.bricks.map(async (brick) => ({ ...brick, module: (await findBrick(brick.kind)).module })));
    const engine = this.engine(command.name);
    await (command.command === 'engine.link' ? engine.linkSpecifications(bricks, options) : engine.relinkSpecifications(bricks, options));
  }

  /** Returns all bricks of the engine, as they are now. */
  private async edit({ name, edit }: Extract<RegistryCommand, { command: 'engine.edit' }>): Promise<NumberedBrick[]> {
    const engine = this.engine(name);
    const full: GraphEdit = edit.edit === 'insert' ? { ...edit, brick: { ...edit.brick, module: (await findBrick(edit.brick.kind)).module } } : edit;
    const bricks = await engine.editGraph(full);
    return bricks.map(({ id, kind, options, inputs, outputs }) => ({ id, kind, options, inputs, outputs }));
  }

  private engine(name: string): Engine {
    const engine = this.engines.get(name);
    if (!engine) throw new BricksError('E_NO_ENGINE', `There is no engine ${name}.`, this.engines.size > 0 ? `There are: ${[...this.engines.keys()].join(', ')}.` : 'Create one with PktEngine.new.');
    return engine;
  }

  /** Statistics of an engine; of one that has no brick yet, its name and zeros. */
  private statisticsOf(engine: Engine): EngineStatistics {
    try {
      const statistics = engine.stats();
      const rates = this.ratesOf(statistics);
      return rates.length === 0 ? statistics : { ...statistics, rates };
    } catch (error) {
      if (isBricksError(error) && error.code === 'E_ENGINE_NOT_LINKED') return nothingCounted(engine.name);
      throw error;
    }
  }

  /** Rates of an engine, where someone keeps looking. */
  protected abstract ratesOf(statistics: EngineStatistics): readonly EngineRates[];
}

/** One kind of brick, or what all of them are for. */
async function describe(kind: string | undefined): Promise<BrickDeclaration | Summary[]> {
  return kind === undefined ? brickSummaries() : (await findBrick(kind)).declaration;
}

/** All backends; options of a plugin's only where it is asked for. */
async function describeBackends(name: string | undefined): Promise<(Summary & { options: OptionDeclaration[] })[]> {
  const asked = name === undefined ? undefined : (await findBackend(name)).backend;
  const known = [...allBackends(), ...(asked ? [asked] : [])];
  return backendSummaries().map((one) => ({ ...one, options: listOptions(known.find((backend) => backend.name === one.name)?.options ?? {}) }));
}

/** @throws BricksError E_MODULE */
async function loadBricks(file: string): Promise<string[]> {
  const classes = brickClassesOf(await loadModule(resolve(file)));
  if (classes.length === 0) throw new BricksError('E_MODULE', `The module ${file} exports no brick.`, 'Export what defineBrick returns.');
  classes.forEach(registerBrick);
  return classes.map(({ declaration }) => declaration.name);
}
