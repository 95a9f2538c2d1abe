/** What `benchBrick` and the process that measures say to each other. */
import type { BrickSpecification } from '../model/graph';

/** The name of a source in V8's log: deoptimisations behind it are not of the warm-up. */
export const DEOPTIMISATION_MARK = 'bricks-measured-from-here';

export interface BenchQuestion {
  readonly specification: BrickSpecification;
  /** In hexadecimal digits. */
  readonly packets: readonly string[];
  /** Time, with V8 as it is; or what is allocated, with each function separately. */
  readonly mode: 'time' | 'allocation';
}

export interface AllocatingFunction {
  readonly name: string;
  readonly url: string;
  readonly line: number;
  /** A packet. */
  readonly bytes: number;
}

export interface BenchAnswer {
  /** Nanoseconds a packet in the brick's own code, and with the engine around it. */
  readonly inBrick?: number;
  readonly whole?: number;
  readonly allocations?: readonly AllocatingFunction[];
  readonly error?: string;
}
