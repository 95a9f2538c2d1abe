/** Tokens by which a brick's class asks, in its constructor, for what the engine gives; a test gives another one for the same token. */
import type { BrickContext } from './brick-context';

declare const VALUE: unique symbol;

/** Names something that a class may ask for, of this type. The same in every copy of this package. */
export type Token<Value> = symbol & { readonly [VALUE]?: Value };

/** The token of a name. */
export function token<Value>(name: string): Token<Value> {
  return Symbol.for(`packet-bricks:token:${name}`);
}

type ValuesOf<Tokens extends readonly Token<unknown>[]> = { [index in keyof Tokens]: Tokens[index] extends Token<infer Value> ? Value : never };

/** The `state` of a definition, as an object of this class: its constructor gets what the tokens name, in their order. */
export function inject<const Tokens extends readonly Token<unknown>[], State>(
  tokens: Tokens, make: new (...values: ValuesOf<Tokens>) => State,
): (options: unknown, context: Pick<BrickContext, 'resolve'>) => State {
  return (_options, context) => new make(...tokens.map((one) => context.resolve(one)) as ValuesOf<Tokens>);
}
