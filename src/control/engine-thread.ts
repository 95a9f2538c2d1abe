/** Starts the threads of engines; one of them, if asked, before there is an engine for it. */
import { join } from 'node:path';
import { Worker, type MessagePort } from 'node:worker_threads';
import type { EnginePlan, OpenRequest } from './engine-protocol';

let spare: Worker | undefined;

function newThread(): Worker {
  return new Worker(join(__dirname, '..', 'control', 'engine-worker.js'), { name: 'bricks engine' });
}

/** Starts a thread for the next engine: it gets ready while the graph is described. It keeps no process alive. */
export function prepareEngineThread(): void {
  if (spare) return;
  const thread = newThread();
  spare = thread;
  thread.unref();
  const gone = (): void => {
    if (spare === thread) spare = undefined;
  };
  // The thread that the engine then starts tells what is wrong.
  thread.on('error', gone);
  thread.on('exit', gone);
}

/** The thread that opens this engine. */
export function startEngineThread(plan: EnginePlan, watch: MessagePort): Worker {
  const thread = spare ?? newThread();
  spare = undefined;
  thread.ref();
  thread.postMessage({ plan, watch } satisfies OpenRequest, [watch]);
  return thread;
}
