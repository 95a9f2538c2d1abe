/** What a drawing of an engine shows: links and bricks as nodes, and what goes from one to the other. */
import type { GraphDescription, GraphBrick } from '../control/graph-description';
import { LINK_A_BRICK, isUnlinked } from '../control/unlinked';
import { parseLinkName, peerName } from '../model/link-name';
import { isPlainLink, quote } from '../text/quoting';
import { collapseLinks, collapseNumbers } from '../text/ranges';
import type { KnownBricks } from '../text';
import { shortOptions } from '../text/printer';

export interface PictureNode {
  /** `note`: what stands in the place of a graph. */
  readonly kind: 'source' | 'brick' | 'sink' | 'note';
  /** A link or a range of links; a brick with its options; words. */
  readonly text: string;
  /** A brick's name, or its kind: what statistics call it. */
  readonly label: string;
}

export interface PictureEdge {
  /** Indexes of nodes. */
  readonly from: number;
  readonly to: number;
  /** Numbers of outputs, where the brick has several: `0`, `1..3`. */
  readonly outputs: string;
  /** The links that it stands for, as statistics name them. */
  readonly links: readonly string[];
}

export interface Picture {
  readonly engine: string;
  readonly running: boolean;
  readonly nodes: readonly PictureNode[];
  readonly edges: readonly PictureEdge[];
}

export function pictureOf({ name, running, bricks }: GraphDescription, known: KnownBricks): Picture {
  const nodes: PictureNode[] = bricks.map((brick) => ({ kind: 'brick', text: brickText(brick, known), label: brick.label }));
  const edges: PictureEdge[] = [];
  const writers = new Map(bricks.flatMap((brick, index) => brick.outputs.map((link, output) => [textOf(link, brick, known, 'output', output), { index, output }] as const)));
  const inner = new Set<string>();
  bricks.forEach((brick, to) => {
    const outside: string[] = [];
    const inside = new Map<number, { outputs: number[]; links: string[] }>();
    brick.inputs.forEach((link, position) => {
      const text = textOf(link, brick, known, 'input', position);
      if (isUnopened(link, brick, known, position)) return;
      const peer = isFileInput(brick, known, position) ? undefined : peerName(parseLinkName(link));
      const writer = peer === undefined ? undefined : writers.get(peer);
      if (writer === undefined) {
        outside.push(text);
        return;
      }
      inner.add(peer as string);
      const edge = inside.get(writer.index) ?? { outputs: [], links: [] };
      inside.set(writer.index, edge);
      edge.outputs.push(writer.output);
      edge.links.push(text);
    });
    for (const { text, names } of grouped(outside)) {
      nodes.push({ kind: 'source', text, label: text });
      edges.push({ from: nodes.length - 1, to, outputs: '', links: names });
    }
    for (const [from, { outputs, links }] of inside) edges.push({ from, to, outputs: numbersText(outputs, bricks[from]), links });
  });
  bricks.forEach((brick, from) => {
    const names = brick.outputs.map((link, output) => textOf(link, brick, known, 'output', output));
    const open = names.map((_, output) => output).filter((output) => !inner.has(names[output]));
    let at = 0;
    for (const { text, names: links } of grouped(open.map((output) => names[output]))) {
      nodes.push({ kind: 'sink', text, label: text });
      edges.push({ from, to: nodes.length - 1, outputs: numbersText(open.slice(at, at += links.length), brick), links });
    }
  });
  if (isUnlinked({ bricks })) nodes.push({ kind: 'note', text: `no bricks. ${LINK_A_BRICK}`, label: '' });
  return { engine: name, running, nodes, edges };
}

function brickText(brick: GraphBrick, known: KnownBricks): string {
  const { label, kind, name } = brick;
  const options = shortOptions(brick, known.find(kind));
  return `${name === undefined ? label : `${name}: ${kind}`}${options === '' ? '' : `(${options})`}`;
}

function grouped(names: readonly string[]) {
  return collapseLinks(names, isPlainLink, quote);
}

function numbersText(outputs: readonly number[], { outputs: all }: GraphBrick): string {
  return all.length > 1 ? collapseNumbers(outputs) : '';
}

function isFileInput({ kind }: GraphBrick, known: KnownBricks, position: number): boolean {
  return known.find(kind)?.files === 'source' && position === 0;
}

/** The interface behind the file of a PcapReader, which is not opened. */
function isUnopened(link: string, { kind }: GraphBrick, known: KnownBricks, position: number): boolean {
  return known.find(kind)?.files === 'source' && position > 0 && parseLinkName(link).kind !== 'file';
}

/** The name of a link as statistics have it. */
function textOf(link: string, brick: GraphBrick, known: KnownBricks, side: 'input' | 'output', position: number): string {
  const isFile = side === 'output' ? known.find(brick.kind)?.files === 'sink' : isFileInput(brick, known, position);
  return parseLinkName(link, isFile ? 'file' : undefined).text;
}
