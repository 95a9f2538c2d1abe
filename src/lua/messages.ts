/** What the main thread and a Lua thread say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { Answer, RegistryCommand } from '../control/registry-commands';
import type { NativeOutcome } from './native-lua';

/** Given to a Lua thread when it starts. */
export interface WorkerSettings {
  /** Commands go out here and answers come back; the Lua thread reads it synchronously. */
  readonly commands: MessagePort;
  /** One number, which changes when there may be something new: an answer, or an interrupt. */
  readonly bell: Int32Array<SharedArrayBuffer>;
  /** Standard input, output and error of scripts and of the commands that they run, as file descriptors. */
  readonly descriptors: readonly [input: number, output: number, error: number];
  /** Bytes. */
  readonly memoryLimit: number;
  readonly daemon: boolean;
  readonly version: string;
  /** Our own scripts, which `require` searches. */
  readonly scripts: string;
  /** What the first brick is numbered. */
  readonly firstBrick: number;
  readonly rehearsal?: Rehearsal;
}

/** How a script is run that is only to show what it would do. */
export interface Rehearsal {
  /** Its waits take no time; when they would have taken so many seconds it is interrupted. */
  readonly seconds: number;
  /** Whether os.execute and io.popen run what they are given. */
  readonly runCommands: boolean;
}

export interface CommandMessage {
  readonly number: number;
  readonly command: RegistryCommand;
}

export interface AnswerMessage {
  readonly number: number;
  readonly answer: Answer;
}

/** What may be called of a Lua state. */
export type CallName = 'script' | 'source' | 'line' | 'complete' | 'links' | 'help' | 'loose' | 'memory';

/** A call into the Lua state; calls are numbered upwards, so that an interrupt can say which one it means. */
export type Request = { readonly call: number; readonly name: CallName; readonly values: readonly unknown[] } | { readonly close: true };

export type Reply = { readonly ready: number } | { readonly broken: string } | { readonly skipped: string } | { readonly call: number; readonly outcome: NativeOutcome };
