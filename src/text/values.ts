/** Options as they are written, checked against what is declared of them, each at its place. */
import { isBricksError } from '../model/errors';
import { checkOptions, type OptionDeclaration, type OptionValue } from '../model/options';
import type { SourceText, Span } from './source-text';
import type { ArgumentSyntax, ValueSyntax } from './syntax';

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** What a value says; a word without quotes is a text where the option is one. */
export function valueOf(syntax: ValueSyntax, type?: OptionDeclaration['type']): unknown {
  switch (syntax.kind) {
    case 'list': return syntax.items.map((item) => valueOf(item, type));
    case 'table': return Object.fromEntries(syntax.entries.map(({ name, value }, index) => [name?.text ?? String(index), valueOf(value)]));
    default: {
      const { text, quoted } = syntax.word;
      if (quoted || type === 'string') return text;
      if (text === 'true' || text === 'false') return text === 'true';
      return NUMBER.test(text) ? Number(text) : text;
    }
  }
}

export interface OptionsOwner {
  /** Who has the options: `LoadBalancer`. */
  readonly label: string;
  readonly declarations: readonly OptionDeclaration[];
  /** The option that a bare value stands for. */
  readonly shorthand?: string | undefined;
}

/** Options by their names, as they were given. @throws BricksError E_OPTION, E_SETUP */
export function givenOptions(source: SourceText, { label, declarations, shorthand }: OptionsOwner, given: readonly ArgumentSyntax[]): Record<string, unknown> {
  const options = new Map<string, unknown>();
  given.forEach(({ name: word, value, start, end }, index) => {
    if (word === undefined && index > 0) throw source.error({ start, end }, 'E_SETUP', 'Only the first value may come without a name.', usage(label, declarations));
    if (word === undefined && shorthand === undefined) throw source.error({ start, end }, 'E_OPTION', `${label} takes no value without a name.`, usage(label, declarations));
    const name = word?.text ?? shorthand as string;
    if (options.has(name)) throw source.error(word ?? value, 'E_OPTION', `${label} has the option ${name} twice.`, 'Remove one.');
    const declaration = declarations.find((one) => one.name === name);
    const content = valueOf(value, declaration?.type);
    at(source, declaration === undefined ? word ?? value : value, () => checkOptions(label, declaration ? [declaration] : declarations, { [name]: content }));
    options.set(name, content);
  });
  return Object.fromEntries(options);
}

/** All options of a brick, with their defaults. @throws BricksError E_OPTION, E_SETUP */
export function checkedOptions(source: SourceText, owner: OptionsOwner, given: readonly ArgumentSyntax[], place: Span): Record<string, OptionValue> {
  const options = givenOptions(source, owner, given);
  return at(source, place, () => checkOptions(owner.label, owner.declarations, options, owner.shorthand));
}

function usage(label: string, declarations: readonly OptionDeclaration[]): string {
  if (declarations.length === 0) return `${label} has no options.`;
  return `Write ${label}(${declarations[0].name} = ...); its options are: ${declarations.map(({ name }) => name).join(', ')}.`;
}

/** Shows the place of what a check has against something. */
export function at<Result>(source: SourceText, place: Span, check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    if (!isBricksError(error)) throw error;
    throw source.error(place, error.code, error.remedy === '' ? error.message : error.message.slice(0, -error.remedy.length - 1), error.remedy);
  }
}
