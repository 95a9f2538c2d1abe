/** What becomes of an engine whose module is only tried: its graphs are checked and compiled, and nothing is opened. */
import { createSharedCounters, snapshotCounters } from '../model/counters';
import type { CompiledGraph } from '../model/graph';
import { checkBricks } from './compile-bricks';
import type { Life } from './engine-life';
import { NO_FORMER, type GraphCounters } from './former-counts';
import type { OpenGraph } from './idle-links';
import type { PlanRequest } from './prepare-plan';

/** A capture file has been played by the time that anybody looks; interfaces and pipes never end. */
export function endsByItself({ sources }: CompiledGraph): boolean {
  return sources.every(({ link, options }) => link.kind === 'file' && options['loop'] !== 0);
}

export class PlannedLife implements Life {
  running = false;
  /** Whether it was ever started. */
  begun = false;
  readonly pipes = undefined;
  readonly watches = undefined;
  thread: OpenGraph | undefined;
  counters: GraphCounters | undefined;

  async begin({ graph, backend }: PlanRequest): Promise<void> {
    await checkBricks(graph);
    this.thread = { graph, backend };
    this.counters = { graph, words: snapshotCounters(createSharedCounters(graph.counterSlots)), former: NO_FORMER };
  }

  change(request: PlanRequest): Promise<void> {
    return this.begin(request);
  }

  run(): Promise<void> {
    this.begun = true;
    this.running = this.thread !== undefined && !endsByItself(this.thread.graph);
    return Promise.resolve();
  }

  rest(): Promise<void> {
    this.running = false;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.thread = undefined;
    return Promise.resolve();
  }

  /** It never runs a thread. */
  profile(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Nobody asks it: calls wait until the engine has its thread. */
  call(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}
