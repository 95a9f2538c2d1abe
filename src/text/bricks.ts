/** Finds the bricks in an engine's chains, before anything is connected: which words are bricks, which are names of some, which are links. */
import type { BrickDeclaration } from '../model/brick';
import { BRICK_NAME } from '../model/graph';
import { bricksInstead, nearest, type BricksError } from '../model/errors';
import { parseLinkName } from '../model/link-name';
import type { OptionValue } from '../model/options';
import { expandLink } from './ranges';
import type { SourceText, Span } from './source-text';
import type { ChainSyntax, ItemSyntax, OutputsSyntax, Word } from './syntax';
import { checkedOptions } from './values';

/** The kinds of bricks that there are. */
export interface KnownBricks {
  find(kind: string): BrickDeclaration | undefined;
  readonly names: readonly string[];
}

/** A brick of the text, with the links that it gets as chains are read. */
export interface TextBrick {
  readonly name?: string;
  readonly declaration: BrickDeclaration;
  readonly options: Record<string, OptionValue>;
  readonly place: Span;
  readonly inputs: { readonly link: string; readonly place: Span }[];
  /** By number; holes are outputs that nothing has been said of yet. */
  readonly outputs: { readonly link: string; readonly place: Span }[];
}

export type ResolvedItem =
  | { readonly kind: 'brick'; readonly brick: TextBrick; readonly outputs?: OutputsSyntax; readonly place: Span }
  | { readonly kind: 'links'; readonly names: readonly string[]; readonly place: Span };

export interface ResolvedChain {
  readonly segments: readonly (readonly ResolvedItem[])[];
  readonly place: Span;
}

const BRIDGE = 'Merge';

export class BrickFinder {
  /** In the order in which they stand in the text. */
  readonly bricks: TextBrick[] = [];
  private readonly named = new Map<string, { word: Word; brick?: TextBrick }>();

  constructor(private readonly source: SourceText, private readonly known: KnownBricks) {}

  /** @throws BricksError that shows the place */
  resolve(chains: readonly ChainSyntax[]): ResolvedChain[] {
    for (const { segments } of chains) for (const segment of segments) for (const { name } of segment) if (name !== undefined) this.takeName(name);
    // Bricks are made in the order of the text; a name may be used before it.
    const drafts = chains.map(({ segments, start, end }) => ({ segments: segments.map((segment) => segment.map((item) => this.draft(item))), place: { start, end } }));
    return drafts.map(({ segments, place }) => ({ segments: segments.map((segment) => segment.map((draft) => draft())), place }));
  }

  private takeName(word: Word): void {
    const { text } = word;
    if (!BRICK_NAME.test(text) || word.quoted) throw this.error(word, 'E_SETUP', `${JSON.stringify(text)} can't be the name of a brick.`, 'Names consist of letters, digits, - and _, and begin with a letter.');
    if (this.known.find(text) !== undefined) throw this.error(word, 'E_SETUP', `${text} is a kind of brick, and can't be the name of one.`, `For example: ${text.toLowerCase()}1: ${text}`);
    if (this.named.has(text)) throw this.error(word, 'E_SETUP', `There are two bricks with the name ${text}.`, 'Give each its own name.');
    this.named.set(text, { word });
  }

  /** What an item is; its links and the brick that it names are looked up when all bricks are known. */
  private draft(item: ItemSyntax): () => ResolvedItem {
    const { name, word, outputs, start, end } = item;
    const place = { start, end };
    const further = outputs === undefined ? {} : { outputs };
    if (!word.quoted && name === undefined && item.arguments === undefined && this.named.has(word.text)) {
      return () => ({ kind: 'brick', brick: (this.named.get(word.text) as { brick: TextBrick }).brick, ...further, place });
    }
    const declaration = word.quoted ? undefined : this.known.find(word.text);
    if (declaration !== undefined) {
      const owner = { label: declaration.name, declarations: declaration.options, shorthand: declaration.shorthand };
      const brick: TextBrick = { ...(name === undefined ? {} : { name: name.text }), declaration, options: checkedOptions(this.source, owner, item.arguments ?? [], word), place, inputs: [], outputs: [] };
      this.bricks.push(brick);
      if (name !== undefined) this.named.set(name.text, { word: name, brick });
      return () => ({ kind: 'brick', brick, ...further, place });
    }
    if (name !== undefined || item.arguments !== undefined || outputs !== undefined) throw this.noBrick(item);
    const names = this.links(word);
    return () => ({ kind: 'links', names, place });
  }

  private noBrick({ name, word, arguments: given, outputs }: ItemSyntax): BricksError {
    const { text } = word;
    if (given !== undefined && this.named.has(text)) return this.error(word, 'E_SETUP', `${text} is the name of a brick, which has its options where it is made.`, `Write it without parentheses here.`);
    const [before, behind] = text.split(':');
    if (behind !== undefined && this.known.find(behind)) return this.error(word, 'E_BRICK', `There is no brick "${text}".`, `Put a space behind the colon: ${before}: ${behind}`);
    if (name === undefined && given === undefined && outputs !== undefined) {
      const guess = nearest(text, [...this.named.keys(), ...this.known.names]);
      return this.error(word, 'E_SETUP', `${text} is not the name of a brick, so it has no outputs.`, guess === undefined ? `Name the brick where it is made: ${BRICK_NAME.test(text) ? text : 'lb'}: LoadBalancer` : `Did you mean ${guess}?`);
    }
    return this.error(word, 'E_BRICK', `There is no brick "${text}".`, bricksInstead(text, this.known.names));
  }

  private links(word: Word): readonly string[] {
    if (word.quoted) return [word.text];
    const names = expandLink(word.text);
    if (!Array.isArray(names)) throw this.error(word, 'E_LINK_NAME', names.problem, names.remedy);
    const [before, behind] = word.text.split(':');
    if (behind !== undefined && this.known.find(behind)) throw this.error(word, 'E_SETUP', `${word.text} is written like a port of a switch.`, `Put a space behind the colon to name the brick: ${before}: ${behind}. If it is a port, put it in quotes.`);
    if (/^[A-Z]/.test(word.text) && isInterface(word.text)) {
      const guess = nearest(word.text, this.known.names);
      if (guess !== undefined) throw this.error(word, 'E_BRICK', `There is no brick "${word.text}".`, `Did you mean ${guess}? If it is an interface, put it in quotes.`);
    }
    return names;
  }

  /** A brick that joins links: what stands between links that no brick connects. */
  bridge(place: Span): TextBrick {
    const declaration = this.known.find(BRIDGE);
    if (declaration === undefined) throw this.error(place, 'E_BRICK', `There is no brick ${BRIDGE} to connect these links.`);
    const brick: TextBrick = { declaration, options: checkedOptions(this.source, { label: BRIDGE, declarations: declaration.options }, [], place), place, inputs: [], outputs: [] };
    const index = this.bricks.findIndex((other) => other.place.start > place.start);
    this.bricks.splice(index < 0 ? this.bricks.length : index, 0, brick);
    return brick;
  }

  private error(...given: Parameters<SourceText['error']>): BricksError {
    return this.source.error(...given);
  }
}

function isInterface(text: string): boolean {
  try {
    return parseLinkName(text).kind === 'interface';
  } catch {
    return false;
  }
}
