/** Follows the arrows of an engine's chains: gives bricks their inputs and outputs. */
import { nearest, type BricksError } from '../model/errors';
import { parseLinkName } from '../model/link-name';
import type { BrickFinder, KnownBricks, ResolvedChain, ResolvedItem, TextBrick } from './bricks';
import { at } from './values';
import type { SourceText, Span } from './source-text';

/** Where packets come from at an arrow. */
type Origin =
  | { readonly link: string; readonly place: Span }
  | { readonly brick: TextBrick; readonly output?: number; readonly place: Span };
/** Where they go to. */
type Target =
  | { readonly link: string; readonly place: Span }
  | { readonly brick: TextBrick; readonly place: Span };

/** Links between bricks that the text does not name are called by the brick in front: `lb{0`, or `filter{0` for a Filter without a name. */
export function baseName({ name, declaration }: { readonly name?: string; readonly declaration: { readonly name: string } }): string {
  return name ?? declaration.name[0].toLowerCase() + declaration.name.slice(1);
}

/** The first of `filter`, `filter2`, `filter3` ... that is free. */
export function freeName(base: string, isTaken: (name: string) => boolean): string {
  let name = base;
  for (let number = 2; isTaken(name); number++) name = `${base}${number}`;
  return name;
}

export class Connector {
  /** Names that pipes and bricks of this engine have. */
  private readonly taken = new Set<string>();
  private readonly devices = new Map<TextBrick, string>();

  constructor(private readonly source: SourceText, private readonly finder: BrickFinder, private readonly known: KnownBricks) {}

  /** @throws BricksError that shows the place */
  connect(chains: readonly ResolvedChain[]): void {
    for (const { name } of this.finder.bricks) if (name !== undefined) this.taken.add(name);
    for (const { segments } of chains) for (const item of segments.flat()) if (item.kind === 'links') for (const device of item.names.flatMap(pipeDevice)) this.taken.add(device);
    for (const chain of chains) this.follow(chain);
  }

  private follow({ segments, place }: ResolvedChain): void {
    if (segments.length === 1) this.checkAlone(segments[0], place);
    let origins: Origin[] = [];
    segments.forEach((segment, index) => {
      const targets = segment.flatMap(targetsOf);
      const isLast = index === segments.length - 1;
      if (!isLast) origins.forEach((origin) => this.checkMayGoOn(origin));
      if (index > 0) this.join(origins, targets);
      if (isLast) this.checkEnd(segment);
      else origins = segment.flatMap((item) => this.originsOf(item, targets, index > 0));
    });
  }

  /** A statement without an arrow only makes bricks. */
  private checkAlone(items: readonly ResolvedItem[], place: Span): void {
    for (const item of items) {
      if (item.kind === 'links') throw this.error(item.place, 'E_SETUP', `${item.names[0]} leads nowhere.`, `Write where its packets go: ${item.names[0]} -> LoadBalancer -> ...`);
      if (!this.finder.bricks.some((brick) => brick.place.start === item.place.start)) throw this.error(place, 'E_SETUP', 'This brick leads nowhere.', 'Write where its packets go: lb[0] -> ...');
    }
  }

  private checkMayGoOn(origin: Origin): void {
    if ('link' in origin || origin.brick.declaration.files !== 'sink') return;
    throw this.error(origin.place, 'E_LINK_KIND', `${origin.brick.declaration.name} writes files, so nothing comes after them.`, 'Put a Duplicator in front of it to send the packets elsewhere too.');
  }

  private checkEnd(items: readonly ResolvedItem[]): void {
    for (const item of items) {
      if (item.kind === 'brick' && item.outputs !== undefined) throw this.error(item.outputs, 'E_SETUP', 'Outputs in brackets are for an arrow behind them.', 'Write where their packets go: lb[0] -> ...');
    }
  }

  private originsOf(item: ResolvedItem, targets: readonly Target[], isInner: boolean): Origin[] {
    if (item.kind === 'brick') {
      const { brick, outputs, place } = item;
      return outputs === undefined ? [{ brick, place }] : outputs.numbers.map((output) => ({ brick, output, place: outputs }));
    }
    if (!isInner) return item.names.map((link) => ({ link, place: item.place }));
    return targets.flatMap((target) => ('link' in target && target.place === item.place ? [{ link: this.otherEnd(target), place: item.place }] : []));
  }

  /** The end at which a brick reads what the one before it writes. */
  private otherEnd({ link, place }: { readonly link: string; readonly place: Span }): string {
    const { kind, pipe, device } = at(this.source, place, () => parseLinkName(link));
    if (pipe?.end === 'master') return readEnd(link);
    if (pipe) throw this.error(place, 'E_LINK_KIND', `${link} stands between bricks, but is the end of the pipe that is read.`, `Write the other one: ${device}{${pipe.id}`);
    const guess = nearest(link, this.known.names);
    throw this.error(place, 'E_LINK_KIND', `${link} stands between bricks, but is ${kind === 'file' ? 'a file' : 'an interface'}: what is written there is not read back.`, guess ? `Did you mean the brick ${guess}?` : 'Only a pipe can stand there (x{0). End the chain here and begin another, or send a copy: ... -> Duplicator -> ...');
  }

  /** One target takes all, one brick gives each target an output of its own, and as many as there are on both sides go pairwise. */
  private join(origins: readonly Origin[], targets: readonly Target[]): void {
    const [first] = origins;
    const [target] = targets;
    if (targets.length === 1 && 'link' in target && origins.length > 1) {
      const links = origins.every((origin) => 'link' in origin);
      if (!links) throw this.error(target.place, 'E_LINK_TWICE', `${target.link} would get the packets of ${origins.length} outputs.`, `Join them first: ... -> Merge -> ${target.link}`);
      const brick = this.finder.bridge(target.place);
      origins.forEach((origin) => this.join([origin], [{ brick, place: target.place }]));
      this.connectOne({ brick, place: target.place }, target);
    } else if (targets.length === 1) {
      origins.forEach((origin) => this.connectOne(origin, target));
    } else if (origins.length === 1 && 'brick' in first && first.output === undefined) {
      targets.forEach((one) => this.connectOne(first, one));
    } else if (origins.length === targets.length) {
      origins.forEach((origin, index) => this.connectOne(origin, targets[index]));
    } else if (origins.length === 1 && 'link' in first) {
      throw this.error(target.place, 'E_SETUP', `${first.link} has ${targets.length} targets.`, 'Say what each gets: a LoadBalancer splits packets among them, a Duplicator gives each a copy.');
    } else {
      throw this.error(target.place, 'E_SETUP', `${origins.length === 1 ? 'One output' : `${origins.length} outputs`} can't go to ${targets.length} targets.`, 'Name as many targets as outputs, or one target for all.');
    }
  }

  private connectOne(origin: Origin, target: Target): void {
    if ('link' in origin) {
      if ('brick' in target) {
        this.checkedName(origin, target.brick.declaration.files === 'source' && target.brick.inputs.length === 0);
        target.brick.inputs.push({ link: origin.link, place: origin.place });
        return;
      }
      const brick = this.finder.bridge(target.place);
      this.connectOne(origin, { brick, place: target.place });
      this.connectOne({ brick, place: target.place }, target);
      return;
    }
    const { brick } = origin;
    const output = origin.output ?? brick.outputs.length;
    const before = brick.outputs[output];
    if (before !== undefined) throw this.error(origin.place, 'E_LINK_TWICE', `Output ${output} of ${brick.name ?? brick.declaration.name} goes to ${before.link} already.`, 'Connect each output once; a Duplicator gives copies.');
    if ('brick' in target) {
      this.checkMayGoOn(origin);
      const { name, files } = target.brick.declaration;
      if (files === 'source') throw this.error(target.place, 'E_LINK_KIND', `${name} reads capture files, and takes no packets from other bricks.`, `Begin the chain with it: trace.pcap -> ${name} -> ...`);
      const device = this.deviceOf(brick);
      brick.outputs[output] = { link: `${device}{${output}`, place: origin.place };
      target.brick.inputs.push({ link: `${device}}${output}`, place: target.place });
      return;
    }
    this.checkedName(target, brick.declaration.files === 'sink');
    brick.outputs[output] = { link: target.link, place: target.place };
  }

  private checkedName({ link, place }: { readonly link: string; readonly place: Span }, isFile: boolean): void {
    at(this.source, place, () => parseLinkName(link, isFile ? 'file' : undefined));
  }

  private deviceOf(brick: TextBrick): string {
    const known = this.devices.get(brick);
    if (known !== undefined) return known;
    const name = brick.name ?? freeName(baseName(brick), (one) => this.taken.has(one));
    this.taken.add(name);
    this.devices.set(brick, name);
    return name;
  }

  private error(...given: Parameters<SourceText['error']>): BricksError {
    return this.source.error(...given);
  }
}

function targetsOf(item: ResolvedItem): Target[] {
  return item.kind === 'brick' ? [{ brick: item.brick, place: item.place }] : item.names.map((link) => ({ link, place: item.place }));
}

/** The end at which a pipe is read, whose other end is given: eth3}0 for eth3{0, with what stands before it. */
export function readEnd(link: string): string {
  const brace = link.lastIndexOf('{');
  return `${link.slice(0, brace)}}${link.slice(brace + 1)}`;
}

/** The name in front of the brace, of a pipe. */
export function pipeDevice(name: string): string[] {
  try {
    const { pipe, device } = parseLinkName(name);
    return pipe ? [device] : [];
  } catch {
    return []; // said where it is connected
  }
}
