/** What goes through a graph beside and before the batches of its sources. */
import type { PacketBatch } from '../model/packet-batch';

/**
 * A side batch: packets in the engine's own memory that wait at a node, and go through the rest of the graph after the batch on its way.
 * Kinds in the order in which they go: copies that are to be changed, held packets that leave now, packets that the brick has made.
 */
export type SideKind = 0 | 1 | 2;
export const SIDE_COPIED: SideKind = 0;
export const SIDE_HELD: SideKind = 1;
export const SIDE_MADE: SideKind = 2;

/** What is worked out of a batch before any brick sees it: columns that its source does not fill. */
export interface BatchStage {
  /** For rows 0 to `count` - 1. */
  fill(batch: PacketBatch, count: number): void;
}
