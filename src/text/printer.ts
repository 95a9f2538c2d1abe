/** Writes engines as the text that builds them again: the same bricks, links and names. */
import { BricksError } from '../model/errors';
import { parseLinkName, peerName } from '../model/link-name';
import { checkOptions, shownOptions, type OptionDeclaration, type OptionValue } from '../model/options';
import type { BrickDeclaration } from '../model/brick';
import type { NumberedBrick } from '../control/registry-commands';
import type { KnownBricks } from './bricks';
import { baseName, freeName, pipeDevice, readEnd } from './connections';
import { isPlainLink, nameText, optionsText, quote, valueText } from './quoting';
import { collapseLinks, collapseNumbers } from './ranges';
import { FIRST_ENGINE, type PlannedEngine } from './setup';

export type PrintedBrick = Omit<NumberedBrick, 'id'>;
export type PrintedEngine = Omit<PlannedEngine, 'bricks'> & { readonly bricks: readonly PrintedBrick[] };

/** The text of a whole setup, ending in a line break. @throws BricksError E_OPTION for options that bricks do not have */
export function printSetup(engines: readonly PrintedEngine[], known: KnownBricks, modules: readonly string[] = []): string {
  const parts = engines.map((engine, index) => {
    const heading = headingOf(engine, index);
    const lines = new ChainPrinter(engine.bricks, known).lines();
    return [...(heading === undefined ? [] : [heading]), ...lines.map((line) => (heading === undefined ? line : `  ${line}`))].join('\n');
  });
  const loads = modules.map((file) => `load ${isPlainLink(file) ? file : quote(file)}`).join('\n');
  return `${[...(loads === '' ? [] : [loads]), ...parts].join('\n\n')}\n`;
}

/** The first engine needs none if it has the usual name and no options. */
function headingOf({ name, options, batch, queue }: PrintedEngine, index: number): string | undefined {
  const { backendOptions, ...own } = options;
  const text = optionsText([...Object.entries(own), ['batch', batch], ['queue', queue], ...(isEmpty(backendOptions) ? [] : [['backendOptions', backendOptions] as const])]);
  if (index === 0 && name === FIRST_ENGINE && text === '') return undefined;
  return `engine ${nameText(name)}${text === '' ? '' : ` (${text})`}:`;
}

function isEmpty(table: unknown): boolean {
  return table === undefined || table === null || Object.keys(table).length === 0;
}

/** Options as they are written between parentheses: those that have their defaults are left out, but for the one that needs no name; secret ones show no value. */
export function shortOptions({ options: given }: Pick<PrintedBrick, 'options'>, declaration: BrickDeclaration | undefined): string {
  if (declaration === undefined) return optionsText(Object.entries(given));
  const { name: kind, options: all, shorthand } = declaration;
  const options: Record<string, OptionValue | undefined> = shownOptions(all, checkOptions(kind, all, given, shorthand));
  const first = shorthand === undefined ? undefined : options[shorthand];
  const others = all.filter((option) => option.name !== shorthand && !isDefault(options[option.name], option));
  return [...(first === undefined ? [] : [valueText(first)]), ...others.map(({ name }) => optionsText([[name, options[name]]]))].join(', ');
}

interface Writer { readonly brick: number; readonly output: number }

class ChainPrinter {
  private readonly declarations: readonly BrickDeclaration[];
  /** Bricks without a name whose link to the next one the text need not say. */
  private readonly direct = new Set<number>();
  private readonly writers = new Map<string, Writer>();

  constructor(private readonly bricks: readonly PrintedBrick[], private readonly known: KnownBricks) {
    this.declarations = bricks.map(({ kind }) => known.find(kind) ?? unknown(kind));
    bricks.forEach(({ outputs }, brick) => {
      if (this.declarations[brick].files !== 'sink') outputs.forEach((link, output) => this.writers.set(parseLinkName(link).text, { brick, output }));
    });
    this.findDirect();
  }

  lines(): string[] {
    const lines: string[] = [];
    let current = '';
    this.bricks.forEach((brick, index) => {
      current += current === '' ? this.inputsText(index) : '';
      current += `${current === '' ? '' : ' -> '}${this.item(index)}`;
      const next = this.continues(index);
      if (next !== undefined) {
        current += next;
        return;
      }
      const open = brick.outputs.map((_, output) => output).filter((output) => !this.isReferred(index, output));
      if (open.length === brick.outputs.length) {
        lines.push(open.length === 0 ? current : `${current} -> ${this.linksText(brick.outputs)}`);
      } else {
        lines.push(current);
        if (open.length > 0) lines.push(`${brick.name}[${collapseNumbers(open)}] -> ${this.linksText(open.map((output) => brick.outputs[output]))}`);
      }
      current = '';
    });
    return lines;
  }

  /** What stands between a brick and the next one, where the chain goes on; nothing where it ends. */
  private continues(index: number): string | undefined {
    const { outputs, name } = this.bricks[index];
    const next = this.bricks[index + 1];
    if (next === undefined || outputs.length === 0 || next.inputs.length !== outputs.length) return undefined;
    if (this.declarations[index].files === 'sink' || this.declarations[index + 1].files === 'source') return undefined;
    if (this.direct.has(index) || (name !== undefined && outputs.length === 1 && this.isReferred(index, 0) && next.inputs[0] === `${name}}0`)) return '';
    const isChain = outputs.every((link, output) => isWrittenEnd(link) && next.inputs[output] === readEnd(link) && !this.isReferred(index, output));
    return isChain ? ` -> ${this.linksText(outputs)}` : undefined;
  }

  /** Whether an output goes to a brick by its brick's name: `lb[0] -> ...`. */
  private isReferred(index: number, output: number): boolean {
    const { name, outputs } = this.bricks[index];
    return name !== undefined && outputs[output] === `${name}{${output}` && this.readers.has(`${name}}${output}`);
  }
  private get readers(): Set<string> {
    return this.readNames ??= new Set(this.bricks.flatMap(({ inputs }, index) => (this.declarations[index].files === 'source' ? [] : inputs)));
  }
  private readNames: Set<string> | undefined;

  private inputsText(index: number): string {
    const parts: string[] = [];
    const { inputs } = this.bricks[index];
    const isSource = this.declarations[index].files === 'source';
    for (let at = 0; at < inputs.length;) {
      const writer = isSource ? undefined : this.referredBy(inputs[at]);
      let end = at + 1;
      while (end < inputs.length && (isSource ? undefined : this.referredBy(inputs[end]))?.brick === writer?.brick) end++;
      const part = inputs.slice(at, end);
      parts.push(writer === undefined ? this.linksText(part) : this.reference(writer.brick, part.map((link) => (this.referredBy(link) as Writer).output)));
      at = end;
    }
    return parts.join(', ');
  }

  private referredBy(link: string): Writer | undefined {
    const peer = peerName(parseLinkName(link));
    const writer = peer === undefined ? undefined : this.writers.get(peer);
    return writer && this.isReferred(writer.brick, writer.output) && link === `${this.bricks[writer.brick].name}}${writer.output}` ? writer : undefined;
  }

  private reference(index: number, outputs: readonly number[]): string {
    const { name, outputs: all } = this.bricks[index];
    return all.length === 1 ? String(name) : `${name}[${collapseNumbers(outputs)}]`;
  }

  private item(index: number): string {
    const { name, kind } = this.bricks[index];
    return `${name === undefined ? '' : `${name}: `}${kind}${this.optionsOf(index)}`;
  }

  private optionsOf(index: number): string {
    const text = shortOptions(this.bricks[index], this.declarations[index]);
    return text === '' ? '' : `(${text})`;
  }

  private linksText(links: readonly string[]): string {
    return collapseLinks(links, (name) => isPlainLink(name) && !this.isTaken(name) && !this.isMisread(name), quote).map(({ text }) => text).join(', ');
  }

  private isTaken(word: string): boolean {
    return this.known.find(word) !== undefined || this.names.has(word);
  }
  private get names(): Set<string> {
    return this.ownNames ??= new Set(this.bricks.flatMap(({ name }) => name ?? []));
  }
  private ownNames: Set<string> | undefined;

  /** Words that a reader would take for a slip. */
  private isMisread(word: string): boolean {
    return /^[A-Z]/.test(word) || this.known.find(word.split(':')[1] ?? '') !== undefined;
  }

  /** Finds bricks whose link to the next one has the very name that it gets where the text says none. */
  private findDirect(): void {
    for (let index = 0; index + 1 < this.bricks.length; index++) {
      const { name, outputs } = this.bricks[index];
      const { inputs } = this.bricks[index + 1];
      const [device] = pipeDevice(outputs[0] ?? '');
      if (name === undefined && outputs.length === 1 && inputs.length === 1 && outputs[0] === `${device}{0` && inputs[0] === `${device}}0`
        && this.declarations[index].files !== 'sink' && this.declarations[index + 1].files !== 'source') this.direct.add(index);
    }
    // A name that the text has to say is taken, which may leave others to be said.
    for (let size = -1; size !== this.direct.size;) {
      size = this.direct.size;
      const taken = new Set([...this.names, ...this.saidDevices()]);
      for (const index of [...this.direct].sort((a, b) => a - b)) {
        const name = freeName(baseName({ declaration: this.declarations[index] }), (one) => taken.has(one));
        taken.add(name);
        if (this.bricks[index].outputs[0] !== `${name}{0`) this.direct.delete(index);
      }
    }
  }

  /** Devices of the pipes that the text has to name. */
  private saidDevices(): string[] {
    return this.bricks.flatMap(({ inputs, outputs }, index) => [
      ...(this.direct.has(index - 1) ? [] : inputs.filter((link) => this.declarations[index].files === 'source' || this.referredBy(link) === undefined)),
      ...(this.direct.has(index) ? [] : outputs.filter((_, output) => !this.isReferred(index, output))),
    ].flatMap(pipeDevice));
  }
}

function unknown(kind: string): BrickDeclaration {
  throw new BricksError('E_BRICK', `There is no brick "${kind}".`);
}

function isDefault(value: OptionValue | undefined, declaration: OptionDeclaration): boolean {
  return value === undefined || JSON.stringify(value) === JSON.stringify(declaration.default);
}

function isWrittenEnd(link: string): boolean {
  return parseLinkName(link).pipe?.end === 'master';
}
