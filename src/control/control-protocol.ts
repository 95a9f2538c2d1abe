/** What the main thread and the thread of a brick's control half say to each other. */
import type { ModuleReference } from '../model/define-brick';
import type { ErrorCode } from '../model/error-codes';
import type { NoticeLevel } from '../model/outcome';
import type { OptionValues } from '../model/options';

export interface ControlPlan {
  readonly engine: string;
  readonly label: string;
  readonly kind: string;
  readonly module: ModuleReference;
  readonly options: OptionValues;
  /** Names of its outputs, and of those of other bricks of its kind. */
  readonly outputs: readonly string[];
  readonly otherOutputs: readonly string[];
  /** What `shared` of the definition has made. */
  readonly shared: unknown;
  /** Mailboxes: to the engine's half, and from it. */
  readonly toEngine: SharedArrayBuffer;
  readonly fromEngine: SharedArrayBuffer;
}

export type ControlRequest =
  | { readonly kind: 'call'; readonly number: number; readonly method: string; readonly values: readonly unknown[] }
  | { readonly kind: 'ping' }
  | { readonly kind: 'stop' };

export type ControlReport =
  | { readonly kind: 'started'; readonly methods: readonly string[]; readonly stopMilliseconds?: number | undefined }
  | { readonly kind: 'reply'; readonly number: number; readonly value?: unknown; readonly error?: string; readonly code?: ErrorCode }
  | { readonly kind: 'log'; readonly text: string; readonly level: NoticeLevel }
  /** With a code if the control half refused to start by a BricksError. */
  | { readonly kind: 'failed'; readonly error: string; readonly code?: ErrorCode }
  | { readonly kind: 'pong' }
  | { readonly kind: 'stopped' };
