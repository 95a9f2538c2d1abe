/** Rates, made from looks at the counters of engines: packets and bits a second, the share of each output, the load of engines. */
import type { BrickStatistics, EngineStatistics, LinkStatistics } from './statistics';

/** The spans that rates are worked out over, in seconds. */
export const RATE_SPANS = [1, 10] as const;
/** A look that is a little too young for its span is good enough: timers are never exact. */
const TOLERANCE_SECONDS = 0.05;
/** A rate over less than this says nothing. */
const SHORTEST_SECONDS = 0.1;

/** What passed in a second. */
export interface Rate {
  /** Packets a second. */
  readonly packets: number;
  /** Captured bits a second. */
  readonly bits: number;
  /** Packets dropped a second. */
  readonly drops: number;
}

/** What passed a link in a second. */
export interface LinkRate extends Rate {
  /** The name of the link. */
  readonly name: string;
  /** Which part of what its brick put out it was given, from 0 to 1; missing for sources, and while nothing comes. */
  readonly share?: number;
}

/** What passed a brick in a second. */
export interface BrickRate {
  /** Its label. */
  readonly label: string;
  /** Packets a second that it received. */
  readonly packetsIn: number;
  /** Packets a second that it passed on. */
  readonly packetsOut: number;
  /** Packets a second that it dropped. */
  readonly drops: number;
}

/** The rates of an engine over a span of time. */
export interface EngineRates extends Rate {
  /** How long the span was, in seconds. */
  readonly seconds: number;
  /** Which part of the span the engine was busy, from 0 to 1. */
  readonly load: number;
  /** In the order of its links. */
  readonly links: readonly LinkRate[];
  /** In the order of its bricks. */
  readonly bricks: readonly BrickRate[];
}

interface Look {
  readonly seconds: number;
  readonly engines: ReadonlyMap<string, EngineStatistics>;
}

/** Remembers looks at engines for as long as its longest span, and compares others with them. Whoever looks says when, in seconds by a clock that never jumps. */
export class RateMeter {
  private looks: Look[] = [];

  constructor(private readonly spans: readonly number[] = RATE_SPANS) {}

  /** Takes a look. */
  add(engines: readonly EngineStatistics[], seconds: number): void {
    // One look older than the longest span is enough to compare with.
    const oldest = seconds - Math.max(...this.spans);
    const needed = this.looks.findLastIndex((look) => look.seconds <= oldest);
    this.looks = [...this.looks.slice(Math.max(0, needed)), { seconds, engines: new Map(engines.map((engine) => [engine.name, engine])) }];
  }

  /** The rates of an engine up to now, one for each span, shorter if it has not been looked at for so long; none where it was never looked at. */
  rates(engine: EngineStatistics, seconds: number): EngineRates[] {
    const known = this.looks.filter(({ engines, seconds: then }) => engines.has(engine.name) && seconds - then >= SHORTEST_SECONDS);
    if (known.length === 0) return [];
    return this.spans.map((span) => {
      const look = known.findLast(({ seconds: then }) => seconds - then >= span - TOLERANCE_SECONDS) ?? known[0];
      return ratesBetween(look.engines.get(engine.name) as EngineStatistics, engine, seconds - look.seconds);
    });
  }

  /** Forgets all looks. */
  clear(): void {
    this.looks = [];
  }
}

/** The rates of an engine between two looks at it. */
function ratesBetween(before: EngineStatistics, after: EngineStatistics, seconds: number): EngineRates {
  const per = (now: number, then: number | undefined): number => gained(now, then) / seconds;
  const bricksBefore = new Map(before.bricks.map((brick) => [brick.id, brick]));
  return {
    seconds,
    load: Math.min(1, per(after.busyNanoseconds, before.busyNanoseconds) / 1e9),
    packets: per(after.packets, before.packets),
    bits: 8 * per(after.bytes, before.bytes),
    drops: per(after.drops, before.drops),
    links: linkRates(before.links, after.links, seconds),
    bricks: after.bricks.map((brick) => {
      const then: BrickStatistics | undefined = bricksBefore.get(brick.id);
      return { label: brick.label, packetsIn: per(brick.packetsIn, then?.packetsIn), packetsOut: per(brick.packetsOut, then?.packetsOut), drops: per(brick.dropped, then?.dropped) };
    }),
  };
}

/** Those of its links, in their order. */
export function linkRates(before: readonly LinkStatistics[], after: readonly LinkStatistics[], seconds: number): LinkRate[] {
  const known = new Map(before.map((link) => [link.name, link]));
  const given = new Map<string, number>();
  const rates = after.map(({ name, from, packets, bytes, dropped }) => {
    const then = known.get(name);
    const per = (now: number, earlier: number | undefined): number => gained(now, earlier) / seconds;
    const rate = { name, packets: per(packets, then?.packets), bits: 8 * per(bytes, then?.bytes), drops: per(dropped, then?.dropped) };
    if (from !== undefined) given.set(from, (given.get(from) ?? 0) + rate.packets + rate.drops);
    return { rate, from };
  });
  return rates.map(({ rate, from }) => {
    const all = from === undefined ? 0 : given.get(from) as number;
    return { ...rate, ...(all > 0 ? { share: (rate.packets + rate.drops) / all } : {}) };
  });
}

/** A counter that is lower than before has begun anew. */
function gained(now: number, then = 0): number {
  return now < then ? now : now - then;
}
