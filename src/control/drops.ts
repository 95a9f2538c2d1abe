/** Every drop of an engine, with what happened and what to do about it: one place for shells, top, metrics and the page. */
import { DROP_REASONS, type DropReason } from '../model/drop-reasons';
import { parseLinkName, peerName } from '../model/link-name';
import { shellWord, withinQuotes } from '../model/shell-word';
import type { RingFill } from '../pipes';
import { groupedNumber } from './number-text';
import type { EngineStatistics, LinkStatistics } from './statistics';

/** Packets that were dropped in one place for one reason. */
export interface Drop {
  readonly engine: string;
  /** The name of the link, or the label of the brick. */
  readonly place: string;
  readonly kind: 'link' | 'brick';
  readonly reason: DropReason;
  readonly packets: number;
  /** The first interface that the engine receives from, if there is one. */
  readonly source?: string;
  /** Who reads the pipe now, where packets had no reader before. */
  readonly reader?: string;
}

/** All drops of an engine, in the order of its links and bricks. */
export function dropsOf({ name: engine, links, bricks }: Pick<EngineStatistics, 'name' | 'links' | 'bricks'>): Drop[] {
  const source = links.find(({ role, name }) => role === 'source' && isInterface(name))?.name;
  const of = (kind: Drop['kind'], place: string, drops: LinkStatistics['drops'], ring?: RingFill): Drop[] => DROP_REASONS.flatMap(({ name: reason }) => {
    const packets = drops[reason] ?? 0;
    const reader = reason === 'noReader' && ring?.reader !== undefined ? { reader: readerText(ring) } : {};
    return packets > 0 ? [{ engine, place, kind, reason, packets, ...(source === undefined ? {} : { source }), ...reader }] : [];
  });
  return [...links.flatMap(({ name, drops, ring }) => of('link', name, drops, ring)), ...bricks.flatMap(({ label, drops }) => of('brick', label, drops))];
}

/** What happened: `had no reader`. */
export function happenedText(reason: DropReason): string {
  return reasonOf(reason).happened;
}

/** What to do about it, in whole sentences; empty where a packet was dropped as intended. */
export function remedyOf({ place, kind, reason, source, reader }: Pick<Drop, 'place' | 'kind' | 'reason' | 'source' | 'reader'>): string {
  if (reader !== undefined) return `It has one now: ${reader}.`;
  const words: Readonly<Record<string, string>> = {
    link: shellWord(place),
    reader: withinQuotes(kind === 'link' ? readerEnd(place) : place),
    source: source === undefined ? 'IFACE' : shellWord(source),
  };
  return reasonOf(reason).remedy.replace(/\{(\w+)\}/g, (_, word: string) => words[word] ?? '');
}

/** `eth3{0: 25,704,741 packets had no reader. Start one, for example: bricks attach 'eth3}0'. ...` */
export function dropText(drop: Drop): string {
  const { place, packets, reason } = drop;
  return `${place}: ${groupedNumber(packets)} ${packets === 1 ? 'packet' : 'packets'} ${happenedText(reason)}. ${remedyOf(drop)}`.trimEnd();
}

/** Who reads a ring: `suricata 1234`. */
export function readerText({ reader }: RingFill): string {
  return reader === undefined ? 'nobody' : `${reader.name ?? 'process'} ${reader.process}`;
}

function reasonOf(reason: DropReason): (typeof DROP_REASONS)[number] {
  return DROP_REASONS.find(({ name }) => name === reason) as (typeof DROP_REASONS)[number];
}

/** The end that a program reads of a pipe that a brick writes to; other links are themselves. */
function readerEnd(place: string): string {
  return peerName(parseLinkName(place)) ?? place;
}

function isInterface(place: string): boolean {
  return parseLinkName(place).kind === 'interface';
}
