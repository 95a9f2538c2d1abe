/** What becomes of packets on their way when a brick or a port has thrown: each is sent, or dropped and counted. */
import type { BatchSender } from './batch-sender';
import type { EngineSource } from './engine-source';
import type { EngineGraph } from './engine-graph';

/** `source`: the one whose batch is on its way, if one is. Returns what to throw, with the name of the brick that has failed. */
export function abandonAll(graph: EngineGraph, sender: BatchSender, source: EngineSource | undefined, error: unknown): unknown {
  const named = graph.nameFailure(error);
  abandonBatch(graph, sender, source, false);
  // Each failure takes away what it is about, so that this ends.
  while (graph.sidesWait) {
    try {
      sender.sendSides(true);
    } catch {
      abandonBatch(graph, sender, undefined, true);
    }
  }
  return named;
}

/** A brick has thrown: what the others made of the batch is sent. Or a port has: what it was to send is dropped. */
function abandonBatch(graph: EngineGraph, sender: BatchSender, source: EngineSource | undefined, end: boolean): void {
  if (graph.abandonCall()) return;
  const side = graph.sideBatch;
  const batch = side ?? source?.batch;
  if (!batch) return;
  if (!graph.brickFailed) {
    graph.dropListed();
  } else {
    graph.abandon(end);
    try {
      sender.send(batch);
    } catch {
      graph.dropListed();
    }
  }
  if (side) graph.endSide();
  else source?.port.release();
}
