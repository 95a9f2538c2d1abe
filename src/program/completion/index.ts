/** How a line of the shell may go on where the cursor stands: names of Lua, and within quotes bricks, links, options and files. */
import { ENGINE_OPTIONS, LINK_OPTIONS } from '../../control/engine-options';
import type { BrickDeclaration } from '../../model/brick';
import { parseLinkName, peerName } from '../../model/link-name';
import { listOptions, type OptionDeclaration } from '../../model/options';
import type { KnownLinks, LuaHost } from '../../lua/lua-host';
import type { CoreAddon } from '../../native/core-addon';
import { loadAddon } from '../../native/load-addon';
import { readableEnds } from '../../pipes';
import { allBackends, knownBrick } from '../../plugins/container';
import { backendSummaries, brickSummaries, findBrick } from '../../plugins/find';
import { defaultBackend } from '../../plugins/default-backend';
import { filesFor } from './files';
import { placeAt, type Call, type Place } from './place';

/** What completion asks of Lua. */
export type Names = Pick<LuaHost, 'complete' | 'links'>;

export interface Completion {
  /** Whole words, each of which begins with `word`. */
  readonly hits: string[];
  readonly word: string;
}

/** What `new` of an engine takes beside the options that are declared. */
const NAME: OptionDeclaration = { name: 'name', type: 'string', description: 'its name' };
/** Functions whose first argument is a file. */
const FILE_FUNCTIONS: Readonly<Record<string, 'captures' | 'scripts' | 'any'>> = { dofile: 'scripts', loadfile: 'scripts', open: 'any', lines: 'any', input: 'any', output: 'any', remove: 'any', rename: 'any' };

/** `text` is all that was typed of a statement, up to the cursor; `behind` what stands behind it. */
export async function complete(names: Names, text: string, behind = ''): Promise<Completion> {
  const place = placeAt(text);
  const { at, word } = place;
  await meet(place.call?.first);
  if (at === 'method') return { hits: await names.complete(word, place.of), word };
  if (at === 'name') return { hits: await argumentOr(names, place, text), word };
  if (at === 'key') {
    const hits = matching(word, optionsOf(place).filter(({ name }) => !place.fields.includes(name)).map(({ name }) => `${name} = `));
    return { hits: hits.length > 0 ? hits : await names.complete(word), word };
  }
  if (at === 'value') {
    const hits = matching(word, valuesOf(optionOf(place)));
    return { hits: hits.length > 0 ? hits : await names.complete(word), word };
  }
  if (at === 'string') {
    const hits = matching(word, await textsFor(names, place));
    const [only] = hits;
    const ended = hits.length === 1 && !/[/{}]$/.test(only) && !behind.startsWith(place.quote) && !isOpenEnded(place, only);
    return { hits: ended ? [only + place.quote] : hits, word };
  }
  return { hits: [], word };
}

/** Names of Lua; in place of options the values of the one that a bare value stands for. */
async function argumentOr(names: Names, { call, word, path }: Place, text: string): Promise<string[]> {
  const inCall = /[(,]\s*\w*$/.test(text) && path.length === 0;
  if (inCall && call?.name === 'Brick.new' && call.argument === 1) {
    const brick = declarationOf(call.first);
    const hits = matching(word, valuesOf(brick?.options.find(({ name }) => name === brick.shorthand)));
    if (hits.length > 0) return hits;
  }
  return names.complete(word);
}

function matching(word: string, candidates: readonly string[]): string[] {
  return [...new Set(candidates)].filter((candidate) => candidate.startsWith(word)).sort();
}

const met = new Map<string, BrickDeclaration>();

/** Loads the plugin whose brick a line names. */
async function meet(kind: string | undefined): Promise<void> {
  if (kind === undefined || met.has(kind) || !brickSummaries().some(({ name }) => name === kind)) return;
  try {
    met.set(kind, (await findBrick(kind)).declaration);
  } catch {
    // Brick.new will say what is wrong with it.
  }
}

function declarationOf(kind: string | undefined): BrickDeclaration | undefined {
  return kind === undefined ? undefined : knownBrick(kind)?.declaration ?? met.get(kind);
}

/** The options whose names may stand in the table that the cursor is in. */
function optionsOf({ call, path }: Place): readonly OptionDeclaration[] {
  const [outer] = path;
  if (path.length === 1 && call?.name === 'Brick.new' && call.argument === 1) return declarationOf(call.first)?.options ?? [];
  if (path.length === 1 && call?.name === 'link' && call.argument === 1) return listOptions(LINK_OPTIONS);
  if (call?.name !== 'PktEngine.new' || call.argument !== 0) return [];
  if (path.length === 2 && outer === 'backendOptions') return allBackends().flatMap(({ options }) => listOptions(options));
  if (path.length !== 1) return [];
  const backend: OptionDeclaration = { name: 'backend', type: 'string', description: 'the backend', oneOf: backendSummaries().map(({ name }) => name) };
  return [NAME, ...listOptions(ENGINE_OPTIONS), backend, { name: 'backendOptions', type: 'string', description: 'options of the backend' }];
}

function optionOf(place: Place): OptionDeclaration | undefined {
  const field = place.path[place.path.length - 1];
  return field === undefined ? undefined : optionsOf(place).find(({ name }) => name === field);
}

/** The values of an option that can be listed, as one types them. */
function valuesOf(option: OptionDeclaration | undefined): string[] {
  if (option?.oneOf) return option.oneOf.map((value) => JSON.stringify(value));
  return option?.type === 'boolean' ? ['true', 'false'] : [];
}

/** What may stand within these quotes. */
async function textsFor(names: Names, place: Place): Promise<readonly string[]> {
  const { call, path, word } = place;
  if (path.length > 0 && path[path.length - 1] !== undefined) {
    const option = optionOf(place);
    return option?.oneOf?.filter((value) => typeof value === 'string') ?? (option ? [] : filesFor(word, 'any'));
  }
  if (call === undefined) return word === '' ? [] : filesFor(word, 'any');
  switch (call.name) {
    case 'Brick.new':
      return call.argument === 0 ? brickSummaries().map(({ name }) => name) : shorthandsOf(call);
    case 'Brick.help':
      return brickSummaries().map(({ name }) => name);
    case 'PktEngine.retrieve':
      return (await names.links()).engines;
    case 'PktEngine.new':
      return [];
    case 'connect_input':
      return inputsFor(await names.links(call.receiver), call, word);
    case 'connect_output':
      return outputsFor(await names.links(call.receiver), call, word);
    case 'connect_outputs':
      return interfaces();
    default:
      if (FILE_FUNCTIONS[call.name] !== undefined) return filesFor(word, FILE_FUNCTIONS[call.name]);
      return word === '' ? [] : filesFor(word, 'any');
  }
}

function shorthandsOf(call: Call): readonly string[] {
  const brick = declarationOf(call.first);
  return brick?.options.find(({ name }) => name === brick.shorthand)?.oneOf?.filter((value) => typeof value === 'string') ?? [];
}

async function inputsFor(known: KnownLinks, call: Call, word: string): Promise<string[]> {
  const files = filesFor(word, 'captures');
  if (declarationOf(call.kind ?? known.kind)?.files === 'source') return files;
  return [...await interfaces(), ...peers(known.outputs), ...readableEnds(loadAddon<CoreAddon>('bricks_core')), ...files];
}

async function outputsFor(known: KnownLinks, call: Call, word: string): Promise<string[]> {
  const files = filesFor(word, 'captures');
  if (declarationOf(call.kind ?? known.kind)?.files === 'sink') return files;
  const devices = await interfaces();
  return [...devices, ...peers(known.inputs).filter((name) => name.includes('{')), ...nextPipes(devices, known.outputs, word), ...files];
}

/** The other ends of pipes. */
function peers(links: readonly string[]): string[] {
  return links.flatMap((link) => {
    try {
      return peerName(parseLinkName(link)) ?? [];
    } catch {
      return []; // its engine will say what is wrong with it
    }
  });
}

/** Behind `eth3{`: the first pipe that no brick writes to yet. */
function nextPipes(devices: readonly string[], outputs: readonly string[], word: string): string[] {
  const device = /^(.*)\{/.exec(word)?.[1];
  if (device === undefined) return [];
  const taken = new Set(outputs);
  if (!devices.includes(device) && !outputs.some((name) => name.startsWith(`${device}{`))) return [];
  for (let number = 0; ; number++) if (!taken.has(`${device}{${number}`)) return [`${device}{${number}`];
}

/** The backend's interfaces. */
async function interfaces(): Promise<string[]> {
  try {
    return (await defaultBackend().backend.devices()).map(({ name }) => name);
  } catch {
    return []; // opening one will say what is wrong
  }
}

/** The name of an interface may go on: as a pipe's, or another port's. */
function isOpenEnded({ call }: Place, text: string): boolean {
  if (call?.name !== 'connect_output' && call?.name !== 'connect_input') return false;
  return !/[{}./]/.test(text);
}
