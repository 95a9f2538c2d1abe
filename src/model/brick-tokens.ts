/** What a brick's class may ask for: `inject([tokens.CLOCK, tokens.LOGGER], Quota)`. */
import type { BrickContext, Counter, EngineClock, Gauge, Logger, PacketEdits, PacketMaker, Packets } from './brick-context';
import { token, type Token } from './tokens';

/** Tokens of what the engine gives a brick. */
export const tokens = {
  /** The brick's name, such as `LoadBalancer#2`. */
  NAME: token<string>('name'),
  /** Its nesting level in the engine's tree, from 1 on. */
  LEVEL: token<number>('level'),
  /** Coarse time of the engine. */
  CLOCK: token<EngineClock>('clock'),
  /** `every(milliseconds, call)`: timers. */
  TIMERS: token<BrickContext['every']>('timers'),
  /** The program's log, with the brick's name. */
  LOGGER: token<Logger>('logger'),
  /** From a name that the brick declares to the counter. */
  COUNTERS: token<(name: string) => Counter>('counters'),
  /** From a name that the brick declares to the gauge. */
  GAUGES: token<(name: string) => Gauge>('gauges'),
  /** Whole numbers from 0 to `below` - 1, from the engine's seed. */
  RANDOM: token<(below: number) => number>('random'),
  /** The packets of the engine. */
  PACKETS: token<Packets>('packets'),
  /** Moves where packets start and end, for a brick that declares `edits`. */
  EDITS: token<PacketEdits>('edits'),
  /** Makes packets, for a brick that declares `creates`. */
  MAKER: token<PacketMaker>('maker'),
  /** All that the engine gives a brick. */
  CONTEXT: token<BrickContext>('context'),
  /** The brick's options, of the type that the constructor says. */
  options: <Options>(): Token<Options> => token('options'),
  /** What `shared` of the definition has made, of the type that the constructor says. */
  shared: <Shared>(): Token<Shared> => token('shared'),
} as const;
