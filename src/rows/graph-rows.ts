/** How many rows the columns of a graph have, and which bricks can go on in the graph that replaces theirs. */
import { HELD_PACKETS_MAXIMUM } from '../buffers/hold-area';
import type { CompiledGraph } from '../model/graph';
import { isSameBrick } from '../model/graph-change';

interface SizedGraph {
  readonly graph: CompiledGraph;
  readonly batchRows: number;
}

/** Whether the graphs have their columns in common, so that bricks can go from one to the other with what they remember. */
export function sharesMemory(one: SizedGraph, other: SizedGraph): boolean {
  const { rows, sideRows } = rowsFor(one.graph, one.batchRows);
  const others = rowsFor(other.graph, other.batchRows);
  return one.batchRows === other.batchRows && rows === others.rows && sideRows === others.sideRows;
}

/** Rows of all columns, and the packets that a brick may make in a batch. */
export function rowsFor({ bricks }: CompiledGraph, batchRows: number): { readonly rows: number; readonly sideRows: number } {
  // What was held or made goes through the same lists, and copies of it are as many as there are ways to where they are changed.
  const hasSides = bricks.some(({ declaration }) => declaration.holds || declaration.creates);
  const copied = Math.max(1, ...bricks.filter((brick) => brick.copiesFirst).map((brick) => brick.multiplicity));
  const sideRows = Math.max(batchRows, hasSides ? HELD_PACKETS_MAXIMUM : 0);
  return { rows: Math.min(65_536, sideRows * copied), sideRows };
}

/** Those bricks of a graph that go on in the other one with what they remember: by their index there, the index here. */
export function stayingBricks(before: SizedGraph, after: SizedGraph): Map<number, number> {
  const staying = new Map<number, number>();
  if (!sharesMemory(before, after)) return staying;
  after.graph.bricks.forEach((brick, index) => {
    const at = before.graph.bricks.findIndex((candidate) => isSameBrick(candidate, brick));
    if (at >= 0) staying.set(index, at);
  });
  return staying;
}
