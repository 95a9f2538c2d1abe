/** Draws an engine with the characters of a terminal. */
import { Canvas } from './canvas';
import { routeChannel, type ChannelStep } from './channel';
import { layoutOf, type Layout } from './layout';
import type { Picture } from './picture';

/** Longest texts that are tried, until the drawing is narrow enough. */
const TEXT_LIMITS = [Infinity, 48, 32, 20, 12];
const BOX_ROWS = 3;

/** The drawing, or nothing where it is wider than so many columns. `labels` are those of the edges. */
export function drawInTerminal(picture: Picture, columns: number, labels: readonly string[]): string | undefined {
  // Rows are the same however short the texts are.
  let layout = layoutOf(picture, (node) => (node !== undefined && picture.nodes[node].kind === 'brick' ? BOX_ROWS : 1));
  for (const limit of TEXT_LIMITS) {
    const texts = picture.nodes.map(({ text }) => shortened(text, limit));
    let text = drawLayout(picture, texts, labels, layout);
    if (text === undefined) {
      // Lines that can't be told apart otherwise need rows between links.
      layout = layoutOf(picture, () => BOX_ROWS);
      text = drawLayout(picture, texts, labels, layout) as string;
    }
    if (Math.max(...text.split('\n').map((line) => [...line].length)) <= columns) return text;
  }
  return undefined;
}

function shortened(text: string, limit: number): string {
  const characters = [...text];
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join('')}…`;
}

/** Nothing where links lie too close. */
function drawLayout(picture: Picture, texts: readonly string[], labels: readonly string[], layout: Layout): string | undefined {
  const { places, layers, steps, rows } = layout;
  const canvas = new Canvas(rows);
  const isBox = (place: number): boolean => places[place].node !== undefined && picture.nodes[places[place].node as number].kind === 'brick';
  const widthOf = (place: number): number => {
    const { node } = places[place];
    return node === undefined ? 0 : [...texts[node]].length + (isBox(place) ? 4 : 0);
  };
  const bendLabels = labelsOfBends(layout, labels);
  let left = 0;
  for (const [index, layer] of layers.entries()) {
    const width = Math.max(0, ...layer.map((place) => (places[place].node === undefined ? [...bendLabels.get(place) ?? ''].length + 2 : widthOf(place) + (isBox(place) ? 0 : 1))));
    for (const place of layer) {
      const { node, row } = places[place];
      const goesOn = steps.some(({ from }) => from === place);
      if (node === undefined) {
        canvas.line(row, left, left + width, place);
        canvas.text(row, left + 1, bendLabels.get(place) ?? '');
        continue;
      }
      if (isBox(place)) canvas.box(row, left, texts[node]);
      else canvas.text(row, left + (goesOn ? 0 : 1), texts[node]);
      if (goesOn) canvas.line(row, left + widthOf(place) + (isBox(place) ? 0 : 1), left + width, place);
      if (goesOn && isBox(place)) canvas.text(row, left + widthOf(place) - 1, '├');
    }
    left += width;
    if (index + 1 === layers.length) break;
    const between = steps.filter(({ from }) => places[from].layer === index);
    const next = routeChannel(canvas, left, between.map((step) => channelStep(layout, step, labels, bendLabels)));
    if (next === undefined) return undefined;
    left = next;
  }
  return canvas.toString();
}

/** What routing has to know of a step. */
function channelStep({ places, steps }: Layout, { from, to, edge }: Layout['steps'][number], labels: readonly string[], bendLabels: ReadonlyMap<number, string>): ChannelStep {
  const origins = steps.filter((step) => step.to === to).length;
  const targets = steps.filter((step) => step.from === from).length;
  const isLabelled = [...bendLabels.keys()].some((bend) => steps.some((step) => step.edge === edge && step.to === bend));
  const label = isLabelled ? '' : labels[edge];
  const end = places[to].node !== undefined;
  return {
    net: from, target: to, fromRow: places[from].row, toRow: places[to].row, spare: places[to].height > 1, arrow: end,
    endLabel: origins === 1 && end ? label : '', startLabel: origins > 1 && targets === 1 && end ? label : '',
  };
}

/** Edges that neither begin nor end alone have their label at a bend. */
function labelsOfBends({ places, steps }: Layout, labels: readonly string[]): Map<number, string> {
  const found = new Map<number, string>();
  const seen = new Set<number>();
  for (const { to, edge } of steps) {
    if (places[to].node !== undefined || seen.has(edge)) continue;
    const last = steps.filter((step) => step.edge === edge).at(-1) as Layout['steps'][number];
    if (steps.filter((step) => step.to === last.to).length === 1) continue;
    seen.add(edge);
    found.set(to, labels[edge]);
  }
  return found;
}
