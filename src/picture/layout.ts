/**
 * Places a graph in layers from left to right, on a grid of whole rows: the same for terminals and for SVG.
 * As Sugiyama does it: layers, an order within each that crosses few edges, then rows near those of the neighbours.
 */
import type { Picture } from './picture';

export interface PlacedNode {
  /** Index in the picture; nothing for a bend of an edge that passes this layer. */
  readonly node: number | undefined;
  readonly layer: number;
  /** The row of its middle. */
  row: number;
  /** Rows that it takes. */
  readonly height: number;
}

/** One step of an edge, from a layer to the next. */
export interface PlacedStep {
  readonly from: number;
  readonly to: number;
  /** Index of the edge in the picture. */
  readonly edge: number;
}

export interface Layout {
  /** Those of the picture first, with the same indexes, then the bends. */
  readonly places: readonly PlacedNode[];
  /** Indexes of places, from the top down. */
  readonly layers: readonly (readonly number[])[];
  readonly steps: readonly PlacedStep[];
  readonly rows: number;
}

const ORDER_SWEEPS = 12;
/** More than a person can look at are left in the order in which they were met. */
const MOST_ORDERED = 1000;
const ROW_SWEEPS = 8;

/** `heightOf` tells how many rows a node takes, or a bend: an odd number. */
export function layoutOf({ nodes, edges }: Picture, heightOf: (node: number | undefined) => number): Layout {
  const layerOf = layersOf(nodes.length, edges, (node) => nodes[node].kind === 'source');
  const places: PlacedNode[] = nodes.map((_, node) => ({ node, layer: layerOf[node], row: 0, height: heightOf(node) }));
  const steps: PlacedStep[] = [];
  edges.forEach(({ from, to }, edge) => {
    let last = from;
    for (let layer = layerOf[from] + 1; layer < layerOf[to]; layer++) {
      places.push({ node: undefined, layer, row: 0, height: heightOf(undefined) });
      steps.push({ from: last, to: places.length - 1, edge });
      last = places.length - 1;
    }
    steps.push({ from: last, to, edge });
  });
  const before = places.map((): number[] => []);
  const behind = places.map((): number[] => []);
  for (const { from, to } of steps) {
    before[to].push(from);
    behind[from].push(to);
  }
  const layers = orderedLayers(places, before, behind);
  const rows = assignRows(places, layers, before, behind);
  return { places, layers, steps, rows };
}

/** Each node behind all that feed it; a source right in front of what it feeds. An edge that neither begins nor ends alone passes a layer, where its label stands. */
function layersOf(count: number, edges: Picture['edges'], isSource: (node: number) => boolean): number[] {
  const layers = Array.from({ length: count }, () => 0);
  const nexts = Array.from({ length: count }, (): number[] => []);
  const feeders = layers.map(() => 0);
  for (const { from, to } of edges) {
    nexts[from].push(to);
    feeders[to]++;
  }
  const open = [...feeders];
  const ready = layers.map((_, node) => node).filter((node) => open[node] === 0);
  for (let node = ready.shift(); node !== undefined; node = ready.shift()) {
    for (const next of nexts[node]) {
      layers[next] = Math.max(layers[next], layers[node] + (nexts[node].length > 1 && feeders[next] > 1 ? 2 : 1));
      if (--open[next] === 0) ready.push(next);
    }
  }
  layers.forEach((_, node) => {
    if (isSource(node) && nexts[node].length > 0) layers[node] = Math.min(...nexts[node].map((next) => layers[next])) - 1;
  });
  return layers;
}

function orderedLayers(places: readonly PlacedNode[], before: readonly number[][], behind: readonly number[][]): number[][] {
  const layers: number[][] = Array.from({ length: Math.max(0, ...places.map(({ layer }) => layer)) + 1 }, () => []);
  // As they are met from the sources on, output by output.
  const met = new Set<number>();
  const visit = (place: number): void => {
    const pending = [place];
    for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
      if (met.has(one)) continue;
      met.add(one);
      layers[places[one].layer].push(one);
      pending.push(...[...behind[one]].reverse());
    }
  };
  places.forEach((_, place) => { if (before[place].length === 0) visit(place); });
  places.forEach((_, place) => visit(place));
  let best = layers.map((layer) => [...layer]);
  let fewest = places.length > MOST_ORDERED ? 0 : crossings(layers, behind);
  for (let sweep = 0; sweep < ORDER_SWEEPS && fewest > 0; sweep++) {
    const forward = sweep % 2 === 0;
    const order = forward ? layers : [...layers].reverse();
    for (let index = 1; index < order.length; index++) sortByNeighbours(order[index], order[index - 1], forward ? before : behind);
    const now = crossings(layers, behind);
    if (now < fewest) {
      fewest = now;
      best = layers.map((layer) => [...layer]);
    }
  }
  return best;
}

/** Near the middle of what they are connected with in the layer beside; those without stay where they are. */
function sortByNeighbours(layer: number[], beside: readonly number[], neighbours: readonly number[][]): void {
  const position = new Map(beside.map((place, index) => [place, index]));
  const keys = new Map(layer.map((place, index) => {
    const known = neighbours[place].flatMap((one) => position.get(one) ?? []);
    return [place, known.length === 0 ? (index * beside.length) / layer.length : known.reduce((sum, one) => sum + one, 0) / known.length];
  }));
  layer.sort((a, b) => (keys.get(a) as number) - (keys.get(b) as number));
}

function crossings(layers: readonly number[][], behind: readonly number[][]): number {
  let count = 0;
  for (let index = 0; index + 1 < layers.length; index++) {
    const position = new Map(layers[index + 1].map((place, at) => [place, at]));
    // Pairs that are the wrong way round among the targets, in the order of the origins.
    const targets = layers[index].flatMap((place) => behind[place].map((next) => position.get(next) as number).sort((a, b) => a - b));
    for (let a = 0; a < targets.length; a++) for (let b = a + 1; b < targets.length; b++) if (targets[b] < targets[a]) count++;
  }
  return count;
}

/** Rows as near to the neighbours' as the order in a layer allows. Returns how many there are. */
function assignRows(places: readonly PlacedNode[], layers: readonly (readonly number[])[], before: readonly number[][], behind: readonly number[][]): number {
  for (const layer of layers) fit(places, layer, layer.map(() => 0));
  for (let sweep = 0; sweep < ROW_SWEEPS; sweep++) {
    const forward = sweep % 2 === 0;
    for (const layer of forward ? layers : [...layers].reverse()) {
      fit(places, layer, layer.map((place) => {
        const neighbours = (forward ? before : behind)[place];
        return neighbours.length === 0 ? places[place].row : neighbours.reduce((sum, one) => sum + places[one].row, 0) / neighbours.length;
      }));
    }
  }
  const top = Math.min(...places.map(({ row, height }) => row - (height - 1) / 2));
  for (const place of places) place.row -= top;
  return Math.max(0, ...places.map(({ row, height }) => row + (height + 1) / 2));
}

/** Least squares under the condition that none covers the next: blocks that would are put together at their mean. */
function fit(places: readonly PlacedNode[], layer: readonly number[], wanted: readonly number[]): void {
  const offsets: number[] = [];
  layer.forEach((place, index) => {
    const previous = index > 0 ? places[layer[index - 1]] : undefined;
    offsets.push(previous === undefined ? 0 : offsets[index - 1] + (previous.height + places[place].height) / 2);
  });
  const blocks: { sum: number; count: number }[] = [];
  wanted.forEach((row, index) => {
    let block = { sum: row - offsets[index], count: 1 };
    for (let last = blocks[blocks.length - 1]; last !== undefined && last.sum / last.count >= block.sum / block.count; last = blocks[blocks.length - 1]) {
      block = { sum: block.sum + last.sum, count: block.count + last.count };
      blocks.pop();
    }
    blocks.push(block);
  });
  let index = 0;
  for (const { sum, count } of blocks) {
    const base = Math.round(sum / count);
    for (let step = 0; step < count; step++, index++) places[layer[index]].row = base + offsets[index];
  }
}
