/** An engine's child of the container: what its bricks' classes ask for by token. */
import { BricksError } from '../model/errors';
import type { BrickContext } from '../model/brick-context';
import { tokens } from '../model/brick-tokens';
import type { Token } from '../model/tokens';
import { childContainer } from './container';

/** What a test gives in place of what the engine would. */
export type Provision = readonly [token: Token<unknown>, value: unknown];

export class EngineContainer {
  private readonly container = childContainer();

  constructor(provided: readonly Provision[] = []) {
    for (const [token, value] of provided) this.container.register(token, { useValue: value });
  }

  /** By which one brick finds what it asks for. @throws BricksError E_BRICK_DECLARATION for a token that nothing is known for */
  forBrick(context: BrickContext, options: unknown): <Value>(token: Token<Value>) => Value {
    const own = this.container.createChildContainer();
    for (const [token, value] of provisionsOf(context, options)) if (!this.container.isRegistered(token)) own.register(token, { useFactory: value });
    return <Value>(token: Token<Value>): Value => {
      if (own.isRegistered(token, true)) return own.resolve<Value>(token);
      throw new BricksError('E_BRICK_DECLARATION', `The brick ${context.name} asks for ${String(token)}, which no engine gives.`, 'Use the tokens that packet-bricks exports, such as CLOCK and LOGGER.');
    };
  }
}

/** What every brick has for its tokens. */
function provisionsOf(context: BrickContext, options: unknown): ReadonlyMap<Token<unknown>, () => unknown> {
  return new Map<Token<unknown>, () => unknown>([
    [tokens.NAME, () => context.name], [tokens.LEVEL, () => context.level], [tokens.CLOCK, () => context.clock], [tokens.TIMERS, () => context.every], [tokens.LOGGER, () => context.log],
    [tokens.COUNTERS, () => context.counter], [tokens.GAUGES, () => context.gauge], [tokens.RANDOM, () => context.random], [tokens.PACKETS, () => context.packets], [tokens.EDITS, () => context.edit],
    [tokens.MAKER, () => context.create], [tokens.CONTEXT, () => context], [tokens.options(), () => options], [tokens.shared(), () => context.shared],
  ]);
}
