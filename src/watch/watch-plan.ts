/** What an engine's thread and the main thread say to each other of taps and traces. */
import type { DropReason } from '../model/drop-reasons';

/** A tap, as an engine's thread gets it. */
export interface TapOrder {
  readonly kind: 'tap';
  /** Unique among those who look at the engine. */
  readonly id: number;
  /** The link, or the brick all of whose outputs are meant; nothing: all of the engine, for drops. */
  readonly place?: string | undefined;
  /** Packets that were dropped instead of those that passed. */
  readonly drops: boolean;
  /** An expression in libpcap's filter language. */
  readonly filter?: string | undefined;
  /** One in so many. */
  readonly sample: number;
  /** Packets a second, at most; 0: any number. */
  readonly rate: number;
  /** Packets in all; 0: any number. */
  readonly count: number;
  /** Bytes of each packet, at most. */
  readonly snap: number;
  /** Where they are copied to: a TapRing. */
  readonly ring: SharedArrayBuffer;
}

/** A trace. */
export interface TraceOrder {
  readonly kind: 'trace';
  readonly id: number;
  /** The source whose packets are meant; all sources without it. */
  readonly place?: string | undefined;
  readonly filter?: string | undefined;
  /** Packets to follow. */
  readonly count: number;
}

/** `end`: nobody looks any more. */
export type WatchOrder = TapOrder | TraceOrder | { readonly kind: 'end'; readonly id: number };

/** Where a tap has seen packets. */
export interface TapPlace {
  /** `source`: received there. `inner`: passed from brick to brick. `sink`: sent there, or dropped instead. `brick`: dropped by a brick. */
  readonly role: 'source' | 'inner' | 'sink' | 'brick';
  /** The link, as statistics name it. */
  readonly link?: string | undefined;
  /** The brick whose output it is, or that has dropped the packets. */
  readonly brick?: string | undefined;
  /** The number of the output. */
  readonly output?: number | undefined;
  /** The brick that gets the packets. */
  readonly to?: string | undefined;
}

/** What one brick or link did with a traced packet. */
export interface TraceStep {
  /** The brick, as statistics call it; or the link, where the packet entered or left. */
  readonly brick?: string;
  readonly link?: string;
  /** What became of it: it was passed on, dropped, held back for later, went on after that, was received, or sent. */
  readonly verdict: 'received' | 'passed' | 'dropped' | 'held' | 'released' | 'sent';
  /** The outputs that it was given to, with the names of their links. */
  readonly outputs?: readonly { readonly output: number; readonly link: string }[];
  /** Why it was dropped. */
  readonly reason?: DropReason;
  /** The link dropped some of a batch and doesn't say which: this one, in all likelihood. */
  readonly likely?: true;
  /** What the brick itself says of it. */
  readonly explanation?: string;
  /** What the brick's control half may be asked, to say more. */
  readonly ask?: unknown;
}

/** The way of one packet. */
export interface Trail {
  /** Its number in the trace, from 1. */
  readonly number: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly linkType: number;
  /** Captured bytes, and bytes on the wire. */
  readonly length: number;
  readonly wireLength: number;
  /** Its first bytes. */
  readonly head: Uint8Array;
  readonly steps: readonly TraceStep[];
  /** False where it is still held. */
  readonly complete: boolean;
}

/** Why somebody looks no longer: it was all that was asked for, the link is gone, the engine is, or it failed. */
export type WatchEnd = { readonly why: 'count' } | { readonly why: 'gone' | 'engine' | 'failed'; readonly text: string };

export type WatchReport =
  /** From the next batch on. */
  | { readonly kind: 'begun'; readonly id: number }
  | { readonly kind: 'trail'; readonly id: number; readonly trail: Trail }
  | { readonly kind: 'ended'; readonly id: number; readonly end: WatchEnd };
