/** Where nodes and edges of an engine's drawing lie, in pixels: for SVG files, and for the page. */
import { layoutOf, type Layout } from './layout';
import type { Picture, PictureNode } from './picture';

const ROW = 12;
const NODE_ROWS = 3;
export const NODE_HEIGHT = 26;
const CHARACTER = 7.3;
export const PADDING = 10;
const CHANNEL = 46;
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

/** `labelLengths`: characters of the labels on the edges. */
export function geometryOf(picture: Picture, labelLengths: readonly number[]): Geometry {
  const layout = layoutOf(picture, () => NODE_ROWS);
  const { places, layers } = layout;
  const widthOf = (place: number): number => {
    const { node } = places[place];
    return node === undefined ? 0 : [...picture.nodes[node].text].length * CHARACTER + 2 * PADDING;
  };
  const lefts: number[] = [];
  const widths: number[] = [];
  let left = 0;
  layers.forEach((layer, index) => {
    lefts.push(left);
    widths.push(Math.max(0, ...layer.map(widthOf)));
    left += widths[index] + channelWidth(layout, index, labelLengths);
  });
  const middle = (place: number): number => HEADING + places[place].row * ROW + ROW / 2;
  const lines = picture.edges.map((_, edge): PlacedLine => {
    const steps = layout.steps.filter((step) => step.edge === edge);
    const path = steps.map(({ from, to }, index) => {
      const layer = places[from].layer;
      const x1 = lefts[layer] + (places[from].node === undefined ? widths[layer] : widthOf(from));
      const x2 = lefts[layer + 1];
      const bend = (x2 - x1) / 2;
      const start = index === 0 ? `M${round(x1)} ${middle(from)}` : `H${round(x1)}`;
      return `${start} C${round(x1 + bend)} ${middle(from)} ${round(x2 - bend)} ${middle(to)} ${round(x2)} ${middle(to)}`;
    }).join(' ');
    return { path, ...labelPlace(steps, layout) };
  });
  function labelPlace(steps: Layout['steps'], { steps: all }: Layout): { x: number; y: number; anchor: 'start' | 'end' } {
    const { from, to } = steps[steps.length - 1];
    const isAlone = all.filter((step) => step.to === to).length === 1;
    // Where several edges come to one node: at the last bend, or where this one begins.
    if (!isAlone && steps.length > 1) return { x: round(lefts[places[from].layer] + 4), y: middle(from) - 4, anchor: 'start' };
    if (!isAlone && all.filter((step) => step.from === from).length === 1) return { x: round(lefts[places[from].layer] + widthOf(from) + 6), y: middle(from) - 4, anchor: 'start' };
    return { x: round(lefts[places[to].layer] - 10), y: middle(to) - 4, anchor: 'end' };
  }
  const boxes = places.flatMap(({ node, layer }, place): PlacedBox[] => {
    if (node === undefined) return [];
    const { kind, text } = picture.nodes[node];
    return [{ node, kind, text, x: round(lefts[layer]), y: middle(place) - NODE_HEIGHT / 2, width: round(widthOf(place)) }];
  });
  const width = Math.max(...layers.map((_, index) => lefts[index] + widths[index]), picture.engine.length * CHARACTER + 60);
  return { boxes, lines, width, height: HEADING + layout.rows * ROW };
}

function channelWidth({ places, steps }: Layout, layer: number, labelLengths: readonly number[]): number {
  const longest = Math.max(0, ...steps.filter(({ from, to }) => places[from].layer === layer && places[to].node !== undefined).map(({ edge }) => labelLengths[edge]));
  return CHANNEL + longest * CHARACTER;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
