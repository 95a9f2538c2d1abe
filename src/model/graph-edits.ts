/** Small changes to a graph, applied to the descriptions of its bricks: add outputs, set options, insert or remove a brick. */
import type { BrickDeclaration } from './brick';
import { BricksError } from './errors';
import type { BrickSpecification } from './graph';
import { parseLinkName, peerName } from './link-name';
import { listsWithOutputs, listsWithoutOutputs } from './output-lists';
import { isTable } from './table';

/** A change. Bricks are named by their numbers. */
export type GraphEdit =
  /** `options`: for each option that is a list over the outputs, the values of the new ones: one value for all, or a list with one for each. */
  | { readonly edit: 'addOutputs'; readonly brick: number; readonly links: readonly string[]; readonly options?: unknown }
  | { readonly edit: 'removeOutputs'; readonly brick: number; readonly links: readonly string[] }
  /** Changes only the options that are given; a bare value sets the shorthand option. */
  | { readonly edit: 'setOptions'; readonly brick: number; readonly options: unknown }
  /** `brick` takes over the inputs of brick `before`, and feeds it from its first output. */
  | { readonly edit: 'insert'; readonly brick: BrickSpecification; readonly before: number }
  /** Joins the bricks around it. */
  | { readonly edit: 'remove'; readonly brick: number };

type Bricks = readonly BrickSpecification[];

/** What an edit has to know of a brick's kind: its options, and which one is the shorthand. */
export type DeclaredOptions = Pick<BrickDeclaration, 'name' | 'options' | 'shorthand'>;

/** @throws BricksError E_ARGUMENT, E_OPTION */
export function editGraph(bricks: Bricks, edit: GraphEdit, declarationOf: (brick: BrickSpecification) => DeclaredOptions | undefined): BrickSpecification[] {
  switch (edit.edit) {
    case 'addOutputs':
      return replaced(bricks, edit.brick, (brick) => withLinks(brick, edit.links, edit.options, declarationOf(brick)));
    case 'removeOutputs':
      return replaced(bricks, edit.brick, (brick) => withoutLinks(brick, edit.links, declarationOf(brick)));
    case 'setOptions':
      return replaced(bricks, edit.brick, (brick) => ({ ...brick, options: { ...brick.options, ...givenOptions(brick, edit.options, declarationOf(brick)?.shorthand) } }));
    case 'insert':
      return inserted(bricks, edit.brick, edit.before);
    case 'remove':
      return removed(bricks, edit.brick);
  }
}

function find(bricks: Bricks, id: number): BrickSpecification {
  const found = bricks.find((brick) => brick.id === id);
  if (!found) throw new BricksError('E_ARGUMENT', `The engine has no brick ${id}.`, `It has: ${bricks.map((brick) => `${brick.id} (${brick.name ?? brick.kind})`).join(', ')}.`);
  return found;
}

function replaced(bricks: Bricks, id: number, change: (brick: BrickSpecification) => BrickSpecification): BrickSpecification[] {
  const changed = change(find(bricks, id));
  return bricks.map((brick) => (brick.id === id ? changed : brick));
}

function withLinks(brick: BrickSpecification, links: readonly string[], given: unknown, declaration: DeclaredOptions | undefined): BrickSpecification {
  if (given !== undefined && given !== null && !isTable(given)) throw new BricksError('E_ARGUMENT', `The options for new outputs of a ${brick.kind} must be a table, got ${String(given)}.`);
  const options = declaration ? listsWithOutputs(declaration.name, declaration.options, brick, links.length, given ?? {}) : brick.options;
  return { ...brick, options, outputs: [...brick.outputs, ...links] };
}

function withoutLinks(brick: BrickSpecification, links: readonly string[], declaration: DeclaredOptions | undefined): BrickSpecification {
  const { kind, outputs } = brick;
  const missing = links.find((link) => !outputs.includes(link));
  if (missing !== undefined) throw new BricksError('E_ARGUMENT', `The ${kind} has no output ${missing}.`, `It has: ${outputs.join(', ')}.`);
  const remains = (output: string): boolean => !links.includes(output);
  return { ...brick, options: declaration ? listsWithoutOutputs(declaration.options, brick, remains) : brick.options, outputs: outputs.filter(remains) };
}

function givenOptions(brick: BrickSpecification, given: unknown, shorthand: string | undefined): Readonly<Record<string, unknown>> {
  if (isTable(given)) return given;
  if (given === undefined || given === null || shorthand === undefined) throw new BricksError('E_ARGUMENT', `The options of a ${brick.kind} must be a table, got ${String(given)}.`);
  return { [shorthand]: given };
}

/** A name for an inner link. Not by the brick's number: a script that is read again makes the same graph. */
function freeStem(bricks: Bricks): string {
  const taken = new Set(bricks.flatMap(({ inputs }) => inputs));
  for (let number = 1; ; number++) if (!taken.has(`inserted-${number}}0`)) return `inserted-${number}`;
}

function inserted(bricks: Bricks, brick: BrickSpecification, id: number): BrickSpecification[] {
  const before = find(bricks, id);
  if (bricks.some((known) => known.id === brick.id)) throw new BricksError('E_ARGUMENT', `The ${brick.kind} is part of the engine already.`);
  if (brick.inputs.length > 0) throw new BricksError('E_ARGUMENT', `The ${brick.kind} to insert before the ${before.kind} has an input, ${brick.inputs[0]}.`, `Connect no inputs: it takes over those of the ${before.kind}.`);
  const pipe = freeStem(bricks);
  const between: BrickSpecification = { ...brick, inputs: before.inputs, outputs: [`${pipe}{0`, ...brick.outputs] };
  return bricks.flatMap((known) => (known.id === id ? [between, { ...known, inputs: [`${pipe}}0`] }] : [known]));
}

function removed(bricks: Bricks, id: number): BrickSpecification[] {
  const brick = find(bricks, id);
  const others = bricks.filter((known) => known.id !== id);
  const [output, ...more] = brick.outputs;
  const [input, ...moreInputs] = brick.inputs;
  const behind = more.length === 0 ? others.find((known) => reads(known, output)) : undefined;
  if (behind) {
    return others.map((known) => (known === behind ? { ...known, inputs: known.inputs.flatMap((link) => (link === peer(output) ? brick.inputs : [link])) } : known));
  }
  const before = others.find(({ outputs }) => outputs.some((link) => link === peer(input)));
  if (before && more.length === 0 && moreInputs.length === 0) {
    return others.map((known) => (known === before ? { ...known, outputs: known.outputs.map((link) => (link === peer(input) ? output : link)) } : known));
  }
  throw new BricksError('E_ARGUMENT', `The ${brick.kind} can't be removed: it does not connect just one brick or link to one other.`, 'Describe the remaining graph instead: pe:relink(brick, ...).');
}

function peer(link: string): string | undefined {
  return peerName(parseLinkName(link));
}

/** Whether a brick reads what is written to a link. */
function reads({ inputs }: BrickSpecification, link: string): boolean {
  const other = peer(link);
  return other !== undefined && inputs.includes(other);
}
