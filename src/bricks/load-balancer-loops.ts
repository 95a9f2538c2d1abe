/**
 * The loops of the load balancer, each with code of its own (src/core/specialise.ts).
 *
 * Sketch of their cost, a packet: 7 processor cycles where the flow word stands in its column, most of them for counting up
 * the number of rows in a list right after it was counted up before; some 25 where it comes from the packet's bytes.
 */
import type { BrickContext } from '../core/brick';
import { commonFlowWord, mayEncapsulate } from '../net/plain-flow';
import { CONSTANT_PORTS, flowWord } from '../net/toeplitz';

/** Passes on rows from list position `from` up to the first that it can't; answers its position, or `count`. */
export type KnownLoop = (from: number, count: number) => number;
/** The same for packets whose bytes stand in `words`. */
export type CommonLoop = (from: number, count: number, words: Uint32Array) => number;

export interface FlowDefinition {
  /** The output of each flow word. */
  readonly table: Uint8Array | Uint16Array;
  /** Its level in the graph, from 1. */
  readonly seed: number;
  readonly tuple: 2 | 4;
  readonly inner: boolean;
}

/** What makes loops for a list of input rows: `known` for packets with flow columns, `common` for plain ones without. */
export function loadBalancerLoops(context: BrickContext, { table, seed, tuple, inner }: FlowDefinition): {
  known(inputRows: Uint16Array): KnownLoop;
  common(inputRows: Uint16Array): CommonLoop;
} {
  const { columns, specialise } = context;
  const { rows, counts, shift } = context.lists;
  // A flow word is addresses ^ fixedWord ^ (ports with the seed & portMask): by addresses alone, the ports' part is fixed.
  const fixedWord = tuple === 2 ? flowWord(0, CONSTANT_PORTS, seed) : 0;
  const portMask = tuple === 2 ? 0 : 0xffff;
  return {
    known(inputRows) {
      // The column holds the very word of a first level by addresses and ports.
      if (!inner && tuple === 4 && seed === 1) return specialise(byWord, inputRows, columns.flowWord, table, rows, counts, shift);
      if (!inner && tuple === 2) return specialise(byAddresses, inputRows, columns.flowWord, columns.flowAddresses, table, rows, counts, shift, fixedWord);
      return specialise(byFlow, inputRows, columns.flowWord, columns.flowAddresses, columns.flowPorts, table, rows, counts, shift, seed, portMask, fixedWord, inner, mayEncapsulate);
    },
    common: (inputRows) => specialise(byBytes, inputRows, columns.offset, columns.length, table, rows, counts, shift, seed, portMask, fixedWord, commonFlowWord),
  };
}

function byWord(inputRows: Uint16Array, flowWords: Int32Array, table: Uint8Array | Uint16Array, rows: Uint16Array, counts: Uint32Array, shift: number) {
  return function passByWord(from: number, count: number): number {
    for (let i = from; i < count; i++) {
      const row = inputRows[i];
      const word = flowWords[row];
      if (word === 0) return i;
      const output = table[word & 0xffff];
      rows[((output << shift) + counts[output]++) | 0] = row;
    }
    return count;
  };
}

function byAddresses(
  inputRows: Uint16Array, flowWords: Int32Array, addresses: Uint16Array, table: Uint8Array | Uint16Array,
  rows: Uint16Array, counts: Uint32Array, shift: number, fixedWord: number,
) {
  return function passByAddresses(from: number, count: number): number {
    for (let i = from; i < count; i++) {
      const row = inputRows[i];
      if (flowWords[row] === 0) return i;
      const output = table[addresses[row] ^ fixedWord];
      rows[((output << shift) + counts[output]++) | 0] = row;
    }
    return count;
  };
}

function byFlow(
  inputRows: Uint16Array, flowWords: Int32Array, addresses: Uint16Array, bothPorts: Uint32Array, table: Uint8Array | Uint16Array,
  rows: Uint16Array, counts: Uint32Array, shift: number, seed: number, portMask: number, fixedWord: number,
  inner: boolean, encapsulates: (ports: number) => boolean,
) {
  return function passByFlow(from: number, count: number): number {
    for (let i = from; i < count; i++) {
      const row = inputRows[i];
      const ports = bothPorts[row];
      if (flowWords[row] === 0 || (inner && encapsulates(ports))) return i;
      // The mask before the sum: 32 unsigned bits and a number would be added as floating point.
      const word = addresses[row] ^ fixedWord ^ ((((ports >>> 16) + seed) ^ ((ports & 0xffff) + seed)) & portMask);
      const output = table[word];
      rows[((output << shift) + counts[output]++) | 0] = row;
    }
    return count;
  };
}

function byBytes(
  inputRows: Uint16Array, offset: Uint32Array, length: Uint32Array, table: Uint8Array | Uint16Array,
  rows: Uint16Array, counts: Uint32Array, shift: number, seed: number, portMask: number, fixedWord: number,
  commonWord: (words: Uint32Array, offset: number, length: number, seed: number, portMask: number, fixedWord: number) => number,
) {
  return function passByBytes(from: number, count: number, words: Uint32Array): number {
    for (let i = from; i < count; i++) {
      const row = inputRows[i];
      const word = commonWord(words, offset[row], length[row], seed, portMask, fixedWord);
      if (word < 0) return i;
      const output = table[word];
      rows[((output << shift) + counts[output]++) | 0] = row;
    }
    return count;
  };
}
