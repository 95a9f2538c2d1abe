/** How commands and topics are declared. */
import type { ParameterDeclarations } from './parameters';

/** What a client needs to be allowed to: look, or also change something. */
export type Access = 'read' | 'control';

/** A command, as everybody knows it: the server checks by it, clients are typed by it, `bricks ctl` and the reference are made from it. */
export interface CommandDeclaration<Parameters extends ParameterDeclarations = ParameterDeclarations, Result = unknown> {
  readonly access: Access;
  /** One sentence. */
  readonly summary: string;
  /** What it returns, in words. */
  readonly result: string;
  readonly parameters: Parameters;
  /** Parameters that `bricks ctl` also takes without their names, in this order. */
  readonly positional?: readonly string[];
  /** Carried out at once, even while a request before it of the same client is. */
  readonly immediate?: boolean;
  /** Whether a result means that all is well; `bricks ctl` exits with 1 otherwise. */
  succeeded?(result: Result): boolean;
  /** About the connection it comes over, so that it is of no use to `bricks ctl`. */
  readonly connection?: boolean;
  /** Never there: it gives the type. */
  readonly returns?: Result;
}

/** Something that a client may subscribe to. */
export interface TopicDeclaration<Parameters extends ParameterDeclarations = ParameterDeclarations, Value = unknown> {
  readonly access: Access;
  /** One sentence. */
  readonly summary: string;
  /** What comes, in words. */
  readonly value: string;
  readonly parameters: Parameters;
  /** Whether a value makes those before it worthless: clients that are slow get the latest. */
  readonly latest?: boolean;
  /** Never there: it gives the type. */
  readonly returns?: Value;
}

/** Declares a command that returns this. */
export function command<Result>() {
  return <const Parameters extends ParameterDeclarations>(declaration: CommandDeclaration<Parameters, Result> & { readonly positional?: readonly (keyof Parameters)[] }): CommandDeclaration<Parameters, Result> => declaration;
}

/** Declares a topic of which these values come. */
export function topic<Value>() {
  return <const Parameters extends ParameterDeclarations>(declaration: TopicDeclaration<Parameters>): TopicDeclaration<Parameters, Value> => declaration as TopicDeclaration<Parameters, Value>;
}

/** What a command returns, or the values of a topic. */
export type ResultOf<Declared> = Declared extends { readonly returns?: infer Result } ? Result : never;
