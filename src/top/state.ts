/** What the screen of `bricks top` shows, and what its keys do: no terminal in here. */
import { percentText, shortNumber, withUnit } from '../control/number-text';
import { RATE_SPANS } from '../control/rate-meter';
import type { EngineStatistics } from '../control/statistics';
import { countText } from '../model/count-text';
import { SORT_ORDERS, VIEWS, type SortOrder, type ViewName } from './choices';
import { clipped, cutTo, linesOf, wrapped, type Line } from './lines';
import { filtered, sorted, tablesOf } from './tables';

/** What the keys have chosen. */
export interface TopState {
  /** One table, or all of them. */
  readonly view: ViewName | 'all';
  readonly sort: SortOrder;
  /** Which span rates are of: a place in RATE_SPANS. */
  readonly span: number;
  readonly filter: string;
  /** The filter is being typed. */
  readonly typing: boolean;
  readonly paused: boolean;
  readonly help: boolean;
  /** How many lines of the tables are above the screen. */
  readonly scroll: number;
}

export const FIRST_STATE: TopState = { view: 'all', sort: 'graph', span: 0, filter: '', typing: false, paused: false, help: false, scroll: 0 };

const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ['a, Tab', 'all tables; the next table'],
  ['e l b r d', 'engines, links, bricks, readers of pipes, drops with what to do'],
  ['s', 'sort by the next of: order of the graph, packets, drops, load and fill, name'],
  ['t', 'rates over 1 or 10 seconds'],
  ['/', 'show only rows with a text; Enter keeps it, Escape shows all again'],
  ['arrows, Page', 'scroll; Home goes back to the top'],
  ['space', 'hold the screen, and go on'],
  ['h, ?', 'this help'],
  ['q, Ctrl-C', 'leave'],
];
const VIEW_KEYS: Readonly<Record<string, TopState['view']>> = { a: 'all', e: 'engines', l: 'links', b: 'bricks', r: 'readers', d: 'drops' };
/** The header, the line under it, and the line of keys. */
const FRAME_LINES = 3;

/** What a key does; `quit` ends the program. Keys are named as terminals name them: `a`, `TAB`, `PAGE_DOWN`. */
export function pressed(state: TopState, key: string, height: number): TopState | 'quit' {
  if (key === 'CTRL_C') return 'quit';
  if (state.typing) return typed(state, key);
  const page = Math.max(1, height - FRAME_LINES - 1);
  const view = VIEW_KEYS[key];
  if (view !== undefined) return { ...state, view, scroll: 0, help: false };
  const scrolled = (by: number): TopState => ({ ...state, scroll: Math.max(0, state.scroll + by) });
  switch (key) {
    case 'q': return 'quit';
    case 'TAB': return { ...state, view: nextOf(['all', ...VIEWS] as const, state.view), scroll: 0 };
    case 's': return { ...state, sort: nextOf(SORT_ORDERS, state.sort), scroll: 0 };
    case 't': return { ...state, span: (state.span + 1) % RATE_SPANS.length };
    case '/': return { ...state, typing: true, help: false };
    case ' ': return { ...state, paused: !state.paused };
    case 'h': case '?': return { ...state, help: !state.help, scroll: 0 };
    case 'ESCAPE': return state.help ? { ...state, help: false } : { ...state, filter: '', scroll: 0 };
    case 'UP': case 'k': return scrolled(-1);
    case 'DOWN': case 'j': return scrolled(1);
    case 'PAGE_UP': return scrolled(-page);
    case 'PAGE_DOWN': return scrolled(page);
    case 'HOME': return { ...state, scroll: 0 };
    case 'END': return { ...state, scroll: Number.MAX_SAFE_INTEGER };
    default: return state;
  }
}

function typed(state: TopState, key: string): TopState {
  if (key === 'ENTER' || key === 'KP_ENTER') return { ...state, typing: false };
  if (key === 'ESCAPE') return { ...state, typing: false, filter: '', scroll: 0 };
  if (key === 'BACKSPACE') return { ...state, filter: [...state.filter].slice(0, -1).join('') };
  return [...key].length === 1 ? { ...state, filter: state.filter + key, scroll: 0 } : state;
}

function nextOf<Value>(all: readonly Value[], current: Value): Value {
  return all[(all.indexOf(current) + 1) % all.length];
}

/** What a screen shows, line by line, and how far it is scrolled in truth. */
export interface Screen {
  readonly lines: readonly Line[];
  readonly scroll: number;
}

/** `title` names the daemon, `time` is the time of the look. */
export function draw(state: TopState, engines: readonly EngineStatistics[], title: string, time: string, width: number, height: number): Screen {
  const body = state.help ? helpLines(width) : bodyLines(state, engines, width);
  const room = Math.max(1, height - FRAME_LINES);
  const scroll = Math.min(state.scroll, Math.max(0, body.length - room));
  const shown = body.slice(scroll, scroll + room);
  const blank: Line[] = Array.from({ length: room - shown.length }, () => []);
  const lines = [header(title, time, width), summary(state, engines, width), ...shown, ...blank, footer(state, body.length > room, width)];
  return { lines: lines.map((line) => clipped(line, width)), scroll };
}

function header(title: string, time: string, width: number): Line {
  const left = cutTo(title, Math.max(0, width - time.length - 1));
  return [{ text: left, tone: 'title' }, { text: time.padStart(width - left.length), tone: 'faint' }];
}

function summary({ span }: TopState, engines: readonly EngineStatistics[], width: number): Line {
  const rates = engines.flatMap((engine) => engine.rates?.[span] ?? []);
  const total = (of: 'packets' | 'bits' | 'drops'): number => rates.reduce((sum, one) => sum + one[of], 0);
  const running = engines.filter((engine) => engine.running).length;
  if (rates.length === 0) return [{ text: cutTo(`${countText(engines.length, 'engine')}, ${running} running`, width), tone: 'plain' }];
  const busiest = Math.max(...rates.map(({ load }) => load));
  const drops = `${shortNumber(total('drops'))}/s dropped`;
  const text = `${running} of ${engines.length} running  ${shortNumber(total('packets'))} packets/s  ${withUnit(total('bits'), 'bit/s')}  busiest ${percentText(busiest)}  `;
  return [{ text: cutTo(text, width), tone: 'plain' }, { text: cutTo(drops, Math.max(0, width - text.length)), tone: total('drops') > 0 ? 'bad' : 'plain' }];
}

/** The tables of the view, sorted and filtered. */
export function bodyLines(state: Pick<TopState, 'view' | 'sort' | 'span' | 'filter'>, engines: readonly EngineStatistics[], width: number): Line[] {
  const tables = tablesOf(engines, state.span).map((table) => sorted(filtered(table, state.filter), state.sort));
  const wanted = tables.filter(({ name, rows }) => (state.view === 'all' ? rows.length > 0 : name === state.view));
  const lines = wanted.flatMap((table, index) => [...(index === 0 ? [] : [[]]), ...linesOf(table, width)]);
  const empty = wanted.every(({ rows }) => rows.length === 0);
  return empty ? [...lines, [{ text: emptyText(state, engines), tone: 'faint' }]] : lines;
}

function emptyText({ filter, view }: Pick<TopState, 'filter' | 'view'>, engines: readonly EngineStatistics[]): string {
  if (engines.length === 0) return 'The daemon has no engines.';
  if (filter !== '') return `Nothing has "${filter}" in it.`;
  return view === 'drops' ? 'Nothing was dropped.' : 'There is nothing to show here.';
}

function helpLines(width: number): Line[] {
  const column = 16;
  return KEYS.flatMap(([keys, meaning]) => wrapped(meaning, Math.max(10, width - column)).map((part, index): Line => [
    { text: (index === 0 ? `  ${keys}` : '').padEnd(column), tone: 'title' }, { text: cutTo(part, Math.max(0, width - column)), tone: 'plain' },
  ]));
}

const ALL_KEYS = [
  'a all  e engines  l links  b bricks  r readers  d drops  s sort  t time  / filter  h help  q quit',
  'aelbrd tables  s sort  t time  / filter  h help  q quit',
  'h help  q quit',
  '',
] as const;

function footer(state: TopState, scrolls: boolean, width: number): Line {
  if (state.typing) return [{ text: cutTo(`Only rows with: ${state.filter}_   Enter keeps it, Escape shows all`, width), tone: 'title' }];
  const chosen = cutTo(`[${[state.view, `by ${state.sort}`, `${RATE_SPANS[state.span]} s`, ...(state.filter === '' ? [] : [`"${state.filter}"`]), ...(state.paused ? ['held'] : [])].join(', ')}]`, width);
  const room = width - chosen.length - 1;
  const keys = ALL_KEYS.flatMap((all) => (scrolls ? [`arrows  ${all}`, all] : [all])).find((all) => all.length <= room) ?? '';
  return [{ text: keys, tone: 'faint' }, { text: chosen.padStart(width - keys.length), tone: 'title' }];
}
