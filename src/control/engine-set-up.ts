/** What an engine was made of, to be compared with what it should be made of. */
import type { BrickSpecification } from '../model/graph';
import type { OptionValue } from '../model/options';
import type { LinkOptions, PacketEngineOptions } from './engine-options';

export interface EngineSetUp {
  readonly name: string;
  /** The options that it was given, with those of its backend. */
  readonly given: PacketEngineOptions;
  /** Its own options, with their defaults. */
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly specifications: readonly BrickSpecification[];
  readonly linkOptions: LinkOptions;
}

/** The same for everything that makes the same engine; the numbers of bricks are of no account. */
export function engineKey({ given: { backend, backendOptions }, options }: EngineSetUp): string {
  return canonical({ backend, backendOptions, options });
}

/** The same for everything that makes the same graph. */
export function graphKey({ specifications, linkOptions }: EngineSetUp): string {
  return canonical({ bricks: specifications.map((brick) => `${brickKey(brick)} ${brick.module.url}`).sort(), linkOptions });
}

export function brickKey({ kind, name, options, inputs, outputs }: Pick<BrickSpecification, 'kind' | 'name' | 'options' | 'inputs' | 'outputs'>): string {
  return canonical({ kind, name, options, inputs, outputs });
}

export function withoutRepetition(bricks: readonly BrickSpecification[]): BrickSpecification[] {
  return [...new Map(bricks.map((brick) => [brick.id, brick])).values()];
}

/** The numbers of the bricks that are the same in both, but for their numbers. */
export function sameBricks(bricks: readonly BrickSpecification[], others: readonly BrickSpecification[]): [number, number][] {
  const free = [...others];
  return bricks.flatMap((brick): [number, number][] => {
    const at = free.findIndex((other) => brickKey(other) === brickKey(brick));
    return at < 0 ? [] : [[brick.id, free.splice(at, 1)[0].id]];
  });
}

/** JSON whose keys stand in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'object' && part !== null && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part));
}
