/**
 * Packet lists: row numbers of a batch, in order of arrival.
 *
 * A brick gets one list and appends to others:
 *
 *     const { rows, counts, shift } = outputs;
 *     rows[(output << shift) + counts[output]++] = row;
 *
 * One block for all outputs and a typed array of counts: the form that compiles best of those that
 * were measured (docs/decisions/0002-batch-contract.md).
 */
import { uint16Array, uint32Array } from './specialise';

/** What a brick gets. */
export interface PacketList {
  readonly rows: Uint16Array;
  /** True for all rows of a batch in order: then `rows[i]` is i, and a loop need not look. */
  readonly whole: boolean;
  count: number;
}

/** What a brick fills: output k's rows start at `rows[k << shift]`, and `counts[k]` of them are valid. */
export interface PacketLists {
  readonly outputs: number;
  /** The binary logarithm of the room that each output has. */
  readonly shift: number;
  readonly rows: Uint16Array;
  readonly counts: Uint32Array;
}

/** Lists for `outputs` outputs with room for at least `capacity` rows each. */
export function createPacketLists(outputs: number, capacity: number): PacketLists {
  const shift = Math.max(4, Math.ceil(Math.log2(Math.max(1, capacity))));
  return { outputs, shift, rows: uint16Array(Math.max(1, outputs) << shift), counts: uint32Array(Math.max(1, outputs)) };
}
