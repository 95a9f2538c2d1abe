/** Small changes of a graph, as descriptions of its bricks: an output more, another option, a brick put into a chain or taken out of it. */
import type { BrickDeclaration } from './brick';
import { BricksError } from './errors';
import type { BrickSpecification } from './graph';
import { parseLinkName, peerName } from './link-name';
import { listsWithOutputs, listsWithoutOutputs } from './output-lists';
import { isTable } from './table';

/** What is to be changed. Bricks are named by their numbers. */
export type GraphEdit =
  /** `options`: of options that are lists over the outputs, what the new ones get: a value for all of them, or a list with one for each. */
  | { readonly edit: 'addOutputs'; readonly brick: number; readonly links: readonly string[]; readonly options?: unknown }
  | { readonly edit: 'removeOutputs'; readonly brick: number; readonly links: readonly string[] }
  /** Of the options only those that are given change; a bare value is the one that it stands for. */
  | { readonly edit: 'setOptions'; readonly brick: number; readonly options: unknown }
  /** `brick` gets the inputs of the one that it is put in front of, and feeds that one with its first output. */
  | { readonly edit: 'insert'; readonly brick: BrickSpecification; readonly before: number }
  /** The bricks around it are joined. */
  | { readonly edit: 'remove'; readonly brick: number };

type Bricks = readonly BrickSpecification[];

/** What an edit has to know of a brick's kind: its options, and the one that a bare value stands for. */
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
  if (given !== undefined && given !== null && !isTable(given)) throw new BricksError('E_ARGUMENT', `What new outputs of a ${brick.kind} get is told by a table of options, got ${String(given)}.`);
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
  if (given === undefined || given === null || shorthand === undefined) throw new BricksError('E_ARGUMENT', `The options of a ${brick.kind} are a table, got ${String(given)}.`);
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
  if (brick.inputs.length > 0) throw new BricksError('E_ARGUMENT', `The ${brick.kind} that is to be put in front of a ${before.kind} has an input, ${brick.inputs[0]}.`, 'It gets those of the other brick: name none.');
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
  throw new BricksError('E_ARGUMENT', `The ${brick.kind} can't be taken out: it does not lead from one brick or link to one other.`, 'Describe the graph that is to remain: pe:relink(brick, ...).');
}

function peer(link: string): string | undefined {
  return peerName(parseLinkName(link));
}

/** Whether a brick reads what is written to a link. */
function reads({ inputs }: BrickSpecification, link: string): boolean {
  const other = peer(link);
  return other !== undefined && inputs.includes(other);
}
