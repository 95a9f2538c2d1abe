/** From a brick's definition to the class by which programs describe such bricks. */
import type { AnyDefinition, BrickBasics, BrickDeclaration, BrickForm, Fanout, LinkCount } from './brick';
import { BrickDescription } from './brick-description';
import { BricksError } from './errors';
import { HEADROOM_MAXIMUM } from './side-area';
import { listOptions, type GivenOptions, type OptionDeclarations } from './options';

/** Where a brick's definition comes from: a module's address, and the name of its export. Every thread can load it from there. */
export interface ModuleReference {
  readonly url: string;
  /** Empty: whatever the module exports that has the brick's name. */
  readonly name: string;
}

/** By which a brick is known among what a module exports, whichever copy of this package defined it. */
const BRICK = Symbol.for('packet-bricks:brick');

/** The class by which programs describe bricks of one kind: `new LoadBalancer({ tuple: 4 })`. */
export interface BrickClass<Given = object> {
  new (options?: Given): BrickDescription;
  readonly declaration: BrickDeclaration;
  readonly definition: AnyDefinition;
  readonly module: ModuleReference;
}

/** Options of a brick, or the value of the one that its shorthand names. */
export type GivenTo<Declared extends OptionDeclarations, Shorthand extends string> =
  | GivenOptions<Declared>
  | (Shorthand extends keyof Declared ? GivenOptions<Declared>[Shorthand & keyof GivenOptions<Declared>] : never);

/** A brick's class for a definition that `url` exports. @throws BricksError E_BRICK_DECLARATION */
export function makeBrickClass<const Declared extends OptionDeclarations = Record<never, never>, State = undefined, Shared = undefined, const Shorthand extends string = never>(
  definition: BrickBasics<Declared, State, Shared> & BrickForm<Declared, State, Shared> & { readonly shorthand?: Shorthand }, module: ModuleReference,
): BrickClass<GivenTo<Declared, Shorthand>> {
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
    throw new BricksError('E_BRICK_DECLARATION', `A brick's name must be letters and digits that begin with a letter, got ${JSON.stringify(name)}.`);
  }
  const forms = FORMS.filter((form) => definition[form] !== undefined);
  if (forms.length !== 1) {
    throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} has ${forms.length === 0 ? 'no form' : `the forms ${forms.join(' and ')}`}; it needs exactly one of choose, onPacket, process and broadcast.`);
  }
  const holds = definition.holds === true;
  if (holds && definition.release === undefined) {
    throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} declares that it holds packets, but has no release.`, 'Say in release when they go.');
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

function headroomOf({ name, edits, headroom = 0 }: AnyDefinition): number {
  if (headroom > 0 && edits !== true) throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} asks for headroom, but does not declare edits: true.`);
  if (!Number.isInteger(headroom) || headroom < 0 || headroom > HEADROOM_MAXIMUM) {
    throw new BricksError('E_BRICK_DECLARATION', `The brick ${name} asks for headroom of ${headroom} bytes; it must be a whole number from 0 to ${HEADROOM_MAXIMUM}.`);
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
