/** An engine's thread. It has no event loop while the engine runs: its orders then come through shared memory. */
// The global one is a getter: 10 ns more for each look at the clock.
import { performance } from 'node:perf_hooks';
import { GCProfiler } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { ENGINE_COLLECTIONS, ENGINE_DEOPTIMISATIONS, addToCounter, type CounterBlock } from '../core/counters';
import type { EngineHost, EngineSource, LoopEnd } from '../core/engine';
import { isBricksError, messageOf } from '../core/errors';
import { createWaiter, nameThread, pinThread } from '../native/system';
import { assembleEngine, type AssembledEngine } from './engine-assembly';
import { methodsOf, optimisationProbe } from './warm-up';
import { CONTROL_HEARTBEAT, CONTROL_PACKETS, CONTROL_SOURCE, CONTROL_STOP, CONTROL_WAKE, type EnginePlan, type EngineReport, type EngineRequest, type PlainError } from './engine-protocol';

const plan = workerData as EnginePlan;
const control = new Int32Array(plan.control);

function report(message: EngineReport): void {
  parentPort?.postMessage(message);
}

function notice(text: string): void {
  report({ kind: 'notice', text });
}

function plainError(error: unknown): PlainError {
  if (isBricksError(error)) return { code: error.code, message: error.message, ...(error.code === 'E_BRICK_FAILED' ? { stack: stackOf(error) } : {}) };
  const stack = stackOf(error);
  return { code: 'E_INTERNAL', message: messageOf(error), ...(stack ? { stack } : {}) };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? '' : '';
}

/** Collections of this thread, which no observer sees while there is no event loop. */
class CollectionCount {
  private profiler: GCProfiler | undefined;

  constructor(private readonly counters: CounterBlock) {}

  start(): void {
    this.profiler = new GCProfiler();
    this.profiler.start();
  }

  read(): void {
    const result = this.profiler?.stop();
    this.profiler = undefined;
    if (result) addToCounter(this.counters.words, ENGINE_COLLECTIONS, result.statistics.length);
  }
}

/**
 * Functions of the data path that were optimised and no longer are, looked at once a second: some
 * hundred nanoseconds each. One that loses its optimised code and has it again within a second is not
 * seen; `npm run bench -- steadiness` counts exactly.
 */
class DeoptimisationCount {
  private readonly optimised = optimisationProbe();
  private readonly codes: unknown[];
  private readonly were: boolean[];

  constructor(objects: readonly object[], private readonly counters: CounterBlock) {
    this.codes = [...new Set(objects.flatMap(methodsOf))];
    this.were = this.codes.map(() => false);
  }

  sample(): void {
    for (let index = 0; index < this.codes.length; index++) {
      const is = this.optimised(this.codes[index]);
      if (this.were[index] && !is) addToCounter(this.counters.words, ENGINE_DEOPTIMISATIONS, 1);
      this.were[index] = is;
    }
  }
}

let collections: CollectionCount | undefined;
let deoptimisations: DeoptimisationCount | undefined;

function makeHost(sources: readonly EngineSource[], counters: CounterBlock): EngineHost {
  collections = new CollectionCount(counters);
  const waiter = createWaiter(sources, control, CONTROL_WAKE);
  return {
    nanoseconds: () => performance.now() * 1e6,
    stopRequested: () => {
      control[CONTROL_HEARTBEAT]++;
      return Atomics.load(control, CONTROL_STOP) !== 0;
    },
    took: (source, packets) => {
      control[CONTROL_SOURCE] = source;
      control[CONTROL_PACKETS] = packets;
    },
    wait: (milliseconds) => waiter.wait(milliseconds),
    housekeeping: () => {
      collections?.read();
      collections?.start();
      deoptimisations?.sample();
    },
  };
}

function run(assembled: AssembledEngine): void {
  report({ kind: 'running' });
  collections?.start();
  deoptimisations ??= new DeoptimisationCount(assembled.hotObjects, assembled.counters);
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
  collections?.read();
  assembled.engine.publishNow();
  report({ kind: 'rested', end });
}

async function main(): Promise<void> {
  nameThread(plan.name);
  if (plan.cpu >= 0) {
    const problem = pinThread(plan.cpu);
    if (problem) notice(problem);
  }
  const assembled = await assembleEngine(plan, makeHost, notice);
  parentPort?.on('message', (request: EngineRequest) => {
    try {
      if (request.kind === 'run') {
        run(assembled);
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

main().catch((error: unknown) => {
  report({ kind: 'failed', error: plainError(error) });
  parentPort?.close();
});
