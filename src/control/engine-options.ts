/** What users may say of an engine, and what it tells them. */
import type { Backend } from '../model/backend';
import { BricksError, namesInstead } from '../model/errors';
import type { CompiledGraph } from '../model/graph';
import { checkOptions, listOptions, type GivenOptions, type OptionDeclarations, type OptionValue, type OptionValues } from '../model/options';
import type { NoticeLevel } from '../model/outcome';
import { DEFAULT_BATCH_ROWS, DEFAULT_BATCH_ROWS_OF_MANY, MANY_SINKS, MAXIMUM_BATCH_ROWS } from '../model/packet-batch';
import type { ModuleReference } from '../model/define-brick';
import type { BackendOptions } from '../plugins/backend-options';

/** The options of an engine, as they are declared. */
export const ENGINE_OPTIONS = {
  /** The CPU that its thread is pinned to; -1 for none. Range: -1 to 1,023. Default: -1. */
  cpu: { type: 'integer', minimum: -1, maximum: 1023, default: -1, description: 'the CPU to pin its thread to; -1 for none' },
  /** Most packets of a batch, whatever link asks for. Range: 1 to 1,048,576. */
  bufferSize: { type: 'integer', minimum: 1, maximum: 1_048_576, description: 'maximum number of packets in a batch, whatever link asks for' },
  /** Memory of each pipe in shared memory, rounded up to a power of two; 4 MiB unless there are very many. Range: 4,096 to 1,073,741,824 bytes. */
  ringSize: { type: 'integer', minimum: 4096, maximum: 1 << 30, unit: 'bytes', description: 'memory of each shared-memory pipe, rounded up to a power of two; 4 MiB unless there are very many' },
  /** How much stays in each pipe while nobody reads it, for the next reader, the oldest packets first: 0 for nothing (what comes then is counted as noReader), at most ringSize. Range: 0 to 1,073,741,824 bytes. Default: 0. */
  keepUnread: { type: 'integer', minimum: 0, maximum: 1 << 30, default: 0, unit: 'bytes', description: 'how much to keep in each pipe for the next reader while nobody reads it, oldest packets first; 0 keeps nothing (packets are counted as noReader); at most ringSize' },
  /** The group, by name or number, whose members may read the pipes too; without it only the user of the engine, and root. */
  pipeGroup: { type: 'string', description: 'the group, by name or number, whose members may also read the pipes; by default only the user of the engine and root may' },
  /** What to do when an output is full: drop (and count), wait for its reader, or auto: wait only where all sources are capture files. Default: "auto". */
  whenFull: { type: 'string', oneOf: ['auto', 'drop', 'wait'], default: 'auto', description: 'what to do when an output is full: drop (and count), wait for its reader, or auto: wait only where all sources are capture files' },
  /** The longest that warming up may take before ports are opened: 2000, and 0 where every source is a capture file, since nothing is lost there. Range: 0 to 60,000 ms. */
  warmUpMilliseconds: { type: 'integer', minimum: 0, maximum: 60_000, unit: 'ms', description: 'how long warming up may take before ports are opened; the default is 2000, or 0 if every source is a capture file, because then nothing can be lost' },
  /** An engine whose batch takes longer is ended; 0 for never. Range: 0 to 3,600,000 ms. Default: 30,000. */
  hangMilliseconds: { type: 'integer', minimum: 0, maximum: 3_600_000, default: 30_000, unit: 'ms', description: 'end the engine if a batch takes longer than this; 0 for never' },
  /** What the random numbers of bricks begin with: the same seed gives the same ones. Range: 0 to 4,294,967,295. Default: 1. */
  seed: { type: 'integer', minimum: 0, maximum: 4_294_967_295, default: 1, description: 'seed for random numbers in bricks: the same seed gives the same numbers' },
} as const satisfies OptionDeclarations;

const WARM_UP_MILLISECONDS = 2000;

/** The name of a backend. For one that is known at run time only: `backend: name as BackendName`. */
export type BackendName = keyof BackendOptions;

/** A backend with its own options. Where none is named each may turn out to be the default: then the options of any are taken, and checked when it is opened. */
type BackendChoice =
  | { [Name in BackendName]: {
    /** The backend's name, or the module of one from outside. Without it the best that works here. */
    readonly backend: Name;
    /** Options of this backend. */
    readonly backendOptions?: BackendOptions[Name] | undefined;
  } }[BackendName]
  | {
    /** The backend's name, or the module of one from outside. Without it the best that works here. */
    readonly backend: ModuleReference;
    /** Options as that backend declares them. */
    readonly backendOptions?: OptionValues | undefined;
  }
  | {
    /** The backend's name, or the module of one from outside. Without it the best that works here. */
    readonly backend?: undefined;
    /** Options of the backend that turns out to be the default. */
    readonly backendOptions?: BackendOptions[BackendName] | undefined;
  };

/** Options of an engine: its own, and those of its backend. */
export type PacketEngineOptions = GivenOptions<typeof ENGINE_OPTIONS> & BackendChoice;

/** What `link` takes. */
export const LINK_OPTIONS = {
  /** Packets that are handled at a time, at most. Range: 1 to 4,096. Default: 512; 1,024 with more than 256 outputs, and where packets come from netmap. */
  batch: { type: 'integer', minimum: 1, maximum: MAXIMUM_BATCH_ROWS, description: `packets that are handled at a time, at most; ${DEFAULT_BATCH_ROWS} unless set, ${DEFAULT_BATCH_ROWS_OF_MANY} with more than ${MANY_SINKS} outputs, and where packets come from netmap` },
  /** One hardware queue of the interface; -1 for all. Minimum: -1. Default: -1. */
  queue: { type: 'integer', minimum: -1, default: -1, description: 'one hardware queue of the interface, -1 for all; a backend that cannot do it says so' },
} as const satisfies OptionDeclarations;

/** Options of `link`. */
export interface LinkOptions extends GivenOptions<typeof LINK_OPTIONS> {}

const LINK_OPTION_NAMES = Object.keys(LINK_OPTIONS);

export interface PacketEngineEvents {
  /** Something that a user should know and that ends nothing, and how much it matters. */
  notice: [text: string, level: NoticeLevel];
  /** All sources have ended; everything they gave was sent or counted. */
  ended: [];
  /** The engine's thread failed; its links are closed. */
  error: [error: BricksError];
}

/** How long an engine may warm up: a capture file waits for it, so where all sources are such its code gets warm by their packets. */
export function warmUpLimit(given: unknown, graph: CompiledGraph): number {
  if (typeof given === 'number') return given;
  return graph.sources.every(({ link }) => link.kind === 'file') ? 0 : WARM_UP_MILLISECONDS;
}

/** @throws BricksError E_OPTION */
export function checkedBatch(batch: number): number {
  const rows = Number(batch);
  if (!Number.isInteger(rows) || rows < 1 || rows > MAXIMUM_BATCH_ROWS) {
    throw new BricksError('E_OPTION', `The batch size must be from 1 to ${MAXIMUM_BATCH_ROWS} packets, got ${batch}.`);
  }
  return rows;
}

/** @throws BricksError E_ARGUMENT, E_OPTION */
export function checkedEngineOptions(name: unknown, given: PacketEngineOptions): Record<string, OptionValue> {
  if (typeof name !== 'string' || name === '') throw new BricksError('E_ARGUMENT', 'An engine needs a name, which must be a string.', "For example: new PacketEngine('e0').");
  if (typeof given !== 'object' || (given as unknown) === null) {
    throw new BricksError('E_OPTION', `The engine ${name} takes its options as an object, got ${String(given)}.`, `For example: new PacketEngine('${name}', { cpu: 1 }).`);
  }
  const { backend, backendOptions: _backendOptions, ...own } = given;
  void _backendOptions;
  if (backend !== undefined && typeof backend !== 'string' && typeof (backend as Partial<ModuleReference> | null)?.url !== 'string') {
    throw new BricksError('E_OPTION', `The engine ${name}: the option "backend" is ${String(backend)}; it must be the name of a backend, or its module: { url, name }.`);
  }
  return checkOptions(`The engine ${name}`, listOptions(ENGINE_OPTIONS), own);
}

/** What `link` was given, checked for what is no option. @throws BricksError E_OPTION */
export function checkedLinkOptions(engine: string, given: unknown): LinkOptions {
  if (given === undefined || given === null) return {};
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new BricksError('E_OPTION', `link of engine ${engine} takes its options as an object, got ${String(given)}.`, 'For example: engine.link(brick, { batch: 512, queue: 0 }).');
  }
  const unknown = Object.keys(given).find((name) => !LINK_OPTION_NAMES.includes(name));
  if (unknown !== undefined) {
    throw new BricksError('E_OPTION', `link of engine ${engine} has no option "${unknown}".`, namesInstead(unknown, LINK_OPTION_NAMES, 'Its options are'));
  }
  const options = given as LinkOptions;
  if (options.batch !== undefined) checkedBatch(options.batch);
  checkedQueue(options.queue);
  return options;
}

/** A queue belongs to an interface: files and pipes have none. @throws BricksError E_OPTION */
export function checkQueueIsOfInterface(engine: string, queue: number | undefined, graph: CompiledGraph, backend: Backend): void {
  if (queue === undefined || queue < 0 || graph.sources.some(({ link }) => link.kind !== 'file' && backend.handles(link))) return;
  throw new BricksError('E_OPTION', `link of engine ${engine} asks for queue ${queue}, but ${graph.sources.map(({ link }) => link.text).join(' and ')} has none.`, 'Only interfaces have hardware queues: omit it.');
}

/** @throws BricksError E_OPTION */
function checkedQueue(queue: number | undefined): void {
  if (queue !== undefined && (!Number.isInteger(queue) || queue < -1)) {
    throw new BricksError('E_OPTION', `A queue must be an integer of at least 0, or -1 for all, got ${queue}.`);
  }
}
