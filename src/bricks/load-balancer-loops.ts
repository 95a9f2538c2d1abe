/**
 * The loops of the load balancer, each with code of its own (src/v8/specialise.ts).
 *
 * Sketch of their cost, a packet: 5 processor cycles, most of them for counting up where the next row of an output goes right
 * after it was counted up before.
 * A hash is the XOR of two look-ups, in 2 KiB that stay in the first-level cache; `outputs` is a constant, so that V8 divides by
 * multiplying (docs/decisions/0003-flow-columns-and-the-hash.md).
 */
import type { BrickContext } from '../core/brick';
import { FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS, type ColumnName } from '../core/packet-batch';
import type { PacketLists } from '../core/packet-list';
import { uint32Array } from '../v8/specialise';
import { CONSTANT_PORTS, HASHES_OF_HIGH_BYTE, HASHES_OF_LOW_BYTE, flowWord } from '../flow/hash';
import { mayEncapsulate } from '../flow/tunnels';

/** Passes on rows from list position `from` up to the first that it can't; answers its position, or `count`. */
export type KnownLoop = (from: number, count: number) => number;

export interface FlowDefinition {
  /** Its level in the graph, from 1. */
  readonly seed: number;
  readonly tuple: 2 | 4;
  readonly inner: boolean;
}

/** Where the rows of an input stand, or null for a whole batch: there row i is i. V8 takes null for a constant, but not undefined. */
type InputRows = Uint16Array | null;

/** A bit that the words of both kinds have: one look tells whether all of four were computed. */
const COMPUTED = (FLOW_WITHOUT_PORTS & FLOW_WITH_PORTS) << 16;

export interface LoadBalancerLoops {
  /** The columns that they read. */
  readonly reads: readonly ColumnName[];
  /** To be called before the others, for each batch; and, after them, `end`: the lists' counts are right only then. */
  readonly begin: () => void;
  readonly end: () => void;
  /**
   * Where in `rows` the next one of each output goes, worked out once a batch instead of added up for each packet (0.6 of 2 ns);
   * where lists are interleaved it is `counts` itself.
   */
  readonly next: Uint32Array;
  /** For packets with flow columns. */
  known(inputRows: InputRows): KnownLoop;
}

export function loadBalancerLoops(context: BrickContext, { seed, tuple, inner }: FlowDefinition): LoadBalancerLoops {
  const { columns, outputs, specialise } = context;
  const { rows, counts, shift, step } = context.lists;
  const [high, low] = [HASHES_OF_HIGH_BYTE, HASHES_OF_LOW_BYTE];
  const interleaved = step > 0;
  const next = interleaved ? counts : nextRows(context.lists);
  // A flow word is addresses ^ fixedWord ^ (ports with the seed & portMask): by addresses alone, the ports' part is fixed.
  const fixedWord = tuple === 2 ? flowWord(0, CONSTANT_PORTS, seed) : 0;
  const portMask = tuple === 2 ? 0 : 0xffff;
  // The column holds the very word of a first level by addresses and ports.
  const wordServes = !inner && tuple === 4 && seed === 1;
  return {
    reads: ['offset', 'length', 'flowWord', ...(wordServes ? [] : ['flowAddresses' as const, 'flowPorts' as const])],
    begin: interleaved ? nothing : specialise(beginRows, next, counts, shift, outputs),
    end: interleaved ? nothing : specialise(endRows, next, counts, shift, outputs),
    next,
    known(inputRows) {
      if (wordServes) return specialise(byWord, inputRows, columns.flowWord, COMPUTED, high, low, outputs, rows, next, interleaved, step);
      if (!inner && tuple === 2) return specialise(byAddresses, inputRows, columns.flowWord, COMPUTED, columns.flowAddresses, high, low, outputs, rows, next, interleaved, step, fixedWord);
      return specialise(byFlow, inputRows, columns.flowWord, columns.flowAddresses, columns.flowPorts, high, low, outputs, rows, next, interleaved, step, seed, portMask, fixedWord, inner, mayEncapsulate);
    },
  };
}

/** One for the brick and its twin, so that they have their loops in common. */
const nextRowsOf = new WeakMap<PacketLists, Uint32Array>();

function nextRows(lists: PacketLists): Uint32Array {
  const known = nextRowsOf.get(lists);
  if (known) return known;
  const next = uint32Array(lists.outputs);
  nextRowsOf.set(lists, next);
  return next;
}

function nothing(): void {}

function beginRows(next: Uint32Array, counts: Uint32Array, shift: number, outputs: number) {
  return function begin(): void {
    for (let output = 0; output < outputs; output++) next[output] = (output << shift) + counts[output];
  };
}

function endRows(next: Uint32Array, counts: Uint32Array, shift: number, outputs: number) {
  return function end(): void {
    for (let output = 0; output < outputs; output++) counts[output] = next[output] - (output << shift);
  };
}

function byWord(
  inputRows: InputRows, flowWords: Int32Array, computed: number, high: Uint32Array, low: Uint32Array, outputs: number,
  rows: Uint16Array, next: Uint32Array, interleaved: boolean, step: number,
) {
  return function passByWord(from: number, count: number): number {
    let i = from | 0;
    // Four at a time: 1 ns a packet less, since V8 looks for interrupts once a turn. `| 0`: no look for overflow (0.2 ns).
    for (const last = count - 4; i <= last; i = (i + 4) | 0) {
      const i1 = (i + 1) | 0;
      const i2 = (i + 2) | 0;
      const i3 = (i + 3) | 0;
      const row0 = inputRows ? inputRows[i] : i;
      const row1 = inputRows ? inputRows[i1] : i1;
      const row2 = inputRows ? inputRows[i2] : i2;
      const row3 = inputRows ? inputRows[i3] : i3;
      const word0 = flowWords[row0];
      const word1 = flowWords[row1];
      const word2 = flowWords[row2];
      const word3 = flowWords[row3];
      if ((word0 & word1 & word2 & word3 & computed) === 0) break;
      const output0 = ((high[(word0 >>> 8) & 0xff] ^ low[word0 & 0xff]) >>> 0) % outputs;
      const output1 = ((high[(word1 >>> 8) & 0xff] ^ low[word1 & 0xff]) >>> 0) % outputs;
      const output2 = ((high[(word2 >>> 8) & 0xff] ^ low[word2 & 0xff]) >>> 0) % outputs;
      const output3 = ((high[(word3 >>> 8) & 0xff] ^ low[word3 & 0xff]) >>> 0) % outputs;
      rows[(interleaved ? (next[output0]++ << step) + output0 : next[output0]++) | 0] = row0;
      rows[(interleaved ? (next[output1]++ << step) + output1 : next[output1]++) | 0] = row1;
      rows[(interleaved ? (next[output2]++ << step) + output2 : next[output2]++) | 0] = row2;
      rows[(interleaved ? (next[output3]++ << step) + output3 : next[output3]++) | 0] = row3;
    }
    for (; i < count; i++) {
      const row = inputRows ? inputRows[i] : i;
      const word = flowWords[row];
      if (word === 0) return i;
      const output = ((high[(word >>> 8) & 0xff] ^ low[word & 0xff]) >>> 0) % outputs;
      rows[(interleaved ? (next[output]++ << step) + output : next[output]++) | 0] = row;
    }
    return count;
  };
}

function byAddresses(
  inputRows: InputRows, flowWords: Int32Array, computed: number, addresses: Uint16Array, high: Uint32Array, low: Uint32Array, outputs: number,
  rows: Uint16Array, next: Uint32Array, interleaved: boolean, step: number, fixedWord: number,
) {
  return function passByAddresses(from: number, count: number): number {
    let i = from | 0;
    for (const last = count - 4; i <= last; i = (i + 4) | 0) {
      const i1 = (i + 1) | 0;
      const i2 = (i + 2) | 0;
      const i3 = (i + 3) | 0;
      const row0 = inputRows ? inputRows[i] : i;
      const row1 = inputRows ? inputRows[i1] : i1;
      const row2 = inputRows ? inputRows[i2] : i2;
      const row3 = inputRows ? inputRows[i3] : i3;
      if ((flowWords[row0] & flowWords[row1] & flowWords[row2] & flowWords[row3] & computed) === 0) break;
      const word0 = addresses[row0] ^ fixedWord;
      const output0 = ((high[word0 >>> 8] ^ low[word0 & 0xff]) >>> 0) % outputs;
      const word1 = addresses[row1] ^ fixedWord;
      const output1 = ((high[word1 >>> 8] ^ low[word1 & 0xff]) >>> 0) % outputs;
      const word2 = addresses[row2] ^ fixedWord;
      const output2 = ((high[word2 >>> 8] ^ low[word2 & 0xff]) >>> 0) % outputs;
      const word3 = addresses[row3] ^ fixedWord;
      const output3 = ((high[word3 >>> 8] ^ low[word3 & 0xff]) >>> 0) % outputs;
      rows[(interleaved ? (next[output0]++ << step) + output0 : next[output0]++) | 0] = row0;
      rows[(interleaved ? (next[output1]++ << step) + output1 : next[output1]++) | 0] = row1;
      rows[(interleaved ? (next[output2]++ << step) + output2 : next[output2]++) | 0] = row2;
      rows[(interleaved ? (next[output3]++ << step) + output3 : next[output3]++) | 0] = row3;
    }
    for (; i < count; i++) {
      const row = inputRows ? inputRows[i] : i;
      if (flowWords[row] === 0) return i;
      const word = addresses[row] ^ fixedWord;
      const output = ((high[word >>> 8] ^ low[word & 0xff]) >>> 0) % outputs;
      rows[(interleaved ? (next[output]++ << step) + output : next[output]++) | 0] = row;
    }
    return count;
  };
}

function byFlow(
  inputRows: InputRows, flowWords: Int32Array, addresses: Uint16Array, bothPorts: Uint32Array, high: Uint32Array, low: Uint32Array, outputs: number,
  rows: Uint16Array, next: Uint32Array, interleaved: boolean, step: number, seed: number, portMask: number, fixedWord: number,
  inner: boolean, encapsulates: (ports: number) => boolean,
) {
  return function passByFlow(from: number, count: number): number {
    for (let i = from | 0; i < count; i = (i + 1) | 0) {
      const row = inputRows ? inputRows[i] : i;
      const ports = bothPorts[row];
      if (flowWords[row] === 0 || (inner && encapsulates(ports))) return i;
      // The mask before the sum: 32 unsigned bits and a number would be added as floating point.
      const word = addresses[row] ^ fixedWord ^ ((((ports >>> 16) + seed) ^ ((ports & 0xffff) + seed)) & portMask);
      const output = ((high[word >>> 8] ^ low[word & 0xff]) >>> 0) % outputs;
      rows[(interleaved ? (next[output]++ << step) + output : next[output]++) | 0] = row;
    }
    return count;
  };
}
