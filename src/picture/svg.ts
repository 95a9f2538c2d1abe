/** Draws engines as an SVG file that stands alone: no font, style or script from elsewhere, light and dark. */
import { NODE_HEIGHT, PADDING, geometryOf } from './geometry';
import type { Picture } from './picture';

const MARGIN = 16;

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
  const { boxes, lines, width, height } = geometryOf(picture, labels.map((label) => [...label].length));
  const parts = [`<text class="engine" x="0" y="14">${xml(`engine ${picture.engine}`)}</text>`];
  lines.forEach(({ path, x, y, anchor }, edge) => {
    parts.push(`<path class="edge" d="${path}" marker-end="url(#arrow)"/>`);
    const label = labels[edge];
    if (label !== '') parts.push(`<text class="label${label.includes('dropped') ? ' dropping' : ''}" text-anchor="${anchor}" x="${x}" y="${y}">${xml(label)}</text>`);
  });
  for (const { kind, text, x, y, width: wide } of boxes) {
    parts.push(
      `<rect class="${kind === 'brick' ? 'brick' : 'link'}" x="${x}" y="${y}" width="${wide}" height="${NODE_HEIGHT}" rx="${kind === 'brick' ? 4 : 13}"/>`,
      `<text x="${round(x + PADDING)}" y="${y + NODE_HEIGHT / 2 + 4}" textLength="${round(wide - 2 * PADDING)}">${xml(text)}</text>`,
    );
  }
  return { parts, width, height };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
