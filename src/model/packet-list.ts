/**
 * Packet lists: row numbers of a batch, in order of arrival.
 *
 * The loop around a brick gets one list, and appends to those of the brick's outputs:
 *
 *     const { rows, counts, shift } = outputs;
 *     rows[(output << shift) + counts[output]++] = row;
 *
 * One block for all outputs and a typed array of counts: the form that compiles best of those that
 * were measured (docs/decisions/0002-batch-contract.md).
 *
 * Many outputs get few rows of a batch each. Where all that reads them declares `interleavedLists` (src/model/backend.ts), the first
 * rows of all lists lie side by side, in one cache line instead of a page each (docs/decisions/0032-interleaved-lists.md):
 *
 *     const { rows, counts, shift, step } = outputs;
 *     rows[(output << shift) + (counts[output]++ << step)] = row;
 */
import { uint16Array, uint32Array } from './typed-arrays';
import { createDropNotes, type DropNotes } from './drop-notes';

/** What a node gets of a batch. */
export interface PacketList {
  readonly rows: Uint16Array;
  /** True for all rows of a batch in order: then `rows[i]` is i, and a loop need not look. */
  readonly whole: boolean;
  count: number;
}

/** What a node fills: output k's i-th row is `rows[(k << shift) + (i << step)]`, and `counts[k]` of them are valid. */
export interface PacketLists {
  readonly outputs: number;
  /** The binary logarithm of the distance from one output's first row to the next one's. */
  readonly shift: number;
  /** The binary logarithm of the distance from one row of a list to the next: 0, unless the lists are interleaved. */
  readonly step: number;
  /** Rows that each list has room for. */
  readonly room: number;
  readonly rows: Uint16Array;
  readonly counts: Uint32Array;
  /** Which of their packets are dropped, instead of sent. */
  readonly drops: DropNotes;
}

/** Drops of a batch that can be noted: each row's once, and where a row is on many lists, some more. */
const DROPS_OF_ROW = 4;

/** Lists for `outputs` outputs with room for at least `capacity` rows each. */
export function createPacketLists(outputs: number, capacity: number, interleaved = false): PacketLists {
  const bits = Math.max(4, Math.ceil(Math.log2(Math.max(1, capacity))));
  const step = interleaved ? Math.ceil(Math.log2(Math.max(1, outputs))) : 0;
  const rows = uint16Array(interleaved ? 1 << (bits + step) : Math.max(1, outputs) << bits);
  const drops = createDropNotes(outputs, Math.min(outputs, DROPS_OF_ROW) << bits);
  return { outputs, shift: interleaved ? 0 : bits, step, room: 1 << bits, rows, counts: uint32Array(Math.max(1, outputs)), drops };
}

/** Takes the first `done` of `count` rows off an output's list. */
export function takeOff(lists: PacketLists, output: number, done: number, count: number): void {
  const { rows, shift, step } = lists;
  const first = output << shift;
  for (let i = done; i < count; i++) rows[first + ((i - done) << step)] = rows[first + (i << step)];
  lists.counts[output] = count - done;
}
