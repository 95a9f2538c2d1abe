/** Commands about engines and their bricks. */
import type { BrickDeclaration, LinkCount } from '../../model/brick';
import type { OptionDeclaration, OptionValue } from '../../model/options';
import type { Audit, EngineStatistics } from '../../control/statistics';
import type { GraphDescription } from '../../control/graph-description';
import type { EngineProfile } from '../../control/engine-profile';
import { PROFILE_EVERY, PROFILE_SECONDS_MAXIMUM } from '../../control/profile-limits';
import { ENGINE_OPTIONS, LINK_OPTIONS } from '../../control/engine-options';
import { command } from '../declare';
import { structured } from '../parameters';

/** An engine in the list of all. */
export interface ListedEngine {
  /** The name that it was given. */
  readonly name: string;
  /** Whether packets flow. */
  readonly running: boolean;
  /** Whether its links are open. */
  readonly linked: boolean;
}

/** An audit, with the name of its engine. */
export interface NamedAudit extends Audit {
  /** The name of the engine. */
  readonly engine: string;
}

/** A brick of a graph, as clients describe it. What `BrickDescription.collect()` has beside these is left aside. */
export interface DescribedBrick {
  /** `LoadBalancer` */
  readonly kind: string;
  /** Its options; the others have their defaults. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Names of the links that it reads. */
  readonly inputs: readonly string[];
  /** Names of the links that it writes to. */
  readonly outputs: readonly string[];
}

/** A brick that an engine has. */
export interface LinkedBrick extends Required<DescribedBrick> {
  /** Its number. */
  readonly id: number;
}

/** A number of links; without a maximum there is no limit. */
export interface ListedLinkCount {
  readonly minimum: number;
  readonly maximum?: number;
}

/** The declaration of a kind of brick. */
export interface ListedBrick extends Omit<BrickDeclaration, 'inputs' | 'outputs'> {
  /** How many inputs it takes. */
  readonly inputs: ListedLinkCount;
  /** How many outputs it takes. */
  readonly outputs: ListedLinkCount;
}

/** JSON knows no Infinity. */
export function listedLinkCount({ minimum, maximum }: LinkCount): ListedLinkCount {
  return maximum === Infinity ? { minimum } : { minimum, maximum };
}

const name = { type: 'string', required: true, description: 'the name of the engine' } as const;
const optionalName = { type: 'string', description: 'the name of an engine; all engines without it' } as const;
const brick = { type: 'integer', required: true, minimum: 0, description: 'the number of the brick, as engine.link and engine.stats show it' } as const;
const THE_BRICKS = 'all bricks of the engine as they are now, each with id, kind, options, inputs and outputs';
const kind = { type: 'string', required: true, description: 'the kind of brick, such as LoadBalancer' } as const;

export const ENGINE_COMMANDS = {
  'engine.list': command<readonly ListedEngine[]>()({
    access: 'read', summary: 'List all engines.', result: 'for each engine its name, whether it is running, and whether it is linked',
    parameters: {},
  }),
  'engine.exists': command<boolean>()({
    access: 'read', summary: 'Tell whether there is an engine of this name.', result: 'true or false',
    parameters: { name }, positional: ['name'], succeeded: (exists) => exists,
  }),
  'engine.stats': command<readonly EngineStatistics[]>()({
    access: 'read', summary: 'Show the statistics of engines: packets, bytes, and every drop with its reason.', result: 'a list of [statistics](statistics.md), one for each engine',
    parameters: { name: optionalName }, positional: ['name'],
  }),
  'engine.audit': command<readonly NamedAudit[]>()({
    access: 'read', summary: 'Check that every packet is accounted for.', result: 'a list of [audits](statistics.md#audit), one for each engine that is or was linked, with its name as `engine`',
    parameters: { name: optionalName }, positional: ['name'], succeeded: (audits) => audits.every(({ balanced }) => balanced),
  }),
  'engine.profile': command<EngineProfile>()({
    access: 'control', summary: 'Look for some seconds where the time of an engine goes.', result: 'a [profile](statistics.md#profile): nanoseconds a packet by part, what limits the engine, and a CPU profile as `cpuProfile`',
    parameters: {
      name,
      seconds: { type: 'number', minimum: 0.1, maximum: PROFILE_SECONDS_MAXIMUM, default: 5, unit: 's', description: 'for how long' },
      every: { type: 'integer', ...PROFILE_EVERY, unit: 'µs', description: 'from one look to the next' },
    },
    positional: ['name', 'seconds'],
  }),
  'engine.graph': command<readonly GraphDescription[]>()({
    access: 'read', summary: 'Show the bricks and links of engines, and the options that they were given.', result: 'for each engine its name, options, and bricks with options, inputs and outputs',
    parameters: { name: optionalName }, positional: ['name'],
  }),
  'engine.create': command<null>()({
    access: 'control', summary: 'Create an engine.', result: 'nothing',
    parameters: {
      name,
      ...ENGINE_OPTIONS,
      backend: { type: 'string', description: 'the backend, if it is not the default one' },
      backendOptions: structured<Readonly<Record<string, OptionValue>>>()({ type: 'table', description: 'options of the backend' }),
    },
    positional: ['name'],
  }),
  'engine.link': command<readonly number[]>()({
    access: 'control', summary: 'Add bricks to an engine and open their links, also while it runs.', result: 'the numbers of the bricks, for `brick.call`',
    parameters: {
      name,
      bricks: structured<readonly DescribedBrick[]>()({ type: 'list', required: true, description: 'the bricks, each a table with kind, options, inputs and outputs' }),
      ...LINK_OPTIONS,
    },
    positional: ['name', 'bricks'],
  }),
  'engine.relink': command<readonly number[]>()({
    access: 'control', summary: 'Put bricks in the place of those that an engine has, also while it runs; no packet is lost.', result: 'the numbers of the bricks, for `brick.call`',
    parameters: {
      name,
      bricks: structured<readonly DescribedBrick[]>()({ type: 'list', required: true, description: 'the bricks, each a table with kind, options, inputs and outputs' }),
      ...LINK_OPTIONS,
    },
    positional: ['name', 'bricks'],
  }),
  'engine.unlink': command<null>()({
    access: 'control', summary: 'Close all links of an engine and forget its bricks.', result: 'nothing', parameters: { name }, positional: ['name'],
  }),
  'engine.start': command<null>()({
    access: 'control', summary: 'Let packets flow.', result: 'nothing', parameters: { name }, positional: ['name'],
  }),
  'engine.stop': command<null>()({
    access: 'control', summary: 'Stop an engine; everything it has received is sent or counted first.', result: 'nothing', parameters: { name }, positional: ['name'],
  }),
  'engine.delete': command<null>()({
    access: 'control', summary: 'Close an engine for good.', result: 'nothing', parameters: { name }, positional: ['name'],
  }),
  'brick.list': command<readonly { readonly name: string; readonly summary: string }[]>()({
    access: 'read', summary: 'List all kinds of bricks.', result: 'for each kind its name and summary', parameters: {},
  }),
  'brick.describe': command<ListedBrick>()({
    access: 'read', summary: 'Describe a kind of brick: options, links, counters, examples.', result: 'its declaration, as in [bricks](bricks.md)',
    parameters: { kind }, positional: ['kind'],
  }),
  'brick.check': command<{ readonly kind: string; readonly options: Readonly<Record<string, OptionValue>> }>()({
    access: 'read', summary: 'Check options of a brick.', result: 'its kind, and the options with their defaults',
    parameters: { kind, options: structured<Readonly<Record<string, unknown>>>()({ type: 'table', description: 'the options' }) }, positional: ['kind', 'options'],
  }),
  'brick.load': command<readonly string[]>()({
    access: 'control', summary: 'Load a module and make the bricks that it exports known.', result: 'the names of its bricks',
    parameters: { file: structured<string>()({ type: 'file', required: true, description: 'the module' }) }, positional: ['file'],
  }),
  'brick.addOutputs': command<readonly LinkedBrick[]>()({
    access: 'control', summary: 'Give a brick more outputs, also while its engine runs; no packet is lost.', result: THE_BRICKS,
    parameters: {
      name,
      brick,
      links: structured<readonly string[]>()({ type: 'list', required: true, description: 'the names of the links' }),
      options: structured<Readonly<Record<string, unknown>>>()({ type: 'table', description: 'what the new outputs get of options that are lists over the outputs: { "weights": 2 }' }),
    },
    positional: ['name', 'brick', 'links', 'options'],
  }),
  'brick.removeOutputs': command<readonly LinkedBrick[]>()({
    access: 'control', summary: 'Take outputs from a brick, also while its engine runs.', result: THE_BRICKS,
    parameters: { name, brick, links: structured<readonly string[]>()({ type: 'list', required: true, description: 'the names of the links' }) }, positional: ['name', 'brick', 'links'],
  }),
  'brick.set': command<readonly LinkedBrick[]>()({
    access: 'control', summary: 'Change options of a brick, also while its engine runs.', result: THE_BRICKS,
    parameters: { name, brick, options: structured<Readonly<Record<string, unknown>>>()({ type: 'table', required: true, description: 'those options that change' }) }, positional: ['name', 'brick', 'options'],
  }),
  'brick.insert': command<readonly LinkedBrick[]>()({
    access: 'control', summary: 'Insert a brick before another one, also while its engine runs: it takes over the inputs of that brick.', result: THE_BRICKS,
    parameters: {
      name,
      before: { type: 'integer', required: true, minimum: 0, description: 'the number of the brick before which it goes' },
      kind,
      options: structured<Readonly<Record<string, unknown>>>()({ type: 'table', description: 'its options' }),
    },
    positional: ['name', 'before', 'kind', 'options'],
  }),
  'brick.remove': command<readonly LinkedBrick[]>()({
    access: 'control', summary: 'Take a brick out of a chain, also while its engine runs.', result: THE_BRICKS,
    parameters: { name, brick }, positional: ['name', 'brick'],
  }),
  'brick.call': command<unknown>()({
    access: 'control', summary: "Call a method of a brick's control half.", result: 'what the method returns',
    parameters: {
      name,
      brick,
      method: { type: 'string', required: true, description: 'the method' },
      values: structured<readonly unknown[]>()({ type: 'list', description: 'what it is given' }),
    },
    positional: ['name', 'brick', 'method', 'values'],
  }),
  'option.describe': command<{ readonly engine: readonly OptionDeclaration[]; readonly backends: readonly { readonly name: string; readonly summary: string; readonly options: readonly OptionDeclaration[] }[] }>()({
    access: 'read', summary: 'Describe the options of engines and backends.', result: 'the options of engines, and the backends with theirs',
    parameters: { backend: { type: 'string', description: 'a backend whose options are wanted, if it is that of a plugin' } }, positional: ['backend'],
  }),
  'backend.default': command<string>()({
    access: 'read', summary: 'Name the backend of engines that name none.', result: 'its name', parameters: {},
  }),
} as const;
