/**
 * What the graph of an engine and its warm-up instance have in common: typed arrays, and the loops that
 * V8 compiles for them. Nothing in it lasts from one batch to the next.
 */
import type { CompiledBrick, CompiledGraph } from '../model/graph';
import { isSameBrick } from '../model/graph-change';
import { rowsFor, sharesMemory } from './graph-rows';
import { MergedList } from './merged-list';
import { createPacketColumns, type PacketColumns } from '../model/packet-batch';
import { CurrentPackets } from '../context/current-packets';
import { createPacketLists, type PacketLists } from '../model/packet-list';
import { uint16Array } from '../model/typed-arrays';
import { Specialiser, type LoopFactory } from '../v8/specialise';

/** A list whose rows always stand in the same place; only their count changes from batch to batch. */
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

  /** `before`: one of the same lists and output, in the graph that this one replaces. */
  constructor(readonly lists: PacketLists, readonly output: number, readonly to: number, readonly record: number, memory: GraphMemory, before: InnerLink | undefined = undefined) {
    if (before) {
      this.list = before.list;
      this.bytes = before.bytes;
      return;
    }
    this.list = { rows: lists.rows.subarray(output << lists.shift, (output + 1) << lists.shift), whole: false, count: 0 };
    this.bytes = memory.specialise(bytesOf, memory.columns.length, this.list.rows);
  }
}

/** What one brick of the graph works with. */
export interface NodeMemory {
  readonly outputs: PacketLists;
  /** Rows that its input may have. */
  readonly room: number;
  readonly inputs: readonly InnerLink[];
  readonly merged: MergedList;
  /** Where the rows of its input stand, unless that is all rows of a batch. */
  readonly inputRows: Uint16Array;
}

export class GraphMemory {
  readonly columns: PacketColumns;
  /** The batch that is on its way. */
  readonly current: CurrentPackets;
  /** The list of all rows of the batch that is on its way. */
  readonly allRows: FixedList;
  /** Objects that hold the specialised loops, for those who look at what V8 makes of them. */
  readonly loops: readonly object[];
  /** The packets that a brick may make in a batch. */
  readonly sideRows: number;
  /** `nodes[i]` belongs to `graph.bricks[i]`. */
  readonly nodes: readonly NodeMemory[];
  readonly specialise: <Constants extends readonly unknown[], Loop>(factory: LoopFactory<Constants, Loop>, ...constants: Constants) => Loop;

  private readonly links: readonly InnerLink[];
  private readonly specialiser: Specialiser;

  /**
   * `everySinkInterleaves`: all that the graph sends to reads interleaved lists. `before`: of the graph that this one replaces: what fits is
   * used again, and with it the code that V8 has compiled for it.
   */
  constructor(readonly graph: CompiledGraph, readonly batchRows: number, everySinkInterleaves = false, before: GraphMemory | undefined = undefined) {
    const shared = before && sharesMemory({ graph, batchRows }, before) ? before : undefined;
    this.specialiser = new Specialiser(shared?.specialiser);
    this.specialise = this.specialiser.specialise;
    this.loops = this.specialiser.loops;
    const { rows, sideRows } = rowsFor(graph, batchRows);
    this.sideRows = sideRows;
    this.columns = shared?.columns ?? createPacketColumns(rows);
    this.current = shared?.current ?? new CurrentPackets(this.columns);
    this.allRows = shared?.allRows ?? allRowsList(rows);
    const lists = graph.bricks.map((brick, index) => {
      const interleaved = interleaves(graph, index, everySinkInterleaves);
      return shared?.listsOf(brick, rows * brick.multiplicity, interleaved) ?? createPacketLists(brick.outputs.length, rows * brick.multiplicity, interleaved);
    });
    const links = graph.edges.map(({ from, output, to, record }) => {
      const known = shared?.links.find((link) => link.lists === lists[from] && link.output === output);
      return new InnerLink(lists[from], output, to, record, this, known);
    });
    this.links = links;
    const entries = new Set(graph.sources.map((source) => source.brick));
    this.nodes = graph.bricks.map((brick, index) => {
      const inputs = links.filter((link) => link.to === index);
      const merging = [this.allRows, ...inputs.map((input) => input.list)];
      const known = shared?.nodes.find(({ merged: candidate, room }) => room === rows * brick.multiplicity && candidate.merges(merging));
      const merged = known?.merged ?? new MergedList(rows * brick.multiplicity, merging, this.specialise);
      const inputRows = inputs.length === 1 && !entries.has(index) ? inputs[0].list.rows : merged.list.rows;
      const outputs = lists[index];
      return { outputs, room: rows * brick.multiplicity, inputs, merged, inputRows };
    });
  }

  /** All code of the graph was made: nothing of the one before is needed any more. */
  forgetBefore(): void {
    this.specialiser.forgetBefore();
  }

  /** The lists of a brick that this graph has too, where they are as they would be made. */
  private listsOf(brick: CompiledBrick, capacity: number, interleaved: boolean): PacketLists | undefined {
    const index = this.graph.bricks.findIndex((candidate) => isSameBrick(candidate, brick));
    const { [index]: node } = this.nodes;
    return node && node.room === capacity && (node.outputs.step > 0) === (interleaved && brick.outputs.length > 1) ? node.outputs : undefined;
  }
}

function allRowsList(rows: number): FixedList {
  const list = { rows: uint16Array(rows), whole: true, count: 0 };
  for (let row = 0; row < rows; row++) list.rows[row] = row;
  return list;
}

/** With fewer outputs, contiguous lists touch few pages anyway, and spare the shift by `step`. */
const MANY_OUTPUTS = 64;

/** Only where every output goes to a sink: the reader of an inner link needs its rows contiguous. */
function interleaves(graph: CompiledGraph, index: number, everySinkInterleaves: boolean): boolean {
  const { declaration, outputs } = graph.bricks[index];
  return everySinkInterleaves && declaration.fanout !== 'all' && outputs.length > MANY_OUTPUTS && !graph.edges.some((edge) => edge.from === index);
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
