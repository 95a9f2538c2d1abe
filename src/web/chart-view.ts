/** A chart of the last ten minutes of what was chosen: packets and drops a second. */
import uPlot from 'uplot';
import { shortNumber } from '../control/number-text';
import type { WebHistory, WebState } from '../observe/web-messages';
import { byId, setText } from './dom';
import { bitsText, rateOf, type Choice } from './graph-view';

const MINUTES = 10;
const HEIGHT = 220;

export class ChartView {
  private readonly target = byId('chart');
  private readonly text = byId('chart-text');
  private choice: Choice | undefined;
  private data: [number[], number[], number[]] = [[], [], []];
  private plot: uPlot | undefined;

  constructor() {
    new ResizeObserver(() => this.plot?.setSize({ width: this.width, height: HEIGHT })).observe(this.target);
  }

  get isEmpty(): boolean {
    return this.choice === undefined;
  }

  async show(choice: Choice): Promise<void> {
    this.choice = choice;
    setText(byId('chart-title'), `Last ten minutes: ${choice.title}`);
    const histories = await Promise.all(choice.names.map((name) => historyOf(choice.engine, name)));
    if (this.choice !== choice) return;
    const [first] = histories;
    const at = (history: WebHistory, key: 'packets' | 'drops', index: number): number => history[key][index - (first.times.length - history.times.length)] ?? 0;
    this.data = [
      first.times.map((time) => time / 1000),
      first.times.map((_, index) => histories.reduce((sum, history) => sum + at(history, 'packets', index), 0)),
      first.times.map((_, index) => histories.reduce((sum, history) => sum + at(history, 'drops', index), 0)),
    ];
    this.redraw();
  }

  /** The next second. */
  add({ time, engines }: WebState): void {
    const { choice, data } = this;
    const engine = choice && engines.find(({ name }) => name === choice.engine);
    if (!choice || !engine || time / 1000 <= (data[0].at(-1) ?? 0)) return;
    const { packets, drops, bits } = rateOf(engine, choice);
    [time / 1000, packets, drops].forEach((value, index) => data[index].push(value));
    while (data[0].length > MINUTES * 60) for (const column of data) column.shift();
    this.plot?.setData(data);
    const now = `${shortNumber(Math.round(packets))} packets/s${bits > 0 ? `, ${bitsText(bits)}` : ''}, ${shortNumber(Math.round(drops))} dropped/s now`;
    const most = data[1].reduce((highest, value) => Math.max(highest, value), 0);
    setText(this.text, `${now}; at most ${shortNumber(Math.round(most))} packets/s in ${Math.ceil(data[0].length / 60)} min.`);
  }

  /** Colours are those of the theme. */
  redraw(): void {
    if (!this.choice) return;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } };
    this.plot?.destroy();
    this.target.replaceChildren();
    this.plot = new uPlot({
      width: this.width, height: HEIGHT, legend: { show: false }, cursor: { show: false },
      scales: { x: { time: true, range: (_, __, latest) => [latest - MINUTES * 60, latest] }, y: { range: (_, __, highest) => [0, Math.max(10, highest * 1.1)] } },
      axes: [{ ...axis, values: (_, values) => values.map((value) => clockText(value)) }, { ...axis, size: 60, values: (_, values) => values.map((value) => shortNumber(value)) }],
      series: [{}, { label: 'packets/s', stroke: colour('--edge'), width: 2, points: { show: false } }, { label: 'dropped/s', stroke: colour('--bad'), width: 2, points: { show: false } }],
    }, this.data, this.target);
    this.target.querySelector('canvas')?.setAttribute('aria-hidden', 'true');
  }

  private get width(): number {
    return Math.max(200, this.target.clientWidth);
  }
}

/** `12:07`, or with seconds where the minute is not whole. */
function clockText(seconds: number): string {
  const time = new Date(seconds * 1000);
  const parts = [time.getHours(), time.getMinutes(), ...(time.getSeconds() === 0 ? [] : [time.getSeconds()])];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

async function historyOf(engine: string, name: string): Promise<WebHistory> {
  const answer = await fetch(`/history?${new URLSearchParams({ engine, name })}`);
  return answer.json() as Promise<WebHistory>;
}
