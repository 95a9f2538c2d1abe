/** An engine's thread. Its first message is the engine's plan. It has no event loop while the engine runs: its orders then come through shared memory. */
import { parentPort } from 'node:worker_threads';
import type { LoopEnd } from '../core/engine';
import { isBricksError, messageOf } from '../model/errors';
import type { ReportedFault } from '../model/outcome';
import { nameThread, pinThread, wakePromptly } from '../native/system';
import { markBrickThread } from './brick-thread';
import { assembleEngine, type AssembledEngine } from './engine-assembly';
import { ThreadHost } from './thread-host';
import type { EnginePlan, EngineReport, EngineRequest, PlainError } from './engine-protocol';

function report(message: EngineReport): void {
  parentPort?.postMessage(message);
}

function notice(text: string, fault?: ReportedFault): void {
  report({ kind: 'notice', text, ...(fault && { fault }) });
}

function plainError(error: unknown): PlainError {
  if (isBricksError(error)) return { code: error.code, message: error.message, ...(error.code === 'E_BRICK_FAILED' ? { stack: stackOf(error) } : {}) };
  const stack = stackOf(error);
  return { code: 'E_INTERNAL', message: messageOf(error), ...(stack ? { stack } : {}) };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? '' : '';
}

function run(assembled: AssembledEngine, host: ThreadHost): void {
  report({ kind: 'running' });
  host.attach(assembled.sources, assembled.counters, assembled.hotObjects);
  let end: LoopEnd;
  try {
    end = assembled.engine.run();
  } catch (error) {
    // What was sent is to reach its readers and files all the same.
    try {
      assembled.engine.close();
    } catch (second) {
      notice(`Closing its links failed too: ${messageOf(second)}`);
    }
    throw error;
  }
  host.detach();
  assembled.engine.publishNow();
  report({ kind: 'rested', end });
}

async function open(plan: EnginePlan): Promise<void> {
  nameThread(plan.name);
  wakePromptly();
  if (plan.cpu >= 0) {
    const problem = pinThread(plan.cpu);
    if (problem) notice(problem);
  }
  const host = new ThreadHost(new Int32Array(plan.control), plan.orders);
  const assembled = await assembleEngine(plan, host, notice);
  parentPort?.on('message', (request: EngineRequest) => {
    try {
      if (request.kind === 'run') {
        run(assembled, host);
      } else {
        assembled.engine.close();
        report({ kind: 'closed' });
        parentPort?.close();
      }
    } catch (error) {
      report({ kind: 'failed', error: plainError(error) });
    }
  });
  report({ kind: 'opened' });
}

markBrickThread();

parentPort?.once('message', (plan: EnginePlan) => {
  open(plan).catch((error: unknown) => {
    report({ kind: 'failed', error: plainError(error) });
    parentPort?.close();
  });
});

// For esbuild, which wraps modules without exports, and all that they import, in functions.
export {};
