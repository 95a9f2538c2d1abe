/** What becomes of an engine whose module is only tried: its graphs are checked and compiled, and nothing is opened. */
import { createSharedCounters, snapshotCounters } from '../model/counters';
import type { CompiledGraph } from '../model/graph';
import { checkBricks } from './compile-bricks';
import type { Life, LifeListener } from './engine-life';
import { refuseBusyPipes, refuseCall } from './engine-rules';
import { NO_FORMER, type GraphCounters } from './former-counts';
import type { OpenGraph } from './idle-links';
import type { EngineDebut } from './module-reading';
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
  /** What was linked last. */
  planned: PlanRequest | undefined;

  constructor(private readonly debut: EngineDebut, private readonly listener: Pick<LifeListener, 'stopped'>) {
    debut.life = this;
  }

  async begin(request: PlanRequest): Promise<void> {
    const { graph, backend } = request;
    await checkBricks(graph);
    refuseBusyPipes(request, [...this.debut.reading.engines].flatMap(({ openGraph }) => (openGraph === undefined || openGraph === this.thread ? [] : openGraph)));
    this.planned = request;
    this.thread = { graph, backend };
    this.counters = { graph, words: snapshotCounters(createSharedCounters(graph.counterSlots)), former: NO_FORMER };
  }

  change(request: PlanRequest): Promise<void> {
    return this.begin(request);
  }

  run(): Promise<void> {
    this.begun = true;
    this.running = this.thread !== undefined;
    if (this.thread && endsByItself(this.thread.graph)) this.rests('ended');
    return Promise.resolve();
  }

  rest(): Promise<void> {
    this.rests('stopped');
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

  /** Nobody asks it but a rehearsal, where no control half runs: else calls wait until the engine has its thread. */
  async call(brick: number): Promise<undefined> {
    if (this.thread) refuseCall(this.debut.engine.name, brick, this.thread.graph);
    return Promise.resolve(undefined);
  }

  /** Only a rehearsal hears of it: else the engine that is there has its own word. */
  private rests(end: 'stopped' | 'ended'): void {
    const { isRehearsal } = this.debut.reading;
    const rest = (): void => {
      const wasRunning = this.running;
      this.running = false;
      if (isRehearsal && wasRunning) this.listener.stopped(end);
    };
    if (isRehearsal && end === 'ended') setImmediate(rest);
    else rest();
  }
}
