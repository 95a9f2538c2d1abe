/** The face of the native addon bricks_lua. */
import { loadAddon } from '../native/load-addon';

export interface NativeFailure {
  readonly message: string;
  /** "stack traceback:" and a line for each function of the script, or nothing. */
  readonly traceback: string;
  readonly file?: string;
  readonly line?: number;
}

/** How a call into Lua ended: with a value, by os.exit, or with a failure. */
export interface NativeOutcome {
  readonly value?: unknown;
  readonly exitCode?: number;
  readonly failure?: NativeFailure;
  readonly interrupted: boolean;
}

/** A Lua state; only the thread that made it may use it. */
export interface NativeLuaState {
  /** By which other threads can interrupt it. */
  readonly id: number;
  /** Bytes that Lua holds. */
  readonly memory: number;
  /** Runs a chunk of the prelude. */
  load(source: string, name: string): NativeOutcome;
  /** Calls a function that the prelude put into the host table. */
  call(number: number, name: string, values: readonly unknown[]): NativeOutcome;
  isInterrupted(): boolean;
  close(): void;
}

export interface NativeLua {
  /** `skipSeconds`: waits take no time, until they would have taken so much together; 0 to wait. */
  readonly LuaState: new (descriptors: readonly [input: number, output: number, error: number], memoryLimit: number, callbacks: Record<string, (...values: never[]) => unknown>, skipSeconds: number) => NativeLuaState;
  /** Interrupts the call of this number, and those before it; Infinity means: whatever it does from now on. */
  interrupt(id: number, call: number): void;
  readonly version: string;
}

/** @throws BricksError E_NATIVE_MISSING */
export function loadNativeLua(): NativeLua {
  return loadAddon<NativeLua>('bricks_lua');
}
