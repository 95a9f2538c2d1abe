/** What takes an engine's time, for `engine.profile`: nanoseconds a packet by part, and what limits it. */
import { BRICK_NANOSECONDS, BRICK_PACKETS_IN, BRICK_TIMED_PACKETS, ENGINE_BATCHES, ENGINE_BUSY_NANOSECONDS, ENGINE_EMPTY_POLLS, LINK_PACKETS, readCounter } from '../model/counters';
import type { CpuProfile } from '../v8/cpu-profile';
import type { GraphCounters } from './former-counts';
import { percentText, shortNumber } from './number-text';
import { timeByPart, type EnginePart } from './profile-parts';

/** One part of an engine's work. */
export interface ProfilePart {
  /** `receive`, `brick`, `send`, `engine` for the loop itself, `collector` for collections of garbage. */
  readonly part: 'receive' | 'brick' | 'send' | 'engine' | 'collector';
  /** The label of the brick; otherwise the part in words. */
  readonly label: string;
  /** Its share of the time in which the engine was busy, from 0 to 1. */
  readonly share: number;
  /** Nanoseconds for each packet that the engine received. */
  readonly nanosecondsPerPacket: number;
}

/** What an engine did while it was profiled. */
export interface EngineProfile {
  /** The name of the engine. */
  readonly engine: string;
  /** How long, in seconds. */
  readonly seconds: number;
  /** Packets that it received meanwhile. */
  readonly packets: number;
  /** Which part of the time it was busy, from 0 to 1. */
  readonly load: number;
  /** Busy nanoseconds for each packet. */
  readonly nanosecondsPerPacket: number;
  /** In the order of the work. */
  readonly parts: readonly ProfilePart[];
  /** What limits the engine, and what to do, in words. */
  readonly limit: string;
  /** V8's profile of the engine's thread: what Chrome and speedscope open from a file NAME.cpuprofile. */
  readonly cpuProfile: CpuProfile;
}

interface Gained {
  readonly packets: number;
  readonly busy: number;
  /** Which part of its rounds brought packets. */
  readonly useful: number;
  /** Nanoseconds in the code of each brick, by its label. */
  readonly bricks: ReadonlyMap<string, number>;
}

/** `before` and `after`: the counters when the profile began and when it ended. */
export function engineProfile(engine: string, seconds: number, before: GraphCounters, after: GraphCounters, cpuProfile: CpuProfile): EngineProfile {
  const gained = gainedBetween(before, after);
  const { packets, busy } = gained;
  const load = Math.min(1, busy / (seconds * 1e9));
  const parts = packets === 0 ? [] : partsOf(gained, timeByPart(cpuProfile));
  return { engine, seconds, packets, load, nanosecondsPerPacket: packets === 0 ? 0 : busy / packets, parts, limit: `${busy < ROUGH_NANOSECONDS && packets > 0 ? `It was busy for only ${(busy / 1e6).toFixed(0)} ms: these figures are rough. ` : ''}${limitText(packets / seconds, load, parts)}`, cpuProfile };
}

function gainedBetween(before: GraphCounters, after: GraphCounters): Gained {
  const then = totalsOf(before);
  const now = totalsOf(after);
  return {
    packets: Math.max(0, now.packets - then.packets),
    busy: Math.max(0, now.busy - then.busy),
    useful: (now.batches - then.batches) / Math.max(1, now.rounds - then.rounds),
    bricks: new Map(after.graph.bricks.map(({ record, label }) => {
      const known = before.graph.bricks.find((brick) => brick.label === label)?.record;
      const gained = (slot: number): number => Math.max(0, readCounter(after.words, record + slot) - (known === undefined ? 0 : readCounter(before.words, known + slot)));
      const timed = gained(BRICK_TIMED_PACKETS);
      return [label, timed === 0 ? 0 : (gained(BRICK_NANOSECONDS) / timed) * gained(BRICK_PACKETS_IN)];
    })),
  };
}

function totalsOf({ graph, words, former }: GraphCounters) {
  const batches = readCounter(words, ENGINE_BATCHES);
  const packets = graph.sources.reduce((sum, { record }) => sum + readCounter(words, record + LINK_PACKETS), former.received);
  return { packets, busy: readCounter(words, ENGINE_BUSY_NANOSECONDS), batches, rounds: batches + readCounter(words, ENGINE_EMPTY_POLLS) };
}

/** Samples say how the time is divided, counters say how much it was. Samples also find the engine in rounds that bring nothing: those only receive, and cost no more. */
function partsOf({ packets, busy, useful, bricks }: Gained, times: Readonly<Record<EnginePart, number>>): ProfilePart[] {
  const working = new Map((['receive', 'bricks', 'send', 'engine', 'collector'] as const).map((part) => [part, times[part] * (part === 'receive' || part === 'engine' ? useful : 1)] as const));
  const all = [...working.values()].reduce((sum, time) => sum + time, 0);
  const partOf = (part: ProfilePart['part'], label: string, sampled: number): ProfilePart => {
    const share = all === 0 ? 0 : sampled / all;
    return { part, label, share, nanosecondsPerPacket: (share * busy) / packets };
  };
  const inBricks = [...bricks.values()].reduce((sum, nanoseconds) => sum + nanoseconds, 0);
  const time = (part: 'receive' | 'bricks' | 'send' | 'engine' | 'collector'): number => working.get(part) ?? 0;
  return [
    partOf('receive', 'receive', time('receive')),
    ...[...bricks].map(([label, nanoseconds]) => partOf('brick', label, time('bricks') * (inBricks === 0 ? 1 / bricks.size : nanoseconds / inBricks))),
    partOf('send', 'send', time('send')),
    partOf('engine', 'the loop itself', time('engine')),
    partOf('collector', 'garbage collections', time('collector')),
  ];
}

/** Less than this is too little for the sampling. */
const ROUGH_NANOSECONDS = 100e6;
/** Above this an engine has no room for bursts. */
const FULL_LOAD = 0.9;
const ADVICE: Readonly<Record<ProfilePart['part'], string>> = {
  receive: 'Use more engines, one for each hardware queue of the interface (the option qid of link), or the netmap backend.',
  brick: 'Give it less to do: put a Filter in front, or split the traffic over several engines.',
  send: 'Use fewer outputs, or split the traffic over several engines.',
  engine: 'Use larger batches (-b), or more engines.',
  collector: 'A brick makes objects for packets: see its functions in the CPU profile.',
};

function limitText(rate: number, load: number, parts: readonly ProfilePart[]): string {
  const [most] = [...parts].sort((a, b) => b.share - a.share);
  if (most === undefined) return 'No packets came.';
  const where = `Most of its time goes to ${most.part === 'brick' ? `the brick ${most.label}` : most.label} (${percentText(most.share)}).`;
  if (load >= FULL_LOAD) return `The engine is at its limit: it is busy ${percentText(load)} of the time. ${where} ${ADVICE[most.part]}`;
  return `The engine is not at its limit: it is busy ${percentText(load)} of the time, and would take some ${shortNumber(rate / load)} packets a second. ${where}`;
}
