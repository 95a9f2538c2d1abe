/** Draws engines as an SVG file that stands alone: no font, style or script from elsewhere, light and dark. */
import { layoutOf, type Layout } from './layout';
import type { Picture } from './picture';

const ROW = 12;
const NODE_ROWS = 3;
const NODE_HEIGHT = 26;
const CHARACTER = 7.3;
const PADDING = 10;
const CHANNEL = 46;
const MARGIN = 16;
const HEADING = 26;

const STYLE = [
  'svg{background:#fff;color:#1c2733}',
  'text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:currentColor}',
  '.engine{font-weight:bold}',
  '.label{font-size:11px;fill:#4a5b6c;paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}',
  '.dropping{fill:#b3261e}',
  '.brick{fill:#e8f0fa;stroke:#3b6ea5}',
  '.link{fill:none;stroke:#9fb0c0;stroke-dasharray:3 3}',
  '.edge{fill:none;stroke:#3b6ea5;stroke-width:1.3}',
  '.arrow{fill:#3b6ea5}',
  '@media(prefers-color-scheme:dark){svg{background:#12181f;color:#e3e9ef}.label{fill:#a9b8c6;stroke:#12181f}.dropping{fill:#ff8a80}.brick{fill:#1d2c3d;stroke:#7fb0e6}.link{stroke:#5b6c7d}.edge{stroke:#7fb0e6}.arrow{fill:#7fb0e6}}',
].join('');

/** Text of XML: what it can't hold is left out. */
function xml(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, '\ufffd').replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

interface Drawn {
  readonly parts: readonly string[];
  readonly width: number;
  readonly height: number;
}

/** `labels` are those of the edges, for each picture; those that tell of drops are red. */
export function toSvg(pictures: readonly Picture[], labels: readonly (readonly string[])[]): string {
  let top = MARGIN;
  const parts: string[] = [];
  let width = 0;
  pictures.forEach((picture, index) => {
    const drawn = drawEngine(picture, labels[index]);
    parts.push(`<g transform="translate(${MARGIN} ${top})">`, ...drawn.parts, '</g>');
    top += drawn.height + MARGIN;
    width = Math.max(width, drawn.width + 2 * MARGIN);
  });
  const title = `Packet Bricks: ${pictures.map(({ engine }) => `engine ${engine}`).join(', ')}`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${top}" viewBox="0 0 ${Math.ceil(width)} ${top}" role="img" aria-label="${xml(title)}">`,
    `<title>${xml(title)}</title>`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="arrow" d="M0 0 8 4 0 8z"/></marker></defs>',
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function drawEngine(picture: Picture, labels: readonly string[]): Drawn {
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
    left += widths[index] + channelWidth(layout, index, labels);
  });
  const width = Math.max(...layers.map((_, index) => lefts[index] + widths[index]), picture.engine.length * CHARACTER + 60);
  const middle = (place: number): number => HEADING + places[place].row * ROW + ROW / 2;
  const parts = [`<text class="engine" x="0" y="14">${xml(`engine ${picture.engine}`)}</text>`];
  picture.edges.forEach((_, edge) => {
    const steps = layout.steps.filter((step) => step.edge === edge);
    const path = steps.map(({ from, to }, index) => {
      const layer = places[from].layer;
      const x1 = lefts[layer] + (places[from].node === undefined ? widths[layer] : widthOf(from));
      const x2 = lefts[layer + 1];
      const bend = (x2 - x1) / 2;
      const start = index === 0 ? `M${round(x1)} ${middle(from)}` : `H${round(x1)}`;
      return `${start} C${round(x1 + bend)} ${middle(from)} ${round(x2 - bend)} ${middle(to)} ${round(x2)} ${middle(to)}`;
    }).join(' ');
    parts.push(`<path class="edge" d="${path}" marker-end="url(#arrow)"/>`);
    if (labels[edge] !== '') parts.push(labelText(labels[edge], labelPlace(steps, layout)));
  });
  function labelPlace(steps: Layout['steps'], { steps: all }: Layout): { x: number; y: number; anchor: 'start' | 'end' } {
    const { from, to } = steps[steps.length - 1];
    const isAlone = all.filter((step) => step.to === to).length === 1;
    // Where several edges come to one node: at the last bend, or where this one begins.
    if (!isAlone && steps.length > 1) return { x: lefts[places[from].layer] + 4, y: middle(from) - 4, anchor: 'start' };
    if (!isAlone && all.filter((step) => step.from === from).length === 1) return { x: lefts[places[from].layer] + widthOf(from) + 6, y: middle(from) - 4, anchor: 'start' };
    return { x: lefts[places[to].layer] - 10, y: middle(to) - 4, anchor: 'end' };
  }
  places.forEach(({ node, layer }, place) => {
    if (node === undefined) return;
    const { kind, text } = picture.nodes[node];
    const y = middle(place) - NODE_HEIGHT / 2;
    parts.push(
      `<rect class="${kind === 'brick' ? 'brick' : 'link'}" x="${round(lefts[layer])}" y="${y}" width="${round(widthOf(place))}" height="${NODE_HEIGHT}" rx="${kind === 'brick' ? 4 : 13}"/>`,
      `<text x="${round(lefts[layer] + PADDING)}" y="${middle(place) + 4}" textLength="${round(widthOf(place) - 2 * PADDING)}">${xml(text)}</text>`,
    );
  });
  return { parts, width, height: HEADING + layout.rows * ROW };
}

function labelText(label: string, { x, y, anchor }: { readonly x: number; readonly y: number; readonly anchor: string }): string {
  return `<text class="label${label.includes('dropped') ? ' dropping' : ''}" text-anchor="${anchor}" x="${round(x)}" y="${y}">${xml(label)}</text>`;
}

function channelWidth({ places, steps }: Layout, layer: number, labels: readonly string[]): number {
  const longest = Math.max(0, ...steps.filter(({ from, to }) => places[from].layer === layer && places[to].node !== undefined).map(({ edge }) => [...labels[edge]].length));
  return CHANNEL + longest * CHARACTER;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
