/** What links and bricks have counted that another graph has replaced: without it the sums of what has stayed would not be right. */
import {
  BRICK_COPIES, BRICK_CREATED, BRICK_DROPS, LINK_BYTES, LINK_DROPS, LINK_PACKETS, readCounter, readDrops, sumOfDrops,
} from '../model/counters';
import type { CompiledGraph, CompiledLink } from '../model/graph';
import { carryCounters, isSameKind } from '../model/graph-change';

/** Packets that links brought to a brick, and took from it, which are not its links now. May be negative: a link that has moved to it brings its counts along. */
interface FormerLinks {
  readonly into: number;
  readonly taken: number;
}

export interface FormerCounts {
  readonly received: number;
  readonly receivedBytes: number;
  readonly copies: number;
  readonly created: number;
  readonly sent: number;
  /** By bricks and sinks. */
  readonly dropped: number;
  /** By sources, before the engine had them. */
  readonly lost: number;
  /** By the numbers of the bricks. */
  readonly bricks: ReadonlyMap<number, FormerLinks>;
}

export const NO_FORMER: FormerCounts = { received: 0, receivedBytes: 0, copies: 0, created: 0, sent: 0, dropped: 0, lost: 0, bricks: new Map() };

/** A graph with a snapshot of its counters. */
export interface GraphCounters {
  readonly graph: CompiledGraph;
  readonly words: Uint32Array;
  readonly former: FormerCounts;
}

/** What an earlier graph had counted when `graph` replaced it; the new graph's own counters do not include it. */
export function formerCounts({ graph: before, words, former }: GraphCounters, graph: CompiledGraph): FormerCounts {
  const carried = new Uint32Array(2 * graph.counterSlots);
  carryCounters(before, words, graph, carried);
  const then = totalsOf(before, words);
  const now = totalsOf(graph, carried);
  const bricks = new Map<number, FormerLinks>();
  graph.bricks.forEach((brick, index) => {
    const { id } = brick.specification;
    const links = linksOf(graph, index, carried);
    const at = before.bricks.findIndex((candidate) => isSameKind(candidate, brick));
    const was = at < 0 ? { into: 0, taken: 0 } : linksOf(before, at, words);
    const known = (at < 0 ? undefined : former.bricks.get(id)) ?? { into: 0, taken: 0 };
    bricks.set(id, { into: known.into + was.into - links.into, taken: known.taken + was.taken - links.taken });
  });
  return {
    received: former.received + then.received - now.received,
    receivedBytes: former.receivedBytes + then.receivedBytes - now.receivedBytes,
    copies: former.copies + then.copies - now.copies,
    created: former.created + then.created - now.created,
    sent: former.sent + then.sent - now.sent,
    dropped: former.dropped + then.dropped - now.dropped,
    lost: former.lost + then.lost - now.lost,
    bricks,
  };
}

type Totals = Omit<FormerCounts, 'bricks'>;

function totalsOf({ sources, sinks, edges, bricks }: CompiledGraph, words: Uint32Array): Totals {
  const of = (records: readonly { readonly record: number }[], slot: number): number => sum(records.map(({ record }) => readCounter(words, record + slot)));
  const drops = (records: readonly { readonly record: number }[], first: number): number => sum(records.map(({ record }) => sumOfDrops(readDrops(words, record + first))));
  return {
    received: of(sources, LINK_PACKETS),
    receivedBytes: of(sources, LINK_BYTES),
    copies: of(bricks, BRICK_COPIES),
    created: of(bricks, BRICK_CREATED),
    sent: of(sinks, LINK_PACKETS),
    dropped: drops(sinks, LINK_DROPS) + drops(edges, LINK_DROPS) + drops(bricks, BRICK_DROPS),
    lost: drops(sources, LINK_DROPS),
  };
}

/** What the links of a brick have brought it, and taken from it. */
export function linksOf({ sources, sinks, edges }: CompiledGraph, index: number, words: Uint32Array): FormerLinks {
  const packets = (links: readonly CompiledLink[]): number => sum(links.map(({ record }) => readCounter(words, record + LINK_PACKETS)));
  const dropped = (links: readonly CompiledLink[]): number => sum(links.map(({ record }) => sumOfDrops(readDrops(words, record + LINK_DROPS))));
  const own = sinks.filter((sink) => sink.brick === index);
  return {
    into: packets(sources.filter((source) => source.brick === index)) + packets(edges.filter((edge) => edge.to === index)),
    taken: packets(edges.filter((edge) => edge.from === index)) + packets(own) + dropped(own),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
