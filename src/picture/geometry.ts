/** Where nodes and edges of an engine's drawing lie, in pixels: for SVG files, and for the page. */
import { layoutOf, type Layout } from './layout';
import type { Picture, PictureNode } from './picture';

const ROW = 12;
const NODE_ROWS = 3;
export const NODE_HEIGHT = 26;
const CHARACTER = 7.3;
/** Labels are smaller. */
const LABEL_CHARACTER = 6.8;
export const PADDING = 10;
/** Where edges bend between two layers; wider where they bend far, up to a limit. */
const BENDS = 46;
const STRAIGHT = 20;
const BENDS_MOST = 140;
const BENDS_PER_PIXEL = 0.4;
/** From the box where an edge begins to its label, and from a label to the arrow's point. */
const LABEL_START = 6;
const LABEL_END = 10;
/** From where the bend of an edge begins or ends to its label. */
const LABEL_GAP = 6;
/** Above the edge. */
const LABEL_RISE = 4;
const HEADING = 26;

export interface PlacedBox {
  /** Its index in the picture. */
  readonly node: number;
  readonly kind: PictureNode['kind'];
  readonly text: string;
  readonly x: number;
  /** Of its upper edge. */
  readonly y: number;
  readonly width: number;
}

export interface PlacedLine {
  /** As a path of SVG. */
  readonly path: string;
  /** Where its label stands. */
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'end';
}

export interface Geometry {
  readonly boxes: readonly PlacedBox[];
  /** In the order of the picture's edges. */
  readonly lines: readonly PlacedLine[];
  readonly width: number;
  readonly height: number;
}

/**
 * Between two layers lie, from left to right, labels of edges at their beginning, the bends, and labels at the end of edges: where a label stands, edges are straight,
 * each in its own row, so that none runs behind it. `labelLengths`: characters of the labels on the edges.
 */
export function geometryOf(picture: Picture, labelLengths: readonly number[]): Geometry {
  const layout = layoutOf(picture, () => NODE_ROWS);
  const { places, layers, steps } = layout;
  const widthOf = (place: number): number => {
    const { node } = places[place];
    return node === undefined ? 0 : [...picture.nodes[node].text].length * CHARACTER + 2 * PADDING;
  };
  const middle = (place: number): number => HEADING + places[place].row * ROW + ROW / 2;
  const spots = picture.edges.map((_, edge) => labelSpot(layout, edge));
  const widths = layers.map((layer) => Math.max(0, ...layer.map(widthOf)));
  const lefts: number[] = [];
  const bends: { readonly from: number; readonly to: number }[] = [];
  let left = 0;
  layers.forEach((_, layer) => {
    lefts.push(left);
    const behind = left + widths[layer];
    const labels = spots.map(({ place, atStart }, edge) => ({ place, atStart, width: labelLengths[edge] * LABEL_CHARACTER })).filter(({ width }) => width > 0);
    const starts = labels.filter(({ place, atStart }) => atStart && places[place].layer === layer).map(({ place, width }) => left + widthOf(place) + LABEL_START + width + LABEL_GAP);
    const ends = labels.filter(({ place, atStart }) => !atStart && places[place].layer === layer + 1).map(({ width }) => width + LABEL_END + LABEL_GAP);
    const fall = Math.max(0, ...steps.filter(({ from }) => places[from].layer === layer).map(({ from, to }) => Math.abs(middle(to) - middle(from))));
    const from = Math.max(behind, ...starts);
    const to = from + (fall === 0 ? STRAIGHT : Math.min(BENDS_MOST, Math.max(BENDS, BENDS_PER_PIXEL * fall)));
    bends.push({ from, to });
    left = to + Math.max(0, ...ends);
  });
  const lines = picture.edges.map((_, edge): PlacedLine => {
    const own = steps.filter((step) => step.edge === edge);
    const path = own.map(({ from, to }, index) => {
      const { layer } = places[from];
      const bend = bends[layer];
      const half = (bend.to - bend.from) / 2;
      const start = index === 0 ? `M${round(lefts[layer] + widthOf(from))} ${middle(from)} ` : '';
      const end = index === own.length - 1 ? ` H${round(lefts[layer + 1])}` : '';
      return `${start}H${round(bend.from)} C${round(bend.from + half)} ${middle(from)} ${round(bend.to - half)} ${middle(to)} ${round(bend.to)} ${middle(to)}${end}`;
    }).join(' ');
    const { place, atStart } = spots[edge];
    const x = lefts[places[place].layer] + (atStart ? widthOf(place) + LABEL_START : -LABEL_END);
    return { path, x: round(x), y: middle(place) - LABEL_RISE, anchor: atStart ? 'start' : 'end' };
  });
  const boxes = places.flatMap(({ node, layer }, place): PlacedBox[] => {
    if (node === undefined) return [];
    const { kind, text } = picture.nodes[node];
    return [{ node, kind, text, x: round(lefts[layer]), y: middle(place) - NODE_HEIGHT / 2, width: round(widthOf(place)) }];
  });
  const width = Math.max(...layers.map((_, index) => lefts[index] + widths[index]), picture.engine.length * CHARACTER + 60);
  return { boxes, lines, width, height: HEADING + layout.rows * ROW };
}

/** At which place the label of an edge stands: in front of its end, if it comes there alone; otherwise at its last bend, or behind its beginning. */
function labelSpot({ steps: all }: Layout, edge: number): { readonly place: number; readonly atStart: boolean } {
  const { from, to } = all.filter((step) => step.edge === edge).at(-1) as Layout['steps'][number];
  const isAlone = all.filter((step) => step.to === to).length === 1;
  return isAlone ? { place: to, atStart: false } : { place: from, atStart: true };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
