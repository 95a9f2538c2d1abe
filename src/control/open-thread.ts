/** The thread of an engine whose links are open, with all that is given back when they are closed. */
import type { Worker } from 'node:worker_threads';
import type { Backend } from '../model/backend';
import type { CompiledGraph } from '../model/graph';
import type { OrderEvent } from '../native/system';
import { discardPipes } from '../pipes';
import type { BrickControls } from './brick-controls';
import type { EnginePlan } from './engine-protocol';

export interface OpenThread {
  readonly worker: Worker;
  readonly graph: CompiledGraph;
  readonly counters: SharedArrayBuffer;
  readonly control: Int32Array;
  readonly prepared: EnginePlan['prepared'];
  readonly backend: Backend;
  readonly orders: OrderEvent;
  readonly controls: BrickControls;
  /** The pipes that nobody wrote to when it was linked. */
  readonly unwritten: ReadonlySet<string>;
  /** Set when it is being disposed of. */
  gone?: Promise<void>;
}

/** What a failed thread gets to end: one that is stuck in the system may never. */
const TERMINATE_MILLISECONDS = 2000;

/** Resolves when no thread is waited for any longer. */
export function threadLimit(): Promise<void> {
  return new Promise<void>((resolve) => setTimeout(resolve, TERMINATE_MILLISECONDS).unref());
}

export async function endThread(thread: OpenThread): Promise<void> {
  const ended = await Promise.race([thread.worker.terminate().then(() => true), threadLimit()]);
  if (ended) thread.orders.close();
  await thread.controls.stop();
  thread.backend.discard?.(thread.prepared.backend);
  discardPipes(thread.prepared.pipes);
}
