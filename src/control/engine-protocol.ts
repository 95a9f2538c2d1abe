/** What the main thread and an engine's thread say to each other. */
import type { ErrorCode } from '../model/error-codes';
import type { MessagePort } from 'node:worker_threads';
import type { ControlLink } from './brick-controls';
import type { ModuleReference } from '../model/define-brick';
import type { CompiledGraph } from '../model/graph';
import type { OptionValues } from '../model/options';
import type { NoticeLevel, ReportedFault } from '../model/outcome';
import type { CpuProfile } from '../v8/cpu-profile';

/** Words of the control memory that both threads share. */
export const CONTROL_STOP = 0;
/** What it says: to run, to stop, or to pause for the message that follows. */
export const RUN = 0;
export const STOP = 1;
export const PAUSE = 2;
/** Changed to wake a waiting engine. */
export const CONTROL_WAKE = 1;
/** Moves on with every round of the engine: the watchdog looks at it. */
export const CONTROL_HEARTBEAT = 2;
/** The index + 1 of the brick that is at work, or 0. */
export const CONTROL_BRICK = 3;
/** The batch that is on its way: the index of its source, and its packets. */
export const CONTROL_SOURCE = 4;
export const CONTROL_PACKETS = 5;
/** Moves on with each order of those who look at packets on their way. */
export const CONTROL_WATCH = 6;
export const CONTROL_WORDS = 16;

/** Everything an engine's thread needs to know; can be cloned. */
export interface EnginePlan {
  readonly name: string;
  readonly backend: string;
  readonly backendModule?: ModuleReference;
  readonly backendOptions: OptionValues;
  readonly graph: CompiledGraph;
  readonly batchRows: number;
  readonly queue: number;
  /** -1 for none. */
  readonly cpu: number;
  readonly whenFull: 'auto' | 'drop' | 'wait';
  readonly warmUpMilliseconds: number;
  /** What the random numbers of its bricks begin with. */
  readonly seed: number;
  /** What the control halves prepared. */
  readonly prepared: { readonly backend: unknown; readonly pipes: unknown };
  /** The bricks that go on from the graph before with what they remember: by their index here, the index there. */
  readonly staying: ReadonlyMap<number, number>;
  /** Control halves of its bricks. */
  readonly controls: readonly ControlLink[];
  readonly counters: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  /** Becomes readable with a command, for a wait that only descriptors end; -1 where the native part was not built. */
  readonly commands: number;
}

/** The first message to an engine's thread. */
export interface OpenRequest {
  readonly plan: EnginePlan;
  /** By which taps and traces come and go. */
  readonly watch: MessagePort;
}

export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly stack?: string;
}

export type EngineRequest =
  | { readonly kind: 'run' }
  | { readonly kind: 'close' }
  /** Another graph in place of the one it has, also while it runs: answered by `changed`, or `refused` and nothing has changed. */
  | { readonly kind: 'change'; readonly plan: EnginePlan }
  /** Begin to profile its thread, a look each so many microseconds, or end it: answered by `profiled`, or `refused`. */
  | { readonly kind: 'profile'; readonly every: number | undefined };

export type EngineReport =
  | { readonly kind: 'opened' }
  | { readonly kind: 'failed'; readonly error: PlainError }
  | { readonly kind: 'notice'; readonly text: string; readonly fault?: ReportedFault; readonly level?: NoticeLevel }
  | { readonly kind: 'running' }
  | { readonly kind: 'stopped'; readonly end: 'stopped' | 'ended' }
  | { readonly kind: 'changed' }
  /** With the profile, where it was ended. */
  | { readonly kind: 'profiled'; readonly profile: CpuProfile | undefined }
  | { readonly kind: 'refused'; readonly error: PlainError }
  | { readonly kind: 'closed' };
