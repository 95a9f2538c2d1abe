/** The drawing of the engines: rates on the edges, drops in red, each part to be chosen with the mouse or the keyboard. */
import { shortNumber, withUnit } from '../control/number-text';
import type { Rate } from '../control/rate-meter';
import type { WebDrop, WebEngine, WebState } from '../observe/web-messages';
import { NODE_HEIGHT, PADDING, geometryOf } from '../picture/geometry';
import type { Picture } from '../picture/picture';
import { element, setText, svg } from './dom';

/** The longest labels: of links inside, and of those where packets may be dropped. Outputs stand in front. */
const [RATE_CHARACTERS, DROPS_CHARACTERS] = ['19.8 k/s', '4.78 k/s, 4.53 k/s dropped'].map((label) => label.length + 1);

export interface Choice {
  readonly engine: string;
  /** The links that an edge stands for; or the label of a brick. */
  readonly names: readonly string[];
  readonly title: string;
}

interface Part {
  readonly group: SVGGElement;
  readonly label: SVGTextElement | undefined;
  readonly title: SVGTitleElement;
  readonly choice: Choice;
  readonly prefix: string;
}

export class GraphView {
  private parts: Part[] = [];
  private chosen: Part | undefined;

  constructor(private readonly target: HTMLElement, private readonly choose: (choice: Choice) => void) {}

  draw(pictures: readonly Picture[]): void {
    this.parts = [];
    this.target.replaceChildren(...pictures.map((picture) => {
      const { engine, running, nodes, edges } = picture;
      // Without edges it is a note, which wraps.
      return element('div', { class: 'graph' }, element('h3', {}, `engine ${engine}${running || edges.length === 0 ? '' : ' (stopped)'}`), edges.length === 0 ? element('p', { class: 'hint' }, nodes.map(({ text }) => text).join(' ')) : this.drawEngine(picture));
    }));
    if (pictures.length === 0) this.target.replaceChildren(element('p', { class: 'hint' }, 'There are no engines yet.'));
  }

  /** Chooses the first part, if none is. */
  get first(): Choice | undefined {
    return this.parts[0]?.choice;
  }

  private drawEngine(picture: Picture): SVGSVGElement {
    const { engine, edges, nodes } = picture;
    const { boxes, lines, width, height } = geometryOf(picture, edges.map(({ from, to, outputs }) => prefixOf(outputs).length + (nodes[from].kind === 'brick' && nodes[to].kind === 'brick' ? RATE_CHARACTERS : DROPS_CHARACTERS)));
    const marker = `arrow-${this.parts.length}`;
    const drawing = svg('svg', { width: width + 16, height: height + 16, viewBox: `-4 14 ${width + 16} ${height}`, role: 'group', 'aria-label': `Graph of engine ${engine}` },
      svg('defs', {}, svg('marker', { id: marker, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' }, svg('path', { d: 'M0 0 8 4 0 8z' }))));
    lines.forEach(({ path, x, y, anchor }, index) => {
      const { links, outputs, from, to } = edges[index];
      const label = svg('text', { class: 'label', x, y, 'text-anchor': anchor });
      const group = svg('g', {}, svg('path', { class: 'hit', d: path }), svg('path', { class: 'edge', d: path, 'marker-end': `url(#${marker})` }), label);
      const title = `${nodes[from].text} to ${nodes[to].text}${outputs === '' ? '' : `, output ${outputs}`}`;
      this.add(drawing, { group, label, choice: { engine, names: links, title }, prefix: prefixOf(outputs) });
    });
    for (const { node, kind, text, x, y, width: wide } of boxes) {
      const group = svg('g', {}, svg('rect', { class: kind === 'brick' ? 'brick' : 'link', x, y, width: wide, height: NODE_HEIGHT, rx: kind === 'brick' ? 4 : 13 }),
        svg('text', { x: x + PADDING, y: y + NODE_HEIGHT / 2 + 4, textLength: wide - 2 * PADDING }, text));
      if (kind === 'brick') this.add(drawing, { group, label: undefined, choice: { engine, names: [nodes[node].label], title: `brick ${text}` }, prefix: '' });
      else drawing.append(group);
    }
    return drawing;
  }

  private add(drawing: SVGSVGElement, made: Omit<Part, 'title'>): void {
    const title = svg('title');
    const part: Part = { ...made, title };
    const { group } = part;
    group.prepend(title);
    group.setAttribute('role', 'button');
    group.setAttribute('tabindex', '0');
    group.setAttribute('aria-label', part.choice.title);
    const take = (): void => {
      this.chosen?.group.classList.remove('chosen');
      this.chosen = part;
      group.classList.add('chosen');
      this.choose(part.choice);
    };
    group.addEventListener('click', take);
    group.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      take();
    });
    this.parts.push(part);
    drawing.append(group);
  }

  show({ engines, drops }: WebState): void {
    for (const { group, label, title, choice, prefix } of this.parts) {
      const engine = engines.find(({ name }) => name === choice.engine);
      const rate = engine ? rateOf(engine, choice) : { packets: 0, bits: 0, drops: 0 };
      const reasons = drops.filter((drop) => drop.engine === choice.engine && choice.names.includes(drop.place));
      const text = rateText(rate);
      if (label) setText(label, `${prefix}${text}`);
      // What is seen, and where it is.
      group.setAttribute('aria-label', label ? `${choice.title}: ${prefix}${text}` : choice.title);
      group.classList.toggle('dropping', rate.drops > 0 && reasons.some(({ intended }) => !intended));
      setText(title, [`${choice.title}: ${text}`, ...reasons.map((drop: WebDrop) => drop.text)].join('\n'));
    }
  }
}

function prefixOf(outputs: string): string {
  return outputs === '' ? '' : `[${outputs}] `;
}

/** Of all links that an edge stands for, or of a brick. */
export function rateOf({ links, bricks }: WebEngine, { names }: Choice): Rate {
  const brick = bricks.find(({ label }) => names.length === 1 && label === names[0]);
  const rates = [...links.filter(({ name }) => names.includes(name)), ...(brick ? [brick] : [])].map(({ rate }) => rate);
  return { packets: sum(rates.map(({ packets }) => packets)), bits: sum(rates.map(({ bits }) => bits)), drops: sum(rates.map(({ drops }) => drops)) };
}

/** `1.2 M/s, 3/s dropped` */
function rateText({ packets, drops }: Rate): string {
  return `${shortNumber(Math.round(packets))}/s${drops > 0 ? `, ${shortNumber(Math.max(1, Math.round(drops)))}/s dropped` : ''}`;
}

/** `487 kbit/s` */
export function bitsText(bits: number): string {
  return withUnit(Math.round(bits), 'bit/s');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
