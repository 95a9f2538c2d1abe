/** What a setup says, as it is written: names are not looked up yet. */
import type { Span } from './source-text';

/** A name or a text, with or without quotes. */
export interface Word extends Span {
  readonly text: string;
  readonly quoted: boolean;
}

export type ValueSyntax =
  | { readonly kind: 'word'; readonly word: Word; readonly start: number; readonly end: number }
  | { readonly kind: 'list'; readonly items: readonly ValueSyntax[]; readonly start: number; readonly end: number }
  | { readonly kind: 'table'; readonly entries: readonly ArgumentSyntax[]; readonly start: number; readonly end: number };

/** `tuple = 2`, or a value alone. */
export interface ArgumentSyntax extends Span {
  readonly name?: Word;
  readonly value: ValueSyntax;
}

/** What stands in brackets behind a brick: numbers of outputs. */
export interface OutputsSyntax extends Span {
  readonly numbers: readonly number[];
}

/** A link, a brick that is made here, or the name of one: `eth3{0..3`, `lb: LoadBalancer(2)`, `lb[0]`. */
export interface ItemSyntax extends Span {
  readonly name?: Word;
  readonly word: Word;
  readonly arguments?: readonly ArgumentSyntax[];
  readonly outputs?: OutputsSyntax;
}

/** Items between arrows. */
export type SegmentSyntax = readonly ItemSyntax[];

export interface ChainSyntax extends Span {
  readonly segments: readonly SegmentSyntax[];
}

export interface EngineSyntax extends Span {
  /** Absent: what stands before the first heading. */
  readonly name?: Word;
  readonly options: readonly ArgumentSyntax[];
  readonly chains: readonly ChainSyntax[];
}

export interface SetupSyntax {
  /** Modules of bricks to load first. */
  readonly modules: readonly Word[];
  readonly engines: readonly EngineSyntax[];
}
