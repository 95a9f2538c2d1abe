/** A graph at work, as those see it who look at packets on their way through it. */
import type { CellClock } from '../context/cell-clock';
import type { CurrentPackets } from '../context/current-packets';
import type { EngineGraph } from '../core/engine-graph';
import type { EngineSource } from '../core/engine-source';
import type { Explanation } from '../model/brick';
import type { CompiledGraph } from '../model/graph';
import { linkNamesFor, peerName } from '../model/link-name';
import type { InnerLink } from '../rows/graph-memory';

/** What a brick says of a packet that it has decided about: of its row, and the output or constant that it chose. */
export type Explainer = (row: number, output: number) => string | Explanation;

export interface WatchedGraph {
  readonly compiled: CompiledGraph;
  readonly graph: EngineGraph;
  readonly sources: readonly EngineSource[];
  readonly current: CurrentPackets;
  readonly clock: CellClock;
  /** The engine's counters. */
  readonly words: Uint32Array;
  /** The rows of the largest list. */
  readonly rows: number;
  /** Whether columns of arrival are still to be filled in of the batch on its way: by whoever reads them of a row. */
  readonly arrival: { missing: boolean };
  /** How a brick explains its decisions, if it does; made when it is first asked for. */
  readonly explainer: (node: number) => Explainer | undefined;
}

/** The inner link of an edge. */
export function innerLinkOf({ compiled: { edges }, graph }: WatchedGraph, edge: number): InnerLink {
  const { to } = edges[edge];
  const before = edges.slice(0, edge).filter((other) => other.to === to).length;
  return graph.nodes[to].inputs[before];
}

/** Links that a name stands for, as indexes in the graph; those of a brick are its outputs. */
export interface NamedLinks {
  readonly sources: readonly number[];
  readonly edges: readonly number[];
  readonly sinks: readonly number[];
  /** The brick of this name. */
  readonly brick: number;
}

/** A link by its name, an inner one by either of its ends; or a brick. Nothing is found where the graph has neither. */
export function linksNamed({ bricks, sources, edges, sinks }: CompiledGraph, name: string): NamedLinks | undefined {
  const brick = bricks.findIndex(({ label }) => label === name);
  const indexesOf = <Link>(links: readonly Link[], fits: (link: Link) => boolean): number[] => links.flatMap((link, index) => (fits(link) ? [index] : []));
  const found: NamedLinks = brick >= 0
    ? { sources: [], edges: indexesOf(edges, ({ from }) => from === brick), sinks: indexesOf(sinks, (sink) => sink.brick === brick), brick }
    : {
        sources: indexesOf(sources, ({ link }) => link.text === name),
        edges: indexesOf(edges, ({ link }) => link.text === name || peerName(link) === name),
        sinks: indexesOf(sinks, ({ link }) => link.text === name),
        brick,
      };
  return brick >= 0 || found.sources.length + found.edges.length + found.sinks.length > 0 ? found : undefined;
}

/**
 * The same for a name as a user gives it, with the name that the graph has: `eth3` for `netmap:eth3`. Of a pipe to or from another program, `otherEnd` finds
 * the end that the engine has, where the other one was given: `eth3{0` for `eth3}0`, at which its packets are read.
 */
export function findLinks(graph: CompiledGraph, given: string, otherEnd = true): (NamedLinks & { readonly name: string }) | undefined {
  for (const name of linkNamesFor(given, otherEnd)) {
    const links = linksNamed(graph, name);
    if (links) return { name, ...links };
  }
  return undefined;
}

/** All names by which links and bricks may be called. */
export function linkNames({ bricks, sources, edges, sinks }: CompiledGraph): string[] {
  return [...[...sources, ...edges, ...sinks].map(({ link }) => link.text), ...bricks.map(({ label }) => label)];
}

const NAMES_SHOWN = 12;

/** For a name that is not found: those that are there. */
export function namesText(names: readonly string[]): string {
  return `There are: ${names.slice(0, NAMES_SHOWN).join(', ')}${names.length > NAMES_SHOWN ? `, and ${names.length - NAMES_SHOWN} more (bricks graph)` : ''}.`;
}

/** The rows of a node's input that it gave to no output and does not hold. */
export class UndecidedRows {
  readonly rows: Uint16Array;
  count = 0;
  private readonly marks: Uint8Array;

  constructor({ rows, current }: Pick<WatchedGraph, 'rows' | 'current'>) {
    this.rows = new Uint16Array(rows);
    this.marks = new Uint8Array(current.columns.length.length);
  }

  find({ outputs, hold }: EngineGraph['nodes'][number], input: { readonly rows: Uint16Array; readonly count: number }): void {
    const { marks, rows } = this;
    for (let output = 0; output < outputs.outputs; output++) {
      for (let i = 0; i < outputs.counts[output]; i++) marks[outputs.rows[(output << outputs.shift) + (i << outputs.step)]] = 1;
    }
    for (let i = 0; hold && i < hold.lastFresh; i++) marks[hold.freshRows[i]] = 1;
    this.count = 0;
    for (let i = 0; i < input.count; i++) if (marks[input.rows[i]] === 0) rows[this.count++] = input.rows[i];
    marks.fill(0);
  }
}
