/** V8's CPU profile of this thread, by its inspector, which is asked within the process: nothing is opened for others. */
import type { Session } from 'node:inspector';

/** A call at one place of the tree of calls. */
export interface CpuProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly scriptId: string; readonly url: string; readonly lineNumber: number; readonly columnNumber: number };
  readonly children?: readonly number[];
}

/** As V8 gives it, and as Chrome and speedscope read it from a file NAME.cpuprofile. */
export interface CpuProfile {
  readonly nodes: readonly CpuProfileNode[];
  /** In microseconds. */
  readonly startTime: number;
  readonly endTime: number;
  /** The node that each sample found, and the microseconds since the sample before. */
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

export class CpuProfiler {
  private session: Session | undefined;

  /** Begins to look, so often. Starting takes V8 some 25 ms, once for everything that it has compiled. @throws Error what the inspector says */
  start(microseconds: number): void {
    this.stop();
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- only while someone looks
    const { Session: Inspector } = require('node:inspector') as typeof import('node:inspector');
    this.session = new Inspector();
    this.session.connect();
    this.ask('Profiler.enable');
    this.ask('Profiler.setSamplingInterval', { interval: microseconds });
    this.ask('Profiler.start');
  }

  /** Ends it; nothing where it was not begun. @throws Error what the inspector says */
  stop(): CpuProfile | undefined {
    if (this.session === undefined) return undefined;
    try {
      return (this.ask('Profiler.stop') as { profile: CpuProfile }).profile;
    } finally {
      this.session.disconnect();
      this.session = undefined;
    }
  }

  /** Within a process the answer comes at once. */
  private ask(method: string, parameters: object = {}): unknown {
    let failure: Error | null = null;
    let answer: unknown;
    this.session?.post(method, parameters, (error, result) => {
      failure = error;
      answer = result;
    });
    if (failure !== null) throw new Error(`${method}: ${String((failure as { message?: unknown }).message)}`);
    return answer;
  }
}
