/** Engines with their bricks and links, as a tree for people. */
import { ENGINE_OPTIONS } from '../control/engine-options';
import type { EngineDescription, PlannedBrick, PlannedLink } from '../control/planned-description';
import { parseLinkName, peerName } from '../model/link-name';
import { listOptions, type OptionDeclaration, type OptionValues } from '../model/options';
import { knownBrick } from '../plugins/container';

/** More links than this of one brick are shown by the first and the last. */
const LINKS_SHOWN = 12;

interface Branch {
  readonly text: string;
  readonly below: readonly Branch[];
}

/** What an engine takes from where, and gives to whom. Options that have their defaults are left out. */
export function engineTree(engine: EngineDescription): string {
  const roots = engine.links.filter(({ role }) => role === 'source');
  const shown = new Set<string>();
  const branches = group(roots).map(({ link, count, last }) => branch(linkText(link, count, last), [brickBranch(engine, link.to ?? '', shown)]));
  return [heading(engine), ...branches.flatMap((root) => ['', ...linesOf(root, '  ', '  ')])].join('\n').replace(/\n\n/, '\n');
}

function heading({ name, state, deleted, options, backend, batch, queue }: EngineDescription): string {
  const facts = backend === undefined ? [] : [`backend ${backend}`, `batch ${batch}`, ...(queue === undefined || queue < 0 ? [] : [`queue ${queue}`])];
  const become = { started: 'started', linked: 'never started', made: 'without a brick' }[state];
  return `engine ${name}: ${[become + (deleted ? ' and deleted at the end' : ''), ...facts, ...optionTexts(options, listOptions(ENGINE_OPTIONS))].join(', ')}`;
}

function optionTexts(options: OptionValues, declared: readonly OptionDeclaration[]): string[] {
  const defaults = new Map(declared.map((option) => [option.name, option.default]));
  return Object.entries(options).flatMap(([name, value]) => (value === undefined || value === defaults.get(name) ? [] : [`${name} = ${JSON.stringify(value)}`]));
}

function branch(text: string, below: readonly Branch[] = []): Branch {
  return { text, below };
}

/** A brick and all that it feeds; where it is fed more than once, below the first that feeds it. */
function brickBranch(engine: EngineDescription, label: string, shown: Set<string>): Branch {
  const brick = engine.bricks.find((candidate) => candidate.label === label);
  if (!brick) return branch(label);
  if (shown.has(label)) return branch(`${label} (above)`);
  shown.add(label);
  const links = engine.links.filter(({ from }) => from === label);
  return branch(brickText(brick), group(links).map(({ link, count, last }) => branch(linkText(link, count, last), link.to === undefined ? [] : [brickBranch(engine, link.to, shown)])));
}

function brickText({ kind, label, options }: PlannedBrick): string {
  const texts = optionTexts(options, knownBrick(kind)?.declaration.options ?? []);
  return texts.length > 0 ? `${label} (${texts.join(', ')})` : label;
}

interface Group {
  readonly link: PlannedLink;
  /** How many links it stands for, and the last of them. */
  readonly count: number;
  readonly last: PlannedLink;
}

/** Of many links that go to no other brick, the first and the last. */
function group(links: readonly PlannedLink[]): Group[] {
  const leaves = links.filter(({ role }) => role === 'sink');
  if (leaves.length <= LINKS_SHOWN) return links.map((link) => ({ link, count: 1, last: link }));
  const inner = links.filter(({ role }) => role !== 'sink').map((link) => ({ link, count: 1, last: link }));
  return [...inner, { link: leaves[0], count: leaves.length, last: leaves[leaves.length - 1] }];
}

function linkText({ name, kind, role }: PlannedLink, count: number, last: PlannedLink): string {
  const text = count > 1 ? `${name} to ${last.name} (${count} links)` : name;
  if (role === 'inner') return `${text} in memory`;
  const peer = kind === 'pipe' ? peerName(parseLinkName(name)) : undefined;
  if (peer !== undefined && count === 1) return role === 'sink' ? `${text}, to be read at ${peer}` : `${text}, from ${peer}`;
  return kind === 'file' ? `${text}, a file` : text;
}

function linesOf({ text, below }: Branch, first: string, rest: string): string[] {
  return [first + text, ...below.flatMap((child, index) => {
    const last = index === below.length - 1;
    return linesOf(child, `${rest}${last ? '└─ ' : '├─ '}`, `${rest}${last ? '   ' : '│  '}`);
  })];
}
