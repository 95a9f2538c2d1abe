/** Topics by which clients look at packets on their way through an engine. */
import type { DropReason } from '../../model/drop-reasons';
import type { TapPlace, Trail } from '../../watch/watch-plan';
import { topic } from '../declare';

/** A packet that a tap has seen. */
export interface TappedPacketText extends Omit<TapPlace, 'role'> {
  /** `source`: received on the link. `inner`: passed from brick to brick. `sink`: sent on the link, or dropped there. `brick`: dropped by the brick. */
  readonly role: TapPlace['role'];
  /** Why it was dropped. */
  readonly reason?: DropReason | undefined;
  /** The link dropped some of a batch and doesn't say which: this one, in all likelihood. */
  readonly likely?: true | undefined;
  /** When it arrived: seconds since 1970. */
  readonly seconds: number;
  /** The nanoseconds within the second. */
  readonly nanoseconds: number;
  /** Captured bytes. */
  readonly length: number;
  /** Bytes on the wire. */
  readonly wireLength: number;
  /** As pcap numbers them: 1 is Ethernet. */
  readonly linkType: number;
  /** The first captured bytes, in base64. */
  readonly data: string;
}

/** What comes of a tap. */
export interface TapNews {
  /** The engine, in the first value: it takes packets from now on. */
  readonly begun?: string;
  readonly packets?: readonly TappedPacketText[];
  /** Packets that were not taken so far, because the client, or the daemon, was too slow. */
  readonly lost?: number;
  /** It is over, and why: `count`, `gone` (the link is), `engine` (the engine is), or `failed`. */
  readonly ended?: string;
  /** The same in words; missing for `count`. */
  readonly text?: string;
}

/** The way of a packet, with its first bytes in base64. */
export interface TrailText extends Omit<Trail, 'head'> {
  /** Its first bytes. */
  readonly head: string;
}

/** What comes of a trace. */
export interface TraceNews {
  /** The engine, in the first value: it follows packets from now on. */
  readonly begun?: string;
  readonly trail?: TrailText;
  /** It is over, and why, as for a tap. */
  readonly ended?: string;
  readonly text?: string;
}

const engine = { type: 'string', description: 'the engine; only where several have the link' } as const;
const filter = { type: 'string', description: 'only packets that match, as tcpdump takes it' } as const;

export const WATCH_TOPICS = {
  tap: topic<TapNews>()({
    access: 'control', summary: 'Packets that pass a link of a running engine, inner links too, or packets that were dropped. The engine waits for nobody: what a client is too slow for is lost to it, and counted.',
    value: '`begun` in the first value, then `packets` (place, reason, time, lengths, `data` in base64) and `lost`, and at last `ended` with `text`',
    parameters: {
      link: { type: 'string', description: 'the link, a pipe by either end; or a brick, for all its outputs; may be left out for `drops`' },
      engine,
      filter,
      drops: { type: 'boolean', default: false, description: 'packets that were dropped instead of those that passed' },
      sample: { type: 'integer', minimum: 1, maximum: 1_000_000_000, default: 1, description: 'one packet in so many' },
      rate: { type: 'integer', minimum: 0, maximum: 1_000_000_000, default: 0, description: 'packets a second, at most; 0: any number' },
      count: { type: 'integer', minimum: 0, maximum: 1_000_000_000, default: 0, description: 'packets, after which it ends; 0: any number' },
      snap: { type: 'integer', minimum: 1, maximum: 1 << 20, default: 1 << 20, unit: 'bytes', description: 'bytes of each packet, at most' },
    },
  }),
  trace: topic<TraceNews>()({
    access: 'control', summary: 'The way of the next packets through a running engine: what each brick decided, and why.',
    value: '`begun` in the first value, then for each packet a `trail` (time, lengths, `head` in base64, `steps`), and at last `ended` with `text`',
    parameters: {
      count: { type: 'integer', minimum: 1, maximum: 10_000, default: 1, description: 'packets to follow' },
      filter,
      source: { type: 'string', description: 'the link that the packets come from; any without it' },
      engine,
    },
  }),
} as const;
