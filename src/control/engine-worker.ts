/** An engine's thread. Its first message is the engine's plan. It has no event loop while the engine runs: its commands then come through shared memory. */
import { parentPort } from 'node:worker_threads';
import type { LoopEnd } from '../core/engine';
import { isBricksError, isOutOfMemory, messageOf } from '../model/errors';
import type { NoticeLevel, ReportedFault } from '../model/outcome';
import { nameThread, pinThread, wakePromptly } from '../native/system';
import { CpuProfiler } from '../v8/cpu-profile';
import { Watchers } from '../watch/watchers';
import { markBrickThread } from './brick-thread';
import { assembleEngine, prepareChange, type AssembledEngine } from './engine-assembly';
import { ThreadHost } from './thread-host';
import { CONTROL_STOP, CONTROL_WATCH, PAUSE, RUN, type EnginePlan, type EngineReport, type EngineRequest, type OpenRequest, type PlainError } from './engine-protocol';

function report(message: EngineReport): void {
  parentPort?.postMessage(message);
}

function notice(text: string, fault?: ReportedFault, level?: NoticeLevel): void {
  report({ kind: 'notice', text, ...(fault && { fault }), ...(level && { level }) });
}

function plainError(error: unknown): PlainError {
  if (isBricksError(error)) return { code: error.code, message: error.message, ...(error.code === 'E_BRICK_FAILED' ? { stack: stackOf(error) } : {}) };
  const stack = stackOf(error);
  return { code: isOutOfMemory(error) ? 'E_MEMORY' : 'E_INTERNAL', message: messageOf(error), ...(stack ? { stack } : {}) };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? '' : '';
}

/** An engine in this thread. */
class RunningEngine {
  /** It was told to run, and has not come to rest; it may pause for a command. */
  private running = false;
  private closed = false;

  constructor(private assembled: AssembledEngine, private readonly host: ThreadHost, private readonly control: Int32Array) {}

  start(): void {
    this.running = true;
    report({ kind: 'running' });
    this.run();
  }

  close(): void {
    this.assembled.engine.close();
  }

  /** Another graph takes the place of the one it has. While that is made the engine does one round for each turn of the event loop. */
  async change(plan: EnginePlan): Promise<void> {
    let wanted = true;
    let answer: EngineReport;
    try {
      const prepared = prepareChange(plan, this.assembled, this.running).finally(() => {
        wanted = false;
      });
      prepared.catch(() => undefined);
      while (wanted && this.running) {
        this.runGuarded();
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      const takeOver = await prepared;
      this.assembled = takeOver();
      answer = { kind: 'changed' };
    } catch (error) {
      if (this.closed) throw error;
      answer = { kind: 'refused', error: plainError(error) };
    }
    this.answer(answer);
  }

  /** Begins to look at this thread, or ends it. Whatever the profiler says, the engine runs on. */
  profile(every: number | undefined): void {
    let answer: EngineReport;
    try {
      if (every !== undefined) this.profiler.start(every);
      answer = { kind: 'profiled', profile: every === undefined ? this.profiler.stop() : undefined };
    } catch (error) {
      answer = { kind: 'refused', error: { code: 'E_PROFILE', message: `V8 cannot profile the thread: ${messageOf(error)}` } };
    }
    this.answer(answer);
  }
  private readonly profiler = new CpuProfiler();

  /** To a command for which it has paused, and runs on. */
  private answer(answer: EngineReport): void {
    // Before it answers: then the next command may come.
    Atomics.compareExchange(this.control, CONTROL_STOP, PAUSE, RUN);
    report(answer);
    if (this.running) this.run();
  }

  private run(): void {
    const { assembled, host } = this;
    host.attach(assembled.sources, assembled.counters, assembled.hotObjects);
    const end = this.runGuarded();
    // The command that it pauses for is the next message.
    if (end === 'paused') return;
    this.running = false;
    host.detach();
    assembled.engine.publishNow();
    report({ kind: 'stopped', end });
  }

  /** `bricks profile` knows the loop's caller by this name (profile-parts.ts). */
  private runGuarded(): LoopEnd {
    try {
      return this.assembled.engine.run();
    } catch (error) {
      this.running = false;
      this.closed = true;
      // What was sent is to reach its readers and files all the same.
      try {
        this.assembled.engine.close();
      } catch (second) {
        notice(`Closing its links failed too: ${messageOf(second)}`);
      }
      throw error;
    }
  }
}

async function open({ plan, watch }: OpenRequest): Promise<void> {
  nameThread(plan.name);
  wakePromptly();
  if (plan.cpu >= 0) {
    const problem = pinThread(plan.cpu);
    if (problem) notice(problem);
  }
  const control = new Int32Array(plan.control);
  const host = new ThreadHost(control, plan.commands);
  const engine = new RunningEngine(await assembleEngine(plan, host, notice, new Watchers(watch, control, CONTROL_WATCH)), host, control);
  const fail = (error: unknown): void => report({ kind: 'failed', error: plainError(error) });
  parentPort?.on('message', (request: EngineRequest) => {
    try {
      if (request.kind === 'run') {
        engine.start();
      } else if (request.kind === 'change') {
        engine.change(request.plan).catch(fail);
      } else if (request.kind === 'profile') {
        engine.profile(request.every);
      } else {
        engine.close();
        report({ kind: 'closed' });
        parentPort?.close();
      }
    } catch (error) {
      fail(error);
    }
  });
  report({ kind: 'opened' });
}

markBrickThread();

parentPort?.once('message', (request: OpenRequest) => {
  open(request).catch((error: unknown) => {
    report({ kind: 'failed', error: plainError(error) });
    parentPort?.close();
  });
});

// For esbuild, which wraps modules without exports, and all that they import, in functions.
export {};
