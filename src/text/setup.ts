/** From the text of a setup to the commands that build it. */
import { ENGINE_OPTIONS, LINK_OPTIONS } from '../control/engine-options';
import type { NumberedBrick, RegistryCommand } from '../control/registry-commands';
import type { BrickDeclaration } from '../model/brick';
import { countText } from '../model/count-text';
import { compileGraph, GraphError } from '../model/graph';
import type { BricksError } from '../model/errors';
import { parseLinkName } from '../model/link-name';
import { listOptions, type OptionDeclaration } from '../model/options';
import { BrickFinder, type KnownBricks, type TextBrick } from './bricks';
import { Connector } from './connections';
import type { SourceText } from './source-text';
import type { ArgumentSyntax, EngineSyntax, SetupSyntax } from './syntax';
import { at, givenOptions, valueOf } from './values';

/** An engine as a text describes it. */
export interface PlannedEngine {
  readonly name: string;
  /** Those of PktEngine.new, with `backend` and `backendOptions`. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly batch?: number;
  readonly queue?: number;
  readonly bricks: readonly NumberedBrick[];
}

/** The engine of what stands before the first heading. */
export const FIRST_ENGINE = 'e0';

const BACKEND_OPTIONS: readonly OptionDeclaration[] = [
  { name: 'backend', type: 'string', description: 'the backend that opens its links' },
];
const LINK_OPTION_NAMES = Object.keys(LINK_OPTIONS);
const DECLARED = [...listOptions(ENGINE_OPTIONS), ...listOptions(LINK_OPTIONS), ...BACKEND_OPTIONS];

/** @throws BricksError that shows the place in the text */
export function planEngines(syntax: SetupSyntax, source: SourceText, known: KnownBricks): PlannedEngine[] {
  if (syntax.engines.length === 0) throw source.error({ start: 0, end: 1 }, 'E_SETUP', 'The setup is empty.', 'For example: eth3 -> LoadBalancer(4) -> eth3{0..3');
  const engines = new Map<string, PlannedEngine>();
  for (const engine of syntax.engines) {
    const name = engine.name?.text ?? FIRST_ENGINE;
    const place = engine.name ?? engine;
    if (name === '') throw source.error(place, 'E_SETUP', 'The name of an engine is empty.');
    if (engines.has(name)) throw source.error(place, 'E_ENGINE_EXISTS', `There are two engines with the name ${name}.`, name === FIRST_ENGINE ? 'What stands before the first heading is the engine e0.' : 'Give each its own name.');
    engines.set(name, planEngine(name, engine, source, known));
  }
  return [...engines.values()];
}

/** The commands that build the engines and let packets flow. All links are open before the first packet moves. No two bricks have the same number. */
export function commandsOf(engines: readonly PlannedEngine[], firstBrick: number): RegistryCommand[] {
  let nextBrick = firstBrick;
  return [
    ...engines.flatMap(({ name, options, batch, queue, bricks }): RegistryCommand[] => [
      { command: 'engine.create', name, options },
      { command: 'engine.link', name, bricks: bricks.map((brick) => ({ ...brick, id: nextBrick++ })), ...(batch === undefined ? {} : { batch }), ...(queue === undefined ? {} : { queue }) },
    ]),
    ...engines.map(({ name }): RegistryCommand => ({ command: 'engine.start', name })),
  ];
}

function planEngine(name: string, engine: EngineSyntax, source: SourceText, known: KnownBricks): PlannedEngine {
  const { backendOptions, others } = splitOptions(engine, source);
  const given = givenOptions(source, { label: `The engine ${name}`, declarations: DECLARED }, others);
  const own = Object.entries(given).filter(([key]) => !LINK_OPTION_NAMES.includes(key));
  const { batch, queue } = given as { batch?: number; queue?: number };
  if (engine.chains.length === 0) throw source.error(engine.name ?? engine, 'E_NO_BRICK', `The engine ${name} has no brick.`, 'Write below its heading what it does: eth3 -> LoadBalancer -> ...');
  const finder = new BrickFinder(source, known);
  new Connector(source, finder, known).connect(finder.resolve(engine.chains));
  checkCounts(source, finder.bricks);
  checkLinks(source, finder.bricks);
  const bricks = finder.bricks.map(({ name: own, declaration, options, inputs, outputs }, index): NumberedBrick => ({
    id: index + 1, kind: declaration.name, ...(own === undefined ? {} : { name: own }), options, inputs: inputs.map(({ link }) => link), outputs: outputs.map(({ link }) => link),
  }));
  checkGraph(source, finder.bricks, bricks);
  return {
    name, options: { ...Object.fromEntries(own), ...(backendOptions === undefined ? {} : { backendOptions }) },
    ...(batch === undefined ? {} : { batch }), ...(queue === undefined ? {} : { queue }), bricks,
  };
}

/** The options of its backend are a table; which there are only the backend knows. @throws BricksError E_OPTION */
function splitOptions({ options }: EngineSyntax, source: SourceText) {
  const [table, second] = options.filter(({ name }) => name?.text === 'backendOptions');
  if (second !== undefined) throw source.error(second, 'E_OPTION', 'backendOptions is given twice.', 'Write all of them in one table.');
  if (table !== undefined && table.value.kind !== 'table') throw source.error(table.value, 'E_OPTION', 'Options of a backend are a table.', 'Write them as backendOptions = (snapLength = 128).');
  const unnamed = table?.value.kind === 'table' ? table.value.entries.find(({ name }) => name === undefined) : undefined;
  if (unnamed !== undefined) throw source.error(unnamed, 'E_OPTION', 'Options of a backend have names.', 'Write them as backendOptions = (snapLength = 128).');
  return {
    backendOptions: table?.value.kind === 'table' ? tableOf(source, table.value.entries) : undefined,
    others: options.filter((one) => one !== table),
  };
}

function tableOf(source: SourceText, entries: readonly ArgumentSyntax[]): Record<string, unknown> {
  const twice = entries.find(({ name }, index) => entries.findIndex((other) => other.name?.text === name?.text) < index);
  if (twice !== undefined) throw source.error(twice, 'E_OPTION', `The option ${twice.name?.text} is given twice.`, 'Remove one.');
  return Object.fromEntries(entries.map(({ name, value }) => [name?.text, valueOf(value)]));
}

/** @throws BricksError E_NO_INPUT, E_NO_OUTPUT */
function checkCounts(source: SourceText, bricks: readonly TextBrick[]): void {
  for (const { declaration, place, inputs, outputs, name } of bricks) {
    const kind = name ?? declaration.name;
    for (let output = 0; output < outputs.length; output++) {
      if (outputs[output] === undefined) throw source.error(place, 'E_NO_OUTPUT', `Output ${output} of ${kind} goes nowhere, and output ${outputs.length - 1} is connected.`, `Say where it goes: ${name ?? 'lb'}[${output}] -> ...`);
    }
    if (inputs.length < declaration.inputs.minimum) throw source.error(place, 'E_NO_INPUT', `${kind} ${hasTooFew(inputs.length, declaration.inputs.minimum, 'input')}.`, `Write where its packets come from: eth3 -> ${kind}`);
    if (inputs.length > declaration.inputs.maximum) throw source.error(inputs[declaration.inputs.maximum].place, 'E_NO_INPUT', `${kind} takes ${countText(declaration.inputs.maximum, 'input')}, and this is one more.`, `Put a Merge in front of it: ... -> Merge -> ${kind}`);
    if (outputs.length < declaration.outputs.minimum) throw source.error(place, 'E_NO_OUTPUT', `${kind} ${hasTooFew(outputs.length, declaration.outputs.minimum, 'output')}.`, `Write where its packets go: ${kind} -> ${exampleOutputs(declaration)}`);
    if (outputs.length > declaration.outputs.maximum) throw source.error(outputs[declaration.outputs.maximum].place, 'E_NO_OUTPUT', `${kind} takes ${countText(declaration.outputs.maximum, 'output')}, and this is one more.`, `Put a LoadBalancer or a Duplicator behind it: ${kind} -> Duplicator -> ...`);
  }
}

function exampleOutputs({ files, outputs: { minimum } }: BrickDeclaration): string {
  if (files === 'sink') return 'trace.pcap';
  return minimum > 1 ? `eth3{0..${minimum - 1}` : 'eth3{0';
}

function hasTooFew(count: number, minimum: number, noun: string): string {
  return minimum === 1 ? `has no ${noun}` : `needs ${countText(minimum, noun)} and got ${count === 0 ? 'none' : count}`;
}

/** @throws BricksError E_LINK_TWICE, E_TWO_READERS */
function checkLinks(source: SourceText, bricks: readonly TextBrick[]): void {
  const written = new Set<string>();
  const read = new Set<string>();
  const once = (links: Set<string>, link: string, as: 'file' | undefined, refuse: (text: string) => BricksError): void => {
    const { text } = parseLinkName(link, as);
    if (links.has(text)) throw refuse(text);
    links.add(text);
  };
  for (const { declaration, inputs, outputs } of bricks) {
    for (const { link, place } of outputs) {
      once(written, link, declaration.files === 'sink' ? 'file' : undefined, (text) => source.error(place, 'E_LINK_TWICE', `The link ${text} is an output already.`, 'Give each output its own link, or join them with a Merge.'));
    }
    inputs.forEach(({ link, place }, index) => {
      // The interface behind the file of a PcapReader is not opened.
      if (declaration.files === 'source' && index > 0 && parseLinkName(link).kind !== 'file') return;
      once(read, link, declaration.files === 'source' && index === 0 ? 'file' : undefined, (text) => source.error(place, 'E_TWO_READERS', `The link ${text} is read already.`, 'A link has one reader: put a Duplicator in front of them.'));
    });
  }
}

/** What only the whole graph shows, such as loops. @throws BricksError */
function checkGraph(source: SourceText, bricks: readonly TextBrick[], numbered: readonly NumberedBrick[]): void {
  const declarations = new Map<number, BrickDeclaration>(numbered.map(({ id }, index) => [id, bricks[index].declaration]));
  try {
    compileGraph(numbered.map((brick) => ({ ...brick, module: { url: '', name: '' } })), ({ id }) => declarations.get(id) as BrickDeclaration);
  } catch (error) {
    const index = error instanceof GraphError ? numbered.findIndex(({ id }) => id === error.brick) : 0;
    at(source, bricks[index].place, () => { throw error; });
  }
}
