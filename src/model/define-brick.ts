/** From a brick's definition to the class by which programs describe such bricks. */
import { HEADROOM_MAXIMUM, type AnyDefinition, type BrickDeclaration, type BrickDefinition, type Fanout, type LinkCount } from './brick';
import { BrickDescription } from './brick-description';
import { BricksError } from './errors';
import { listOptions, type GivenOptions, type OptionDeclarations, type OptionType, type OptionValues } from './options';

/** Where a brick's definition comes from: a module's address, and the name of its export. Every thread can load it from there. */
export interface ModuleReference {
  /** The module's address: a file: URL, a path or the name of a package. */
  readonly url: string;
  /** Empty: whatever the module exports that has the brick's name. */
  readonly name: string;
}

/** By which a brick is known among what a module exports, whichever copy of this package defined it. */
const BRICK = Symbol.for('packet-bricks:brick');

type Names<Count extends number, List extends string[] = []> = List['length'] extends Count ? Partial<List> : List['length'] extends 64 ? string[] : Names<Count, [...List, string]>;

/** Names of links: no more than a brick takes, where its definition says a number below 64. */
export type LinkNames<Count extends number | LinkCount> =
  Count extends LinkCount ? LinkNames<Count['maximum']>
    : Count extends number ? (number extends Count ? string[] : Names<Count>) : never;

/** How many outputs there may be, as a type: a number, or any number. */
type LinkNumber<Count extends number | LinkCount> = Count extends LinkCount ? number : Count extends number ? Count : never;

/** A brick of a kind whose definition says how many inputs and outputs it takes. */
export interface NumberedBrick<Inputs extends number | LinkCount, Outputs extends number | LinkCount> extends BrickDescription {
  /** Names where its packets come from. @throws BricksError E_LINK_NAME */
  connectInput(...links: LinkNames<Inputs>): this;
  /** Names where its packets go to; may be called again to add more. @throws BricksError E_LINK_NAME */
  connectOutput(...links: LinkNames<Outputs>): this;
  /** Short for `device{0` to `device{count - 1`; from 1 to 65,536 outputs. */
  connectOutputs(device: string, count: LinkNumber<Outputs>): this;
}

/** The class by which programs describe bricks of one kind: `new LoadBalancer({ tuple: 4 })`. */
export interface BrickClass<Given = object, Inputs extends number | LinkCount = LinkCount, Outputs extends number | LinkCount = LinkCount> {
  /** Describes a brick. @throws BricksError E_OPTION */
  new (options?: Given): NumberedBrick<Inputs, Outputs>;
  /** What help, validation and statistics know of this kind of brick. */
  readonly declaration: BrickDeclaration;
  /** As its author wrote it. */
  readonly definition: AnyDefinition;
  /** Where every thread loads it from. */
  readonly module: ModuleReference;
}

/** Options of a brick, or the value of the one that its shorthand names. */
export type GivenTo<Declared extends OptionDeclarations, Shorthand extends string> = [Shorthand] extends [keyof Declared & string]
  ? [Shorthand] extends [never] ? GivenOptions<Declared> : GivenOptions<Declared> | OptionType<Declared[Shorthand]>
  : GivenOptions<Declared>;

/** A definition, with what the class made from it takes from its types. */
export type TypedDefinition<Declared extends OptionDeclarations, State, Shared, Shorthand extends string, Inputs extends number | LinkCount, Outputs extends number | LinkCount> =
  & BrickDefinition<Declared, State, Shared>
  & { readonly shorthand?: Shorthand; readonly inputs?: Inputs; readonly outputs?: Outputs };

/** A brick's class for a definition that `url` exports. @throws BricksError E_BRICK_DECLARATION */
export function makeBrickClass<
  const Declared extends OptionDeclarations = Record<never, never>, State = undefined, Shared = undefined, const Shorthand extends string & keyof Declared = never,
  const Inputs extends number | LinkCount = 1, const Outputs extends number | LinkCount = LinkCount,
>(definition: TypedDefinition<Declared, State, Shared, Shorthand, Inputs, Outputs>, module: ModuleReference): BrickClass<GivenTo<Declared, Shorthand>, Inputs, Outputs> {
  const general = definition as unknown as AnyDefinition;
  const declaration = declarationOf(general);
  const made = class extends BrickDescription {
    static readonly declaration = declaration;
    static readonly definition = general;
    static readonly module = module;
    static readonly [BRICK] = true;
    constructor(options?: GivenTo<Declared, Shorthand>) {
      super(declaration, options, module);
    }
  };
  Object.defineProperty(made, 'name', { value: declaration.name });
  return made;
}

export function isBrickClass(value: unknown): value is BrickClass {
  return typeof value === 'function' && (value as unknown as Record<symbol, unknown>)[BRICK] === true;
}

const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const FORMS = ['choose', 'onPacket', 'process', 'broadcast'] as const;

function declarationOf(definition: AnyDefinition): BrickDeclaration {
  const { name } = definition;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new BricksError('E_BRICK_DECLARATION', `A brick's name must consist of letters and digits and start with a letter, got ${JSON.stringify(name)}.`);
  }
  const forms = FORMS.filter((form) => definition[form] !== undefined);
  if (forms.length !== 1) {
    throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} has ${forms.length === 0 ? 'no form' : `the forms ${forms.join(' and ')}`}; it needs exactly one of choose, onPacket, process and broadcast.`);
  }
  const holds = definition.holds === true;
  if (holds && definition.release === undefined) {
    throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} declares that it holds packets, but has no release.`, 'Define release to say when they leave.');
  }
  if (holds && definition.choose === undefined) {
    throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} declares that it holds packets, which only the form choose can.`, `Write it with choose instead of ${forms[0]}.`);
  }
  if (definition.slowPath !== undefined && definition.choose === undefined) {
    throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} has a slowPath, which belongs to the form choose.`, `Write it with choose instead of ${forms[0]}, or remove slowPath.`);
  }
  const { shorthand, options = {} } = definition;
  if (shorthand !== undefined && !(shorthand in options)) {
    throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} has the shorthand "${String(shorthand)}", which is not one of its options.`);
  }
  return {
    name,
    summary: definition.summary ?? '',
    description: definition.description ?? '',
    options: listOptions(options),
    ...(shorthand === undefined ? {} : { shorthand }),
    inputs: linkCount(definition.inputs ?? 1),
    outputs: linkCount(definition.outputs ?? { minimum: 1, maximum: Infinity }),
    fanout: fanoutOf(definition),
    effect: definition.edits === true ? 'edits' : 'reads',
    holds,
    headroom: headroomOf(definition),
    creates: definition.creates === true,
    control: definition.control !== undefined,
    ...(definition.files === undefined ? {} : { files: definition.files }),
    counters: described(definition.counters),
    gauges: described(definition.gauges),
    examples: definition.examples ?? { lua: '', typescript: '' },
  };
}

/** What a brick of these options declares: what its definition does, or less. */
export function declarationFor({ declaration, definition }: BrickClass, options: OptionValues): BrickDeclaration {
  const needs = definition.needs?.(options);
  if (!needs) return declaration;
  const { control = declaration.control, edits = declaration.effect === 'edits', outputs } = needs;
  return { ...declaration, control, effect: edits ? 'edits' : 'reads', outputs: outputs === undefined ? declaration.outputs : linkCount(outputs) };
}

function headroomOf({ name, edits, headroom = 0 }: AnyDefinition): number {
  if (headroom > 0 && edits !== true) throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} asks for headroom, but does not declare edits: true.`);
  if (!Number.isInteger(headroom) || headroom < 0 || headroom > HEADROOM_MAXIMUM) {
    throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} asks for headroom of ${headroom} bytes; it must be an integer from 0 to ${HEADROOM_MAXIMUM}.`);
  }
  return (headroom + 3) & ~3;
}

function fanoutOf(definition: AnyDefinition): Fanout {
  if (definition.broadcast === true) return 'all';
  return definition.copies === true ? 'any' : 'one';
}

function linkCount(given: number | LinkCount): LinkCount {
  return typeof given === 'number' ? { minimum: given, maximum: given } : given;
}

function described(given: Readonly<Record<string, string>> = {}): { name: string; description: string }[] {
  return Object.entries(given).map(([name, description]) => ({ name, description }));
}
