/** Parameters of commands: options as bricks and engines have them, and what no option can be: tables, lists, files. */
import { isAbsolute } from 'node:path';
import { BricksError } from '../model/errors';
import { checkOptions, type OptionDeclaration, type OptionProperties, type OptionType } from '../model/options';

/** A parameter that is no number, string or boolean. */
export interface StructuredProperties<Value = unknown> {
  /** `table`: a JSON object. `list`: a JSON array. `file`: an absolute path; `bricks ctl` makes it one. */
  readonly type: 'table' | 'list' | 'file';
  /** What it does, in words, for help and reference. */
  readonly description: string;
  /** Whether clients have to give it. */
  readonly required?: boolean;
  /** Never there: it gives the type. */
  readonly value?: Value;
}

export type ParameterProperties = OptionProperties | StructuredProperties;
export type ParameterDeclarations = Readonly<Record<string, ParameterProperties>>;
export type ParameterDeclaration = ParameterProperties & { readonly name: string };

/** Declares a parameter whose value is of this type. */
export function structured<Value>() {
  return <const Declared extends Omit<StructuredProperties, 'value'>>(declaration: Declared): Declared & { readonly value?: Value } => declaration;
}

type ParameterType<Declared extends ParameterProperties> =
  Declared extends { readonly value?: infer Value; readonly type: StructuredProperties['type'] } ? Value
    : Declared extends OptionProperties ? OptionType<Declared> : never;

type Required<Declared extends ParameterDeclarations> = {
  [Name in keyof Declared]: Declared[Name] extends { readonly required: true } ? Name : never;
}[keyof Declared];
type Known<Declared extends ParameterDeclarations> = {
  [Name in keyof Declared]: Declared[Name] extends { readonly required: true } | { readonly default: unknown } ? Name : never;
}[keyof Declared];

/** Parameters as a handler gets them: required ones, and those with a default, always have a value. */
export type ParametersOf<Declared extends ParameterDeclarations> =
  { readonly [Name in Known<Declared>]: ParameterType<Declared[Name]> }
  & { readonly [Name in Exclude<keyof Declared, Known<Declared>>]?: ParameterType<Declared[Name]> };

/** Parameters as a client gives them. */
export type GivenParameters<Declared extends ParameterDeclarations> =
  { readonly [Name in Required<Declared>]: ParameterType<Declared[Name]> }
  & { readonly [Name in Exclude<keyof Declared, Required<Declared>>]?: ParameterType<Declared[Name]> | undefined };

export function isStructured(declaration: ParameterProperties): declaration is StructuredProperties {
  return declaration.type === 'table' || declaration.type === 'list' || declaration.type === 'file';
}

export function listParameters(declarations: ParameterDeclarations): ParameterDeclaration[] {
  return Object.entries(declarations).map(([name, properties]) => ({ name, ...properties }));
}

/** Checks what a client gave and fills in the defaults. @throws BricksError E_OPTION */
export function checkParameters<Declared extends ParameterDeclarations>(owner: string, declarations: Declared, given: Readonly<Record<string, unknown>>): ParametersOf<Declared> {
  const checked: Record<string, unknown> = {};
  const scalars: [string, unknown][] = [];
  for (const [name, value] of Object.entries(given)) {
    const declaration = Object.hasOwn(declarations, name) ? declarations[name] : undefined;
    if (value === undefined || value === null) continue;
    if (declaration && isStructured(declaration)) checked[name] = checkStructured(owner, name, declaration, value);
    else scalars.push([name, value]);
  }
  const all = listParameters(declarations);
  for (const { name, type, required, description } of all) {
    if (required && given[name] === undefined) throw new BricksError('E_OPTION', `${owner} needs the parameter "${name}", ${typeInWords(type)} (${description}).`);
  }
  // Structured ones stand in the list for the sake of "did you mean": none of them is left in `scalars`.
  Object.assign(checked, checkOptions(owner, all.map((one): OptionDeclaration => (isStructured(one) ? { name: one.name, type: 'string', description: one.description } : one as OptionDeclaration)), Object.fromEntries(scalars)));
  return checked as ParametersOf<Declared>;
}

/** What a value must be. */
export function typeInWords(type: ParameterProperties['type']): string {
  return { table: 'a table', list: 'a list', file: 'an absolute path', integer: 'an integer', number: 'a number', string: 'a string', boolean: 'true or false' }[type];
}

function checkStructured(owner: string, name: string, { type }: StructuredProperties, value: unknown): unknown {
  const fits = type === 'list' ? Array.isArray(value) : type === 'table' ? typeof value === 'object' && !Array.isArray(value) : typeof value === 'string' && isAbsolute(value);
  if (!fits) throw new BricksError('E_OPTION', `${owner}: the parameter "${name}" is ${shown(value)}; it must be ${typeInWords(type)}.`);
  return value;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
