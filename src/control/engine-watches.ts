/** Who looks at packets in an engine's thread, seen from the main one: taps and traces begin, report and end. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { BricksError, nearest } from '../model/errors';
import type { CompiledGraph } from '../model/graph';
import { checkFilterExpression } from '../filter/filter-expression';
import { TapRingReader, createTapRing, type TappedPacket } from '../watch/tap-ring';
import type { TapOrder, TraceOrder, Trail, WatchEnd, WatchOrder, WatchReport } from '../watch/watch-plan';
import { findLinks, linkNames, namesText } from '../watch/watched-graph';
import type { CommandEvent } from '../native/system';
import { CONTROL_WAKE, CONTROL_WATCH } from './engine-protocol';

export type { WatchEnd } from '../watch/watch-plan';

/** What packets a tap is to take; what is left out has no limit. */
export interface TapSettings {
  /** A link, a pipe by either of its ends; or a brick, all of whose outputs are meant. Only with `drops` it may be left out. */
  readonly place?: string | undefined;
  /** Packets that were dropped instead of those that passed. */
  readonly drops?: boolean;
  /** An expression in libpcap's filter language. */
  readonly filter?: string | undefined;
  /** One packet in so many. */
  readonly sample?: number;
  /** Packets a second. */
  readonly rate?: number;
  readonly count?: number;
  /** Bytes of each packet. */
  readonly snap?: number;
}

export type TraceSettings = Omit<TraceOrder, 'kind' | 'id'>;

/** A tap at work. */
export interface EngineTap {
  /** Packets that wait: at most so many, and no more of them once they have so many bytes. */
  read(most: number, mostBytes?: number): TappedPacket[];
  /** Resolves when it takes packets: from the next batch on. Or when it has ended. */
  readonly begun: Promise<void>;
  /** Packets that were not taken, since those before were not read in time. */
  readonly lost: number;
  /** Nobody looks any more. May be called again. */
  close(): void;
}

/** Hears what comes of a trace. */
export interface TraceListener extends Listener {
  trail(trail: Trail): void;
}

interface Listener {
  /** From the next batch on it is there. */
  begun?(): void;
  trail?(trail: Trail): void;
  /** Called once, unless it is ended before. */
  ended(end: WatchEnd): void;
}

const EVERYTHING = 0x7fffffff;

export class EngineWatches {
  /** For the engine's thread. */
  readonly far: MessagePort;
  private readonly near: MessagePort;
  private readonly listeners = new Map<number, Listener>();
  private last = 0;
  /** The graph that the thread has now; it says which links there are. */
  graph: () => CompiledGraph = () => ({ bricks: [], sources: [], sinks: [], edges: [], copies: false, counterSlots: 0 });

  constructor(private readonly control: Int32Array, private readonly commands: CommandEvent) {
    const { port1, port2 } = new MessageChannel();
    this.near = port1;
    this.far = port2;
    port1.on('message', (report: WatchReport) => this.hear(report));
    port1.unref();
  }

  /** `ended` is called once, unless it is closed before. @throws BricksError E_NO_LINK, E_FILTER, E_NATIVE_MISSING */
  tap(settings: TapSettings, ended: (end: WatchEnd) => void): EngineTap {
    const place = settings.place === undefined ? undefined : placeOf(this.graph(), settings.place, settings.drops === true ? 'drops' : 'any');
    if (settings.filter !== undefined) checkFilterExpression(settings.filter, 'filter');
    const ring = createTapRing();
    const order: Omit<TapOrder, 'id'> = {
      kind: 'tap', place, drops: settings.drops ?? false, filter: settings.filter, sample: settings.sample ?? 1, rate: settings.rate ?? 0, count: settings.count ?? 0,
      snap: settings.snap ?? EVERYTHING, ring,
    };
    const reader = new TapRingReader(ring);
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const close = this.begin(order, {
      begun: begin,
      ended: (end) => {
        begin();
        ended(end);
      },
    });
    return {
      begun,
      read: (most, mostBytes) => reader.read(most, mostBytes),
      get lost() {
        return reader.lost;
      },
      close,
    };
  }

  /** Returns what ends it before all packets were followed. @throws BricksError E_NO_LINK, E_FILTER, E_NATIVE_MISSING */
  trace(settings: TraceSettings, listener: TraceListener): () => void {
    const place = settings.place === undefined ? undefined : placeOf(this.graph(), settings.place, 'source');
    if (settings.filter !== undefined) checkFilterExpression(settings.filter, 'filter');
    return this.begin({ ...settings, kind: 'trace', place }, listener);
  }

  /** The engine's thread is gone, or is about to. */
  close(text: string): void {
    for (const id of [...this.listeners.keys()]) this.end(id, { why: 'engine', text });
    this.near.close();
  }

  private begin(order: Omit<TapOrder, 'id'> | Omit<TraceOrder, 'id'>, listener: Listener): () => void {
    const id = ++this.last;
    this.listeners.set(id, listener);
    this.send({ ...order, id });
    return () => {
      if (this.listeners.delete(id)) this.send({ kind: 'end', id });
    };
  }

  private send(order: WatchOrder): void {
    this.near.postMessage(order);
    Atomics.add(this.control, CONTROL_WATCH, 1);
    // One that waits for packets looks up.
    this.commands.signal();
    Atomics.add(this.control, CONTROL_WAKE, 1);
    Atomics.notify(this.control, CONTROL_WAKE);
  }

  private hear(report: WatchReport): void {
    if (report.kind === 'ended') this.end(report.id, report.end);
    else if (report.kind === 'begun') this.listeners.get(report.id)?.begun?.();
    else this.listeners.get(report.id)?.trail?.(report.trail);
  }

  private end(id: number, end: WatchEnd): void {
    const listener = this.listeners.get(id);
    if (this.listeners.delete(id)) listener?.ended(end);
  }
}

/** The name as the graph has it. @throws BricksError E_NO_LINK */
function placeOf(graph: CompiledGraph, given: string, wanted: 'any' | 'source' | 'drops'): string {
  const links = findLinks(graph, given);
  if (links) {
    if (wanted === 'source' && links.sources.length === 0) throw new BricksError('E_NO_LINK', `A trace begins where packets arrive, and the engine does not receive from ${given}.`, namesText(graph.sources.map(({ link }) => link.text)));
    if (wanted === 'drops' && links.sinks.length === 0 && links.brick < 0) throw new BricksError('E_NO_LINK', `Nothing is dropped on ${given}: packets are dropped by bricks, and where they are sent.`, namesText([...graph.sinks.map(({ link }) => link.text), ...graph.bricks.map(({ label }) => label)]));
    return links.name;
  }
  const names = linkNames(graph);
  const guess = nearest(given, names);
  throw new BricksError('E_NO_LINK', `The engine has no link or brick ${given}.`, guess === undefined ? namesText(names) : `Did you mean ${guess}?`);
}
