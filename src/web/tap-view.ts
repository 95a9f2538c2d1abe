/** A tap: packets of a link as lines of text, until it is stopped. */
import { countText } from '../model/count-text';
import type { WebGraphs, WebPackets } from '../observe/web-messages';
import { byId, element, setText } from './dom';

const LINES_MOST = 500;

export class TapView {
  private readonly links = byId<HTMLSelectElement>('tap-link');
  private readonly button = byId<HTMLButtonElement>('tap-button');
  private readonly status = byId('tap-status');
  private readonly lines = byId('tap-lines');
  private source: EventSource | undefined;
  private count = 0;

  constructor() {
    byId<HTMLFormElement>('tap').addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.source) this.stop('Stopped.');
      else this.start();
    });
  }

  /** What may be tapped. */
  offer({ pictures }: WebGraphs): void {
    const chosen = this.links.value;
    this.links.replaceChildren(...pictures.filter(({ edges }) => edges.length > 0).map(({ engine, nodes, edges }) => element('optgroup', { label: `engine ${engine}` },
      ...[...new Set([...edges.flatMap(({ links }) => links), ...nodes.filter(({ kind }) => kind === 'brick').map(({ label }) => label)])].map((name) => element('option', { value: `${engine}\n${name}` }, name)))));
    if ([...this.links.options].some(({ value }) => value === chosen)) this.links.value = chosen;
  }

  private start(): void {
    const [engine = '', link = ''] = this.links.value.split('\n');
    const query = new URLSearchParams({ engine, link, filter: byId<HTMLInputElement>('tap-filter').value, drops: byId<HTMLInputElement>('tap-drops').checked ? '1' : '0' });
    this.lines.replaceChildren();
    this.count = 0;
    this.say(`Waiting for packets of ${link} ...`);
    setText(this.button, 'Stop');
    const source = new EventSource(`/tap?${query}`);
    this.source = source;
    source.addEventListener('packets', ({ data }: MessageEvent<string>) => this.take(JSON.parse(data) as WebPackets, link));
    source.addEventListener('failed', ({ data }: MessageEvent<string>) => this.stop((JSON.parse(data) as { text: string }).text, true));
    source.addEventListener('error', () => {
      if (this.source === source) this.stop('The connection is lost.', true);
    });
  }

  private take({ lines, lost }: WebPackets, link: string): void {
    this.count += lines.length;
    const atEnd = this.lines.scrollTop + this.lines.clientHeight >= this.lines.scrollHeight - 20;
    this.lines.append(...lines.map((line) => element('div', {}, line)));
    while (this.lines.childElementCount > LINES_MOST) this.lines.firstElementChild?.remove();
    if (atEnd) this.lines.scrollTop = this.lines.scrollHeight;
    this.say(`${countText(this.count, 'packet')} of ${link}${lost > 0 ? `, ${lost} not shown` : ''}.`);
  }

  private stop(text: string, bad = false): void {
    this.source?.close();
    this.source = undefined;
    setText(this.button, 'Start');
    this.say(text, bad);
  }

  private say(text: string, bad = false): void {
    this.status.classList.toggle('bad', bad);
    setText(this.status, text);
  }
}
