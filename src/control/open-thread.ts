/** The thread of an engine whose links are open, with all that is given back when they are closed. */
import type { Worker } from 'node:worker_threads';
import type { Backend } from '../model/backend';
import type { CompiledGraph } from '../model/graph';
import type { CommandEvent } from '../native/system';
import { discardPipes } from '../pipes';
import type { BrickControls } from './brick-controls';
import type { EngineWatches } from './engine-watches';
import type { EnginePlan } from './engine-protocol';
import { NO_FORMER, formerCounts, type GraphCounters, type FormerCounts } from './former-counts';
import { snapshotCounters } from '../model/counters';

/** The graph that a thread has now. */
export interface LinkedGraph {
  readonly graph: CompiledGraph;
  readonly batchRows: number;
  readonly counters: SharedArrayBuffer;
  readonly prepared: EnginePlan['prepared'];
  readonly controls: BrickControls;
  /** The pipes that nobody wrote to when it was linked. */
  readonly unwritten: ReadonlySet<string>;
}

export class OpenThread {
  /** What graphs before have counted. */
  private former: FormerCounts = NO_FORMER;
  /** Packets have passed it. */
  begun = false;
  /** It has closed its links, and is ending. */
  hasClosed = false;
  /** Set when it is being disposed of. */
  disposed?: Promise<void>;

  constructor(readonly worker: Worker, readonly backend: Backend, readonly control: Int32Array, readonly commands: CommandEvent, readonly watches: EngineWatches, private current: LinkedGraph) {
    watches.graph = () => this.graph;
  }

  get linked(): LinkedGraph {
    return this.current;
  }

  get graph(): CompiledGraph {
    return this.current.graph;
  }

  get unwritten(): ReadonlySet<string> {
    return this.current.unwritten;
  }

  /** What it has counted so far. */
  get counters(): GraphCounters {
    return { graph: this.current.graph, words: snapshotCounters(this.current.counters), former: this.former };
  }

  /** Another graph has taken over, and these are the last counters of the one before. */
  replace(linked: LinkedGraph, counters: GraphCounters): void {
    this.current = linked;
    this.former = formerCounts(counters, linked.graph);
  }

  /** Ends the thread, and gives back what its links had. */
  async end(): Promise<void> {
    const { controls, prepared } = this.current;
    this.watches.close('The links of the engine were closed.');
    const ended = await Promise.race([this.worker.terminate().then(() => true), threadLimit()]);
    if (ended) this.commands.close();
    await controls.stop();
    this.backend.discard?.(prepared.backend);
    discardPipes(prepared.pipes);
  }
}

/** What a failed thread gets to end: one that is stuck in the system may never. */
const TERMINATE_MILLISECONDS = 2000;

/** Resolves when no thread is waited for any longer. */
export function threadLimit(): Promise<void> {
  return new Promise<void>((resolve) => setTimeout(resolve, TERMINATE_MILLISECONDS).unref());
}

/** Gives back what a graph had that no thread has now, but not what `other` has too. */
export async function discardGraph({ controls, prepared }: LinkedGraph, backend: Backend, other: LinkedGraph): Promise<void> {
  await controls.stop(other.controls);
  backend.discard?.(prepared.backend);
  discardPipes(prepared.pipes, other.prepared.pipes);
}
