/**
 * The loops of the load balancer, each with code of its own (src/core/specialise.ts).
 *
 * Sketch of their cost, a packet: 7 processor cycles where the flow word stands in its column, most of them for counting up
 * the number of rows in a list right after it was counted up before; some 25 where it comes from the packet's bytes.
 */
import type { BrickContext } from '../core/brick';
import { LITTLE_ENDIAN, mayEncapsulate } from '../net/plain-flow';
import { CONSTANT_PORTS, flowWord, type OutputTable } from '../net/toeplitz';

/** Passes on rows from list position `from` up to the first that it can't; answers its position, or `count`. */
export type KnownLoop = (from: number, count: number) => number;
/** The same for packets whose bytes stand in `words`. */
export type CommonLoop = (from: number, count: number, words: Uint32Array) => number;

export interface FlowDefinition {
  /** The output of each flow word. */
  readonly table: OutputTable;
  /** Its level in the graph, from 1. */
  readonly seed: number;
  readonly tuple: 2 | 4;
  readonly inner: boolean;
}

/** Where the rows of an input stand, or null for a whole batch: there row i is i. V8 takes null for a constant, but not undefined. */
type InputRows = Uint16Array | null;

/** What makes loops for an input: `known` for packets with flow columns, `common` for plain ones without. */
export function loadBalancerLoops(context: BrickContext, { table, seed, tuple, inner }: FlowDefinition): {
  known(inputRows: InputRows): KnownLoop;
  common(inputRows: InputRows): CommonLoop;
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
    common: (inputRows) => specialise(byBytes, inputRows, columns.offset, columns.length, table, rows, counts, shift, seed, portMask, fixedWord, LITTLE_ENDIAN),
  };
}

function byWord(inputRows: InputRows, flowWords: Int32Array, table: OutputTable, rows: Uint16Array, counts: Uint32Array, shift: number) {
  return function passByWord(from: number, count: number): number {
    let i = from;
    // Four at a time: 1 ns a packet less, since V8 looks for interrupts once a turn.
    for (const last = count - 4; i <= last; i += 4) {
      const row0 = inputRows ? inputRows[i] : i;
      const row1 = inputRows ? inputRows[i + 1] : i + 1;
      const row2 = inputRows ? inputRows[i + 2] : i + 2;
      const row3 = inputRows ? inputRows[i + 3] : i + 3;
      const word0 = flowWords[row0];
      const word1 = flowWords[row1];
      const word2 = flowWords[row2];
      const word3 = flowWords[row3];
      if (word0 === 0 || word1 === 0 || word2 === 0 || word3 === 0) break;
      const output0 = table[word0 & 0xffff];
      const output1 = table[word1 & 0xffff];
      const output2 = table[word2 & 0xffff];
      const output3 = table[word3 & 0xffff];
      rows[((output0 << shift) + counts[output0]++) | 0] = row0;
      rows[((output1 << shift) + counts[output1]++) | 0] = row1;
      rows[((output2 << shift) + counts[output2]++) | 0] = row2;
      rows[((output3 << shift) + counts[output3]++) | 0] = row3;
    }
    for (; i < count; i++) {
      const row = inputRows ? inputRows[i] : i;
      const word = flowWords[row];
      if (word === 0) return i;
      const output = table[word & 0xffff];
      rows[((output << shift) + counts[output]++) | 0] = row;
    }
    return count;
  };
}

function byAddresses(
  inputRows: InputRows, flowWords: Int32Array, addresses: Uint16Array, table: OutputTable,
  rows: Uint16Array, counts: Uint32Array, shift: number, fixedWord: number,
) {
  return function passByAddresses(from: number, count: number): number {
    for (let i = from; i < count; i++) {
      const row = inputRows ? inputRows[i] : i;
      if (flowWords[row] === 0) return i;
      const output = table[addresses[row] ^ fixedWord];
      rows[((output << shift) + counts[output]++) | 0] = row;
    }
    return count;
  };
}

function byFlow(
  inputRows: InputRows, flowWords: Int32Array, addresses: Uint16Array, bothPorts: Uint32Array, table: OutputTable,
  rows: Uint16Array, counts: Uint32Array, shift: number, seed: number, portMask: number, fixedWord: number,
  inner: boolean, encapsulates: (ports: number) => boolean,
) {
  return function passByFlow(from: number, count: number): number {
    for (let i = from; i < count; i++) {
      const row = inputRows ? inputRows[i] : i;
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

/**
 * Most packets of most networks, straight from their bytes: untagged IPv4 without options, whole, TCP or UDP. 32 bits at a time, as
 * a little-endian machine reads them. It calls nothing: what V8 does not inline costs 4 ns a call.
 */
function byBytes(
  inputRows: InputRows, offset: Uint32Array, length: Uint32Array, table: OutputTable,
  rows: Uint16Array, counts: Uint32Array, shift: number, seed: number, portMask: number, fixedWord: number, littleEndian: boolean,
) {
  return function passByBytes(from: number, count: number, words: Uint32Array): number {
    if (!littleEndian) return from;
    for (let i = from; i < count; i++) {
      const row = inputRows ? inputRows[i] : i;
      const at = offset[row];
      const start = at >>> 2;
      // Type, version and length of the header; flags, offset and protocol.
      if (length[row] < 38 || (at & 3) !== 0 || (words[start + 3] & 0xffffff) !== 0x450008) return i;
      const fragment = words[start + 5] | 0;
      const protocol = fragment >>> 24;
      // TCP or UDP in one step: no processor can guess which of the two comes.
      if ((fragment & 0xff3f) !== 0 || ((0x20040 >>> (protocol & 31)) & 1 & ((protocol - 32) >>> 31)) === 0) return i;
      const middle = words[start + 7] | 0;
      const last = words[start + 8] | 0;
      const folded = ((words[start + 6] >>> 16) ^ middle ^ (middle >>> 16) ^ last) & 0xffff;
      const source = last >>> 16;
      const destination = words[start + 9] & 0xffff;
      const ports = ((((source << 8) | (source >>> 8)) & 0xffff) + seed) ^ ((((destination << 8) | (destination >>> 8)) & 0xffff) + seed);
      const output = table[((folded << 8) & 0xff00) ^ (folded >>> 8) ^ fixedWord ^ (ports & portMask)];
      rows[((output << shift) + counts[output]++) | 0] = row;
    }
    return count;
  };
}
