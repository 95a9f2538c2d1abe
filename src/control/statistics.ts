/** Statistics of an engine, and its audit, made from a snapshot of its counters. */
import {
  BRICK_COPIES, BRICK_CREATED, BRICK_DROPS, BRICK_HELD, BRICK_NANOSECONDS, BRICK_OWN, BRICK_PACKETS_IN, BRICK_PACKETS_OUT, BRICK_TIMED_PACKETS,
  ENGINE_BATCHES, ENGINE_BUSY_NANOSECONDS, ENGINE_COLLECTIONS, ENGINE_DEOPTIMISATIONS, ENGINE_EMPTY_POLLS, ENGINE_HISTOGRAM, ENGINE_HISTOGRAM_SLOTS,
  ENGINE_LARGEST_BATCH_NANOSECONDS, ENGINE_WAITS, ENGINE_WARM_UP_MICROSECONDS,
  LINK_BYTES, LINK_DROPS, LINK_PACKETS, UNKNOWN_COUNT, readCounter, readDrops, sumOfDrops, type DropCounts,
} from '../model/counters';
import type { CounterDeclaration } from '../model/brick';
import { NO_FORMER, linksOf } from './former-counts';
import type { CompiledGraph, CompiledLink } from '../model/graph';
import type { EngineFault } from '../model/outcome';
import type { RingFill } from '../pipes';
import type { EngineRates } from './rate-meter';

/** What has passed on a link. */
export interface LinkStatistics {
  /** As written by the user. */
  readonly name: string;
  /** Whether the engine receives here, passes packets on in memory, or sends. */
  readonly role: 'source' | 'inner' | 'sink';
  /** The brick that writes to it, by its label; missing for sources. */
  readonly from?: string;
  /** The brick that it leads to, by its label; missing for sinks. */
  readonly to?: string;
  /** Packets received or sent. */
  readonly packets: number;
  /** Captured bytes of these packets. */
  readonly bytes: number;
  /** Total of all drops. */
  readonly dropped: number;
  /** Drops by reason; reasons without drops are omitted. */
  readonly drops: DropCounts;
  /** How full the ring behind a pipe is, and who reads it; missing for other links, and once they are closed. */
  readonly ring?: RingFill;
}

/** What has passed a brick. */
export interface BrickStatistics {
  /** Its number. */
  readonly id: number;
  /** Its kind. */
  readonly kind: string;
  /** Its kind, with a number if the engine has several of that kind. */
  readonly label: string;
  /** Packets it received. */
  readonly packetsIn: number;
  /** Packets it passed on, including copies. */
  readonly packetsOut: number;
  /** Copies it made. */
  readonly copies: number;
  /** Packets it made itself. */
  readonly created: number;
  /** Packets it is holding. */
  readonly held: number;
  /** Total of all drops. */
  readonly dropped: number;
  /** Drops by reason; reasons without drops are omitted. */
  readonly drops: DropCounts;
  /** Nanoseconds per packet in the brick's own code, over the batches that were timed. */
  readonly nanosecondsPerPacket: number;
  /** Its own counters. */
  readonly counters: Readonly<Record<string, number>>;
  /** Its own gauges: values that go up and down. */
  readonly gauges: Readonly<Record<string, number>>;
}

/** What has passed an engine since it was linked. */
export interface EngineStatistics {
  /** The name of the engine. */
  readonly name: string;
  /** Whether packets are flowing. */
  readonly running: boolean;
  /** Received by the engine. */
  readonly packets: number;
  /** Captured bytes of these packets. */
  readonly bytes: number;
  /** Dropped on any link or by any brick; packets lost before they reached the engine are drops of their source. */
  readonly drops: number;
  /** Of these, what was counted by links and bricks that have been taken out of the graph since; missing where there are none. */
  readonly former?: { readonly packets: number; readonly sent: number; readonly drops: number };
  /** Sources first, then inner links, then sinks. */
  readonly links: readonly LinkStatistics[];
  /** In the order in which packets pass them. */
  readonly bricks: readonly BrickStatistics[];
  /** Rounds that received packets. */
  readonly batches: number;
  /** Rounds that received none. */
  readonly emptyPolls: number;
  /** Nanoseconds spent on rounds that received packets; its share of the time that has passed is the engine's load. */
  readonly busyNanoseconds: number;
  /** How often the engine went to sleep. */
  readonly waits: number;
  /** Garbage collections in its thread; missing if they could not be counted. */
  readonly collections?: number;
  /** How often V8 was seen to discard optimised code of the data path; missing if V8 does not report it. */
  readonly deoptimisations?: number;
  /** How long warming up took, in microseconds. */
  readonly warmUpMicroseconds: number;
  /** Histogram of the time per batch: how many took less than `below` nanoseconds (and at least half of that). */
  readonly batchTimes: readonly { readonly below: number; readonly batches: number }[];
  /** The longest round, in nanoseconds. */
  readonly longestBatchNanoseconds: number;
  /** What has kept it from doing all of its work since it was linked; empty if nothing did. */
  readonly faults: readonly EngineFault[];
  /** Rates over the last second and the last ten, where someone keeps looking: a program's registry of engines does while an engine runs. */
  readonly rates?: readonly EngineRates[];
}

/** Of an engine that has no brick yet. */
export function nothingCounted(name: string): EngineStatistics {
  return {
    name, running: false, packets: 0, bytes: 0, drops: 0, links: [], bricks: [], batches: 0, emptyPolls: 0, busyNanoseconds: 0, waits: 0,
    warmUpMicroseconds: 0, batchTimes: [], longestBatchNanoseconds: 0, faults: [],
  };
}

function ownNumbers(declared: readonly CounterDeclaration[], first: number, words: Uint32Array): Record<string, number> {
  return Object.fromEntries(declared.map(({ name }, index) => [name, readCounter(words, first + index)]));
}

/** `words` is a snapshot of the engine's counters. */
export function engineStatistics(name: string, running: boolean, graph: CompiledGraph, words: Uint32Array, faults: readonly EngineFault[] = [], former = NO_FORMER): EngineStatistics {
  const labelOf = (brick: number): string => graph.bricks[brick].label;
  const links = [
    ...graph.sources.map((link) => linkStatistics(link, { role: 'source', to: labelOf(link.brick) }, words)),
    ...graph.edges.map((link) => linkStatistics(link, { role: 'inner', from: labelOf(link.from), to: labelOf(link.to) }, words)),
    ...graph.sinks.map((link) => linkStatistics(link, { role: 'sink', from: labelOf(link.brick) }, words)),
  ];
  const bricks = graph.bricks.map((brick): BrickStatistics => {
    const drops = readDrops(words, brick.record + BRICK_DROPS);
    return {
      id: brick.specification.id,
      kind: brick.declaration.name,
      label: brick.label,
      packetsIn: readCounter(words, brick.record + BRICK_PACKETS_IN),
      packetsOut: readCounter(words, brick.record + BRICK_PACKETS_OUT),
      copies: readCounter(words, brick.record + BRICK_COPIES),
      created: readCounter(words, brick.record + BRICK_CREATED),
      held: readCounter(words, brick.record + BRICK_HELD),
      dropped: sumOfDrops(drops),
      drops,
      nanosecondsPerPacket: readCounter(words, brick.record + BRICK_NANOSECONDS) / Math.max(1, readCounter(words, brick.record + BRICK_TIMED_PACKETS)),
      counters: ownNumbers(brick.declaration.counters, brick.record + BRICK_OWN, words),
      gauges: ownNumbers(brick.declaration.gauges, brick.record + BRICK_OWN + brick.declaration.counters.length, words),
    };
  });
  const received = links.filter((link) => link.role === 'source');
  const batchTimes: { below: number; batches: number }[] = [];
  for (let slot = 0; slot < ENGINE_HISTOGRAM_SLOTS; slot++) {
    const batches = readCounter(words, ENGINE_HISTOGRAM + slot);
    if (batches > 0) batchTimes.push({ below: 2 ** (slot + 1), batches });
  }
  return {
    name,
    running,
    packets: former.received + sum(received.map((link) => link.packets)),
    bytes: former.receivedBytes + sum(received.map((link) => link.bytes)),
    drops: former.dropped + former.lost + sum(links.map((link) => link.dropped)) + sum(bricks.map((brick) => brick.dropped)),
    ...(former.received + former.sent + former.dropped + former.lost === 0 ? {} : { former: { packets: former.received, sent: former.sent, drops: former.dropped + former.lost } }),
    links,
    bricks,
    batches: readCounter(words, ENGINE_BATCHES),
    emptyPolls: readCounter(words, ENGINE_EMPTY_POLLS),
    busyNanoseconds: readCounter(words, ENGINE_BUSY_NANOSECONDS),
    waits: readCounter(words, ENGINE_WAITS),
    ...known('collections', readCounter(words, ENGINE_COLLECTIONS)),
    ...known('deoptimisations', readCounter(words, ENGINE_DEOPTIMISATIONS)),
    warmUpMicroseconds: readCounter(words, ENGINE_WARM_UP_MICROSECONDS),
    batchTimes,
    longestBatchNanoseconds: readCounter(words, ENGINE_LARGEST_BATCH_NANOSECONDS),
    faults,
  };
}

/** A figure under its name, unless it is not known. */
function known<Name extends string>(name: Name, value: number): { readonly [Key in Name]?: number } {
  return value === UNKNOWN_COUNT ? {} : { [name]: value } as { readonly [Key in Name]: number };
}

function linkStatistics(link: CompiledLink, place: Pick<LinkStatistics, 'role' | 'from' | 'to'>, words: Uint32Array): LinkStatistics {
  const drops = readDrops(words, link.record + LINK_DROPS);
  return {
    name: link.link.text,
    ...place,
    packets: readCounter(words, link.record + LINK_PACKETS),
    bytes: readCounter(words, link.record + LINK_BYTES),
    dropped: sumOfDrops(drops),
    drops,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** One sum of an audit. */
export interface AuditLine {
  /** What is compared: a link or a brick. */
  readonly subject: string;
  /** One side of the sum. */
  readonly left: number;
  /** The other side. */
  readonly right: number;
  /** Whether they are equal. */
  readonly balanced: boolean;
  /** The sum in words, with its numbers. */
  readonly text: string;
}

/** Whether every packet is accounted for: received + copies + created = sent + dropped + held. */
export interface Audit {
  /** Whether every line balances. */
  readonly balanced: boolean;
  /** Packets received by all sources. */
  readonly received: number;
  /** Copies made by bricks. */
  readonly copies: number;
  /** Packets made by bricks. */
  readonly created: number;
  /** Packets sent by all sinks. */
  readonly sent: number;
  /** Packets dropped by bricks and sinks. */
  readonly dropped: number;
  /** Packets held by bricks. */
  readonly held: number;
  /** One per sum. */
  readonly lines: readonly AuditLine[];
  /** What kept the engine from doing all of its work; the sums balance regardless. */
  readonly faults: readonly EngineFault[];
}

/**
 * The law of conservation: received + copies + created = sent + dropped + held, for the engine and for each brick,
 * counted at both ends of every link independently. Packets that a source lost before the engine had
 * them (captureFull) are not part of it.
 */
export function auditEngine(graph: CompiledGraph, words: Uint32Array, faults: readonly EngineFault[] = [], former = NO_FORMER): Audit {
  const lines: AuditLine[] = [];
  const packets = (record: number): number => readCounter(words, record + LINK_PACKETS);
  const drops = (record: number): number => sumOfDrops(readDrops(words, record));
  graph.bricks.forEach((brick, index) => {
    const links = linksOf(graph, index, words);
    const gone = former.bricks.get(brick.specification.id);
    const into = links.into + (gone?.into ?? 0);
    const counted = readCounter(words, brick.record + BRICK_PACKETS_IN);
    lines.push(line(`inputs of ${brick.label}`, into, counted, `links brought ${into}, the brick got ${counted}`));
    const copies = readCounter(words, brick.record + BRICK_COPIES);
    const created = readCounter(words, brick.record + BRICK_CREATED);
    const out = readCounter(words, brick.record + BRICK_PACKETS_OUT);
    const held = readCounter(words, brick.record + BRICK_HELD);
    const dropped = drops(brick.record + BRICK_DROPS);
    lines.push(line(brick.label, counted + copies + created, out + dropped + held, `in ${counted} + copies ${copies}${created > 0 ? ` + created ${created}` : ''} = out ${out} + dropped ${dropped} + held ${held}`));
    const taken = links.taken + (gone?.taken ?? 0);
    lines.push(line(`outputs of ${brick.label}`, out, taken, `the brick gave ${out}, links sent or dropped ${taken}`));
  });
  const received = former.received + sum(graph.sources.map((source) => packets(source.record)));
  const copies = former.copies + sum(graph.bricks.map((brick) => readCounter(words, brick.record + BRICK_COPIES)));
  const created = former.created + sum(graph.bricks.map((brick) => readCounter(words, brick.record + BRICK_CREATED)));
  const held = sum(graph.bricks.map((brick) => readCounter(words, brick.record + BRICK_HELD)));
  const sent = former.sent + sum(graph.sinks.map((sink) => packets(sink.record)));
  const dropped = former.dropped + sum(graph.sinks.map((sink) => drops(sink.record + LINK_DROPS))) + sum(graph.bricks.map((brick) => drops(brick.record + BRICK_DROPS)));
  lines.push(line('engine', received + copies + created, sent + dropped + held, `received ${received} + copies ${copies}${created > 0 ? ` + created ${created}` : ''} = sent ${sent} + dropped ${dropped} + held ${held}`));
  return { balanced: lines.every((entry) => entry.balanced), received, copies, created, sent, dropped, held, lines, faults };
}

function line(subject: string, left: number, right: number, text: string): AuditLine {
  return { subject, left, right, balanced: left === right, text };
}
