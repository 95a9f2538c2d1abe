/**
 * Options of bricks, engines and backends: declared once, as data, from which validation,
 * help and reference are made.
 */
import { countText } from './count-text';
import { BricksError, namesInstead } from './errors';

/** One number, text or truth value. */
export type OptionItem = number | string | boolean;
/** A value that an option may have. */
export type OptionValue = OptionItem | readonly OptionItem[];
/** Values of options by name, where nobody has declared which names there are. */
export type OptionValues = Readonly<Record<string, OptionValue | undefined>>;

/** Whether both say the same. */
export function isSameOptions(one: OptionValues, other: OptionValues): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => JSON.stringify(one[name]) === JSON.stringify(other[name]));
}

/** What is declared of one option; its name is its key. */
export interface OptionProperties {
  /** What its values are; of a list, what stands in it. */
  readonly type: 'integer' | 'number' | 'string' | 'boolean';
  /** It is a list of such values: of `any` length from 1 on, or with one for each of the brick's `outputs`. */
  readonly list?: 'any' | 'outputs';
  /** Of a list over the outputs: what an output gets that is added to a brick that has the list, unless its user says otherwise. */
  readonly forNewOutput?: OptionItem;
  /** What it does, in words, for help and reference. */
  readonly description: string;
  /** What holds where the user says nothing; absent means: nothing. */
  readonly default?: OptionValue;
  /** Whether users have to give it. */
  readonly required?: boolean;
  /** The least number allowed. */
  readonly minimum?: number;
  /** The greatest number allowed. */
  readonly maximum?: number;
  /** The only values allowed. */
  readonly oneOf?: readonly OptionItem[];
  /** What its numbers count: `ms`, `bytes`. */
  readonly unit?: string;
  /** Its value is shown nowhere: a key, say. */
  readonly secret?: boolean;
}

/** What is declared of one option, with its name. */
export interface OptionDeclaration extends OptionProperties {
  /** Its name, as users write it. */
  readonly name: string;
}

/** Options by their names, as a definition has them. */
export type OptionDeclarations = Readonly<Record<string, OptionProperties>>;

/** What stands for the value of a secret option. */
const SECRET = '***';

/** Options as they may be shown: without the values of secret ones. */
export function shownOptions(declarations: readonly OptionDeclaration[], options: OptionValues): OptionValues {
  const secrets = declarations.filter(({ name, secret }) => secret === true && options[name] !== undefined);
  return secrets.length === 0 ? options : { ...options, ...Object.fromEntries(secrets.map(({ name }) => [name, SECRET])) };
}

/** The type of an option's value: one of `oneOf`, or what its `type` says, or a list of such. */
export type OptionType<Declared extends OptionProperties> = Declared extends { readonly list: 'any' | 'outputs' } ? readonly ItemType<Declared>[] : ItemType<Declared>;

type ItemType<Declared extends OptionProperties> =
  Declared extends { readonly oneOf: readonly (infer Value)[] } ? Value
    : Declared['type'] extends 'integer' | 'number' ? number
      : Declared['type'] extends 'string' ? string
        : boolean;

/** Options as a brick gets them: those with a default, and required ones, always have a value. */
export type OptionsOf<Declared extends OptionDeclarations> = {
  readonly [Name in keyof Declared]: Declared[Name] extends { readonly default: OptionValue } | { readonly required: true }
    ? OptionType<Declared[Name]>
    : OptionType<Declared[Name]> | undefined;
};

type RequiredNames<Declared extends OptionDeclarations> = {
  [Name in keyof Declared]: Declared[Name] extends { readonly required: true } ? Name : never;
}[keyof Declared];

declare const NOTHING: unique symbol;
/** Where no option is declared: any that is written is an error. */
export interface NoOptions {
  readonly [NOTHING]?: never;
}

// Both take their names by a parameter, so that an option keeps the documentation of its declaration: a clause with `as` would lose it.
type OptionalOptions<Declared extends OptionDeclarations, Names extends keyof Declared> = { readonly [Name in Names]?: OptionType<Declared[Name]> | undefined };
type RequiredOptions<Declared extends OptionDeclarations, Names extends keyof Declared> = { readonly [Name in Names]: OptionType<Declared[Name]> };

/** Options as a user writes them; one that is undefined has not been given. */
export type GivenOptions<Declared extends OptionDeclarations> = [keyof Declared] extends [never] ? NoOptions
  : [RequiredNames<Declared>] extends [never] ? { readonly [Name in keyof Declared]?: OptionType<Declared[Name]> | undefined }
    : OptionalOptions<Declared, Exclude<keyof Declared, RequiredNames<Declared>>> & RequiredOptions<Declared, RequiredNames<Declared>>;

/** The declarations as a list, each with its name. */
export function listOptions(declarations: OptionDeclarations): OptionDeclaration[] {
  return Object.entries(declarations).map(([name, properties]) => ({ name, ...properties }));
}

/**
 * Checks what a user gave against the declarations and fills in the defaults.
 * `given` is a table of options, or a single number or string for the option named `shorthand`.
 * Numeric strings count as numbers, since scripts read them from files.
 * @throws BricksError E_OPTION
 */
export function checkOptions(owner: string, declarations: readonly OptionDeclaration[], given: unknown, shorthand?: string): Record<string, OptionValue> {
  const checked: Record<string, OptionValue> = {};
  for (const declaration of declarations) {
    if (declaration.default !== undefined) checked[declaration.name] = declaration.default;
  }
  for (const [name, value] of Object.entries(tableOf(owner, declarations, given, shorthand))) {
    if (value === undefined || value === null) continue;
    const declaration = declarations.find((candidate) => candidate.name === name);
    if (!declaration) throw unknownOption(owner, declarations, name);
    checked[name] = checkValue(owner, declaration, value);
  }
  for (const declaration of declarations) {
    if (declaration.required && checked[declaration.name] === undefined) {
      throw new BricksError('E_OPTION', `${owner} needs the option "${declaration.name}" (${declaration.description}).`);
    }
  }
  return checked;
}

function tableOf(owner: string, declarations: readonly OptionDeclaration[], given: unknown, shorthand?: string): Record<string, unknown> {
  if (given === undefined || given === null) return {};
  if (typeof given === 'object' && !Array.isArray(given)) return given as Record<string, unknown>;
  if (shorthand !== undefined && !Array.isArray(given)) return { [shorthand]: given };
  const known = declarations.map((declaration) => declaration.name).join(', ');
  throw new BricksError('E_OPTION', `${owner} takes its options as a table, got ${describe(given)}.`, known ? `Its options are: ${known}.` : 'It has none.');
}

function unknownOption(owner: string, declarations: readonly OptionDeclaration[], name: string): BricksError {
  const names = declarations.map((declaration) => declaration.name);
  return new BricksError('E_OPTION', `${owner} has no option "${name}".`, names.length > 0 ? namesInstead(name, names, 'Its options are') : 'It has none.');
}

function checkValue(owner: string, declaration: OptionDeclaration, given: unknown): OptionValue {
  if (declaration.list === undefined) {
    const value = readItem(declaration, given);
    if (value === undefined) throw new BricksError('E_OPTION', `${owner}: the option "${declaration.name}" is ${declaration.secret ? 'something else' : describe(given)}; it must be ${expectation(declaration)}.`);
    return value;
  }
  if (!Array.isArray(given) || given.length === 0) throw new BricksError('E_OPTION', `${owner}: the option "${declaration.name}" is ${describe(given)}; it must be ${expectation(declaration)}.`, 'In Lua: {2, 1, 1}; elsewhere: [2, 1, 1].');
  return given.map((item: unknown, index) => {
    const value = readItem(declaration, item);
    if (value === undefined) throw new BricksError('E_OPTION', `${owner}: item ${index + 1} of the option "${declaration.name}" is ${describe(item)}; it must be ${itemExpectation(declaration)}.`);
    return value;
  });
}

/** The value as its declaration wants it, nothing if it is none. */
function readItem(declaration: OptionDeclaration, given: unknown): OptionItem | undefined {
  let value = given;
  const numeric = declaration.type === 'integer' || declaration.type === 'number';
  if (numeric && typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))) value = Number(value);
  if (declaration.type === 'boolean' && (value === 'true' || value === 'false')) value = value === 'true';
  const wanted = numeric ? 'number' : declaration.type;
  const bad = typeof value !== wanted
    || (numeric && !Number.isFinite(value as number))
    || (declaration.type === 'integer' && !Number.isSafeInteger(value))
    || (declaration.minimum !== undefined && (value as number) < declaration.minimum)
    || (declaration.maximum !== undefined && (value as number) > declaration.maximum)
    || (declaration.oneOf !== undefined && !declaration.oneOf.includes(value as OptionItem));
  return bad ? undefined : value as OptionItem;
}

/**
 * Checks lists that have one value for each output, once the outputs are known.
 * @throws BricksError E_OPTION
 */
export function checkOutputLists(owner: string, declarations: readonly OptionDeclaration[], options: OptionValues, outputs: number): void {
  for (const { name, list } of declarations) {
    const value = options[name];
    if (list !== 'outputs' || !Array.isArray(value) || value.length === outputs) continue;
    throw new BricksError('E_OPTION', `${owner}: the option "${name}" has ${countText(value.length, 'value')}; ${owner} has ${countText(outputs, 'output')}.`, 'Give one value for each output, in the order of the outputs.');
  }
}

/** What a value must be, in words: "an integer from 1 to 4096", "a list with an integer from 1 to 1000 for each output". */
export function expectation(declaration: OptionDeclaration): string {
  const item = itemExpectation(declaration);
  if (declaration.list === undefined) return item;
  return declaration.list === 'outputs' ? `a list with ${item} for each output` : `a list, each item of which is ${item}`;
}

function itemExpectation(declaration: OptionDeclaration): string {
  if (declaration.oneOf) return declaration.oneOf.map((value) => JSON.stringify(value)).join(' or ');
  const noun = { integer: 'an integer', number: 'a number', string: 'a string', boolean: 'true or false' }[declaration.type];
  const { minimum, maximum } = declaration;
  if (minimum !== undefined && maximum !== undefined) return `${noun} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${noun} of at least ${minimum}`;
  if (maximum !== undefined) return `${noun} of at most ${maximum}`;
  return noun;
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return value.length === 0 ? 'a list without values' : 'a list';
  if (typeof value === 'object') return 'a table';
  return String(value);
}
