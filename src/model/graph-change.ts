/** What two graphs of an engine have in common, when one replaces the other. */
import { ENGINE_RECORD, LINK_RECORD, brickRecord } from './counters';
import type { CompiledBrick, CompiledGraph, CompiledLink, CompiledSource } from './graph';
import { isSameOptions } from './options';

/** Whether it is the same brick with the same work to do, so that what it remembers still holds. Its links may be others. */
export function isSameBrick(one: CompiledBrick, other: CompiledBrick): boolean {
  return isSameKind(one, other) && one.specification.module.url === other.specification.module.url && one.outputs.join('\n') === other.outputs.join('\n') && one.copiesFirst === other.copiesFirst && isSameOptions(one.options, other.options);
}

/** Whether it is the same brick, be it with other options or outputs: its counters go on. */
export function isSameKind({ specification: one }: CompiledBrick, { specification: other }: CompiledBrick): boolean {
  return one.id === other.id && one.kind === other.kind && fileOf(one.module.url) === fileOf(other.module.url);
}

/** A module that was reloaded is another one of the same file. */
function fileOf(url: string): string {
  return url.replace(/\?.*$/, '');
}

/** Whether the port of a source can go on. */
export function isSameSource(one: CompiledSource, other: CompiledSource): boolean {
  return one.link.text === other.link.text && isSameOptions(one.options, other.options);
}

/** Whether the engine also sends on the link of a source. */
export function alsoSends(graph: CompiledGraph, { link }: CompiledLink): boolean {
  return graph.sinks.some((sink) => sink.link.text === link.text);
}

/** Brings the counts of links and bricks that both graphs have, and the engine's own, from one's counters to the other's. */
export function carryCounters(from: CompiledGraph, words: Uint32Array, to: CompiledGraph, target: Uint32Array): void {
  const carry = (slot: number, targetSlot: number, slots: number): void => target.set(words.subarray(2 * slot, 2 * (slot + slots)), 2 * targetSlot);
  carry(0, 0, ENGINE_RECORD);
  for (const role of ['sources', 'edges', 'sinks'] as const) {
    const known = new Map<string, number>((from[role] as readonly CompiledLink[]).map(({ link, record }) => [link.text, record]));
    for (const { link, record } of to[role]) {
      const before = known.get(link.text);
      if (before !== undefined) carry(before, record, LINK_RECORD);
    }
  }
  for (const brick of to.bricks) {
    const before = from.bricks.find((candidate) => isSameKind(candidate, brick));
    if (before) carry(before.record, brick.record, brickRecord(brick.declaration.counters.length + brick.declaration.gauges.length));
  }
}
