/** The page: hears the server, and shows engines, their graph, drops, links and readers. */
import { groupedNumber, percentText, shortNumber, withUnit } from '../control/number-text';
import { LINK_A_BRICK, isUnlinked } from '../control/unlinked';
import type { WebDrop, WebEngine, WebGraphs, WebState } from '../observe/web-messages';
import { ChartView } from './chart-view';
import { ControlView } from './control-view';
import { byId, element, fillTable, setText, type Cell } from './dom';
import { GraphView, bitsText } from './graph-view';
import { TapView } from './tap-view';
import { startTheme } from './theme';

const chart = new ChartView();
const graph = new GraphView(byId('graphs'), (choice) => void chart.show(choice));
const tap = new TapView();
const control = new ControlView(byId('control'));
const number = (text: string): Cell => ({ text, kind: 'number' });
const rate = (value: number): Cell => number(`${shortNumber(Math.round(value))}/s`);
const dropped = (value: number): Cell => ({ text: groupedNumber(value), kind: value > 0 ? 'number bad' : 'number' });

function showTables({ engines }: WebState): void {
  fillTable(byId<HTMLTableElement>('engines'), ['engine', 'state', 'received', 'rate', 'bits', 'load', 'dropped', 'remarks'], engines.map((engine) => [
    { text: engine.name }, { text: isUnlinked(engine) ? 'no bricks' : engine.running ? 'running' : 'stopped' }, number(groupedNumber(engine.packets)), rate(engine.rate.packets), number(bitsText(engine.rate.bits)),
    number(percentText(engine.load)), dropped(engine.drops), { text: isUnlinked(engine) ? LINK_A_BRICK : engine.faults.join(' ') },
  ]), [2, 3, 4, 5, 6]);
  const ofAll = <Row>(rows: (engine: WebEngine) => readonly Row[]): Row[] => engines.flatMap(rows);
  fillTable(byId<HTMLTableElement>('links'), ['engine', 'link', 'role', 'packets', 'rate', 'bits', 'dropped', 'dropped/s'], ofAll(({ name, links }) => links.map((link) => [
    { text: name }, { text: link.name }, { text: link.role }, number(groupedNumber(link.packets)), rate(link.rate.packets), number(bitsText(link.rate.bits)), dropped(link.dropped),
    { text: `${shortNumber(Math.round(link.rate.drops))}/s`, kind: link.rate.drops > 0 ? 'number bad' as const : 'number' as const },
  ])), [3, 4, 5, 6, 7]);
  fillTable(byId<HTMLTableElement>('readers'), ['pipe', 'reader', 'behind', 'ring'], ofAll(({ links }) => links.flatMap(({ name, ring }) => (ring === undefined ? [] : [[
    { text: name }, ring.reader ? { text: `${ring.reader.name ?? 'process'} (${ring.reader.process})` } : { text: 'nobody', kind: 'bad' as const },
    number(percentText(ring.used / ring.bytes)), number(withUnit(ring.bytes, 'B')),
  ]]))), [2, 3]);
}

function showDrops(drops: readonly WebDrop[]): void {
  const list = byId<HTMLUListElement>('drops');
  while (list.childElementCount > drops.length) list.lastElementChild?.remove();
  drops.forEach((drop, index) => {
    const item = list.children[index] ?? list.appendChild(element('li', {}, element('span'), ' ', element('span', { class: 'rate' })));
    item.classList.toggle('now', drop.rate > 0 && !drop.intended);
    setText(item.children[0], `${drop.engine}: ${drop.text}`);
    setText(item.children[1], drop.rate > 0 ? `${shortNumber(Math.max(1, Math.round(drop.rate)))}/s now` : '');
  });
  if (drops.length === 0) list.append(element('li', {}, element('span', {}, 'Nothing was dropped.'), ' ', element('span', { class: 'rate' })));
}

function status(text: string, bad = false): void {
  byId('status').classList.toggle('bad', bad);
  setText(byId('status'), text);
}

startTheme(() => chart.redraw());
const events = new EventSource('/events');
let version = '';
events.addEventListener('graphs', ({ data }: MessageEvent<string>) => {
  const graphs = JSON.parse(data) as WebGraphs;
  ({ version } = graphs);
  graph.draw(graphs.pictures);
  tap.offer(graphs);
  control.offer(graphs.control);
  const { first } = graph;
  if (first && chart.isEmpty) void chart.show(first);
});
events.addEventListener('state', ({ data }: MessageEvent<string>) => {
  const state = JSON.parse(data) as WebState;
  const running = state.engines.filter((engine) => engine.running).length;
  status(`${running} of ${state.engines.length} engines running, version ${version}`);
  graph.show(state);
  chart.add(state);
  control.show(state);
  showDrops(state.drops);
  showTables(state);
});
events.addEventListener('error', () => status('The connection is lost; trying again ...', true));
