/**
 * What the graph of an engine and its twin, which warms it up, have in common: typed arrays, and the loops that
 * V8 compiles for them. Nothing in it lasts from one batch to the next.
 */
import type { CompiledGraph } from '../model/graph';
import { HELD_PACKETS_MAXIMUM } from '../buffers/hold-area';
import { MergedList } from './merged-list';
import { createPacketColumns, type PacketColumns } from '../model/packet-batch';
import { CurrentPackets } from '../context/current-packets';
import { createPacketLists, type PacketLists } from '../model/packet-list';
import { Specialiser, uint16Array, type LoopFactory } from '../v8/specialise';

/** A list whose rows always stand in the same place. */
export interface FixedList {
  readonly rows: Uint16Array;
  readonly whole: boolean;
  count: number;
}

/** An inner link, from one brick's output to another's input. */
export class InnerLink {
  readonly list: FixedList;
  /** Bytes of the first packets on it. */
  readonly bytes: (packets: number) => number;

  constructor(readonly lists: PacketLists, readonly output: number, readonly to: number, readonly record: number, memory: GraphMemory) {
    this.list = { rows: lists.rows.subarray(output << lists.shift, (output + 1) << lists.shift), whole: false, count: 0 };
    this.bytes = memory.specialise(bytesOf, memory.columns.length, this.list.rows);
  }
}

/** What one brick of the graph works with. */
export interface NodeMemory {
  readonly outputs: PacketLists;
  /** Rows that its input may have. */
  readonly room: number;
  /** How many rows are on all of them. */
  readonly listed: () => number;
  readonly inputs: readonly InnerLink[];
  readonly merged: MergedList;
  /** Where the rows of its input stand, unless that is all rows of a batch. */
  readonly inputRows: Uint16Array;
}

export class GraphMemory {
  readonly columns: PacketColumns;
  /** The batch that is on its way. */
  readonly current: CurrentPackets;
  /** All rows of a batch. */
  readonly whole: FixedList;
  /** Objects that hold the specialised loops, for those who look at what V8 makes of them. */
  readonly loops: readonly object[];
  /** The packets that a brick may make in a batch. */
  readonly sideRows: number;
  /** `nodes[i]` belongs to `graph.bricks[i]`. */
  readonly nodes: readonly NodeMemory[];
  readonly specialise: <Constants extends readonly unknown[], Loop>(factory: LoopFactory<Constants, Loop>, ...constants: Constants) => Loop;

  /** `everySinkInterleaves`: all that the graph sends to reads interleaved lists. */
  constructor(graph: CompiledGraph, readonly batchRows: number, everySinkInterleaves = false) {
    const specialiser = new Specialiser();
    this.specialise = specialiser.specialise;
    this.loops = specialiser.loops;
    // What was held or made goes through the same lists, and copies of it are as many as there are ways to where they are changed.
    const hasSides = graph.bricks.some(({ declaration }) => declaration.holds || declaration.creates);
    const copied = Math.max(1, ...graph.bricks.filter((brick) => brick.copiesFirst).map((brick) => brick.multiplicity));
    this.sideRows = Math.max(batchRows, hasSides ? HELD_PACKETS_MAXIMUM : 0);
    const rows = Math.min(65_536, this.sideRows * copied);
    this.columns = createPacketColumns(rows);
    this.current = new CurrentPackets(this.columns);
    this.whole = { rows: uint16Array(rows), whole: true, count: 0 };
    for (let row = 0; row < rows; row++) this.whole.rows[row] = row;
    const lists = graph.bricks.map((brick, index) => createPacketLists(brick.outputs.length, rows * brick.multiplicity, interleaves(graph, index, everySinkInterleaves)));
    const links = graph.edges.map((edge) => new InnerLink(lists[edge.from], edge.output, edge.to, edge.record, this));
    const entries = new Set(graph.sources.map((source) => source.brick));
    this.nodes = graph.bricks.map((brick, index) => {
      const inputs = links.filter((link) => link.to === index);
      const merged = new MergedList(rows * brick.multiplicity, [this.whole, ...inputs.map((input) => input.list)], this.specialise);
      const inputRows = inputs.length === 1 && !entries.has(index) ? inputs[0].list.rows : merged.list.rows;
      const outputs = lists[index];
      return { outputs, room: rows * brick.multiplicity, listed: this.specialise(listedOn, outputs.counts, outputs.outputs), inputs, merged, inputRows };
    });
  }
}

/** Lists of fewer outputs lie in few pages, and the next row of each goes where no look at `step` is needed. */
const MANY_OUTPUTS = 64;

/** Inner links have their rows side by side. */
function interleaves(graph: CompiledGraph, index: number, everySinkInterleaves: boolean): boolean {
  const { declaration, outputs } = graph.bricks[index];
  return everySinkInterleaves && declaration.fanout !== 'all' && outputs.length > MANY_OUTPUTS && !graph.edges.some((edge) => edge.from === index);
}

/** How many rows are on all lists of a brick. */
function listedOn(counts: Uint32Array, outputs: number) {
  return function listed(): number {
    let sum = 0;
    let k = 0;
    for (const last = outputs - 4; k <= last; k = (k + 4) | 0) {
      sum = (sum + counts[k]) | 0;
      sum = (sum + counts[(k + 1) | 0]) | 0;
      sum = (sum + counts[(k + 2) | 0]) | 0;
      sum = (sum + counts[(k + 3) | 0]) | 0;
    }
    for (; k < outputs; k = (k + 1) | 0) sum = (sum + counts[k]) | 0;
    return sum;
  };
}

/** In whole numbers of 32 bits, which V8 adds fastest: MAXIMUM_BATCH_ROWS packets of a capture's greatest length, 262,144 bytes, are 2 ** 30. */
function bytesOf(length: Uint32Array, rows: Uint16Array) {
  return function bytes(packets: number): number {
    let sum = 0;
    let i = 0;
    for (const last = packets - 4; i <= last; i = (i + 4) | 0) {
      sum = (sum + length[rows[i]]) | 0;
      sum = (sum + length[rows[(i + 1) | 0]]) | 0;
      sum = (sum + length[rows[(i + 2) | 0]]) | 0;
      sum = (sum + length[rows[(i + 3) | 0]]) | 0;
    }
    for (; i < packets; i = (i + 1) | 0) sum = (sum + length[rows[i]]) | 0;
    return sum >>> 0;
  };
}
