/** What `bricks top` shows: engines, links, bricks, readers and drops as tables of cells, made from one look at the engines. */
import { dropsOf, happenedText, remedyOf } from '../control/drops';
import { groupedNumber, percentText, shortNumber, withUnit } from '../control/number-text';
import type { EngineRates } from '../control/rate-meter';
import type { EngineStatistics } from '../control/statistics';
import { LINK_A_BRICK, isUnlinked } from '../control/unlinked';
import type { SortOrder, ViewName } from './choices';

/** How a cell is meant: what is lost, what is near its limit. */
export type Tone = 'plain' | 'title' | 'good' | 'warning' | 'bad' | 'faint';

export interface Cell {
  readonly text: string;
  /** What it is sorted by, and what other programs read. Missing where nothing is known. */
  readonly value?: number | string;
  readonly tone?: Tone;
}

export interface Column {
  readonly title: string;
  /** What other programs call it. */
  readonly key: string;
  readonly align: 'left' | 'right';
  /** Where there is no room for all, those with the highest go first. */
  readonly expendable: number;
  /** Where it has no room beside the others, it stands below them. */
  readonly below?: boolean;
}

export interface Table {
  readonly name: ViewName;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** All tables, with rates over the first or the second span that the daemon works out. */
export function tablesOf(engines: readonly EngineStatistics[], span: number): Table[] {
  return [enginesTable(engines, span), linksTable(engines, span), bricksTable(engines, span), readersTable(engines, span), dropsTable(engines)];
}

const text = (title: string, key: string, expendable = 0): Column => ({ title, key, align: 'left', expendable });
const number = (title: string, key: string, expendable = 0): Column => ({ title, key, align: 'right', expendable });

const plain = (value: string): Cell => ({ text: value, value });
const count = (value: number): Cell => ({ text: groupedNumber(value), value });
const nothing: Cell = { text: '-', tone: 'faint' };

function rate(value: number | undefined): Cell {
  return value === undefined ? nothing : { text: shortNumber(value), value };
}

function lost(value: number | undefined, write = shortNumber): Cell {
  return value === undefined ? nothing : { text: write(value), value, tone: value > 0 ? 'bad' : 'plain' };
}

function share(value: number | undefined, limits?: readonly [warning: number, bad: number]): Cell {
  if (value === undefined) return nothing;
  const tone = limits === undefined ? 'plain' : value >= limits[1] ? 'bad' : value >= limits[0] ? 'warning' : 'plain';
  return { text: percentText(value), value, tone };
}

const LOAD_LIMITS = [0.7, 0.9] as const;
const FILL_LIMITS = [0.5, 0.9] as const;

function ratesOf({ rates }: EngineStatistics, span: number): EngineRates | undefined {
  return rates?.[span];
}

function enginesTable(engines: readonly EngineStatistics[], span: number): Table {
  const advice = engines.some(isUnlinked);
  return {
    name: 'engines', title: 'ENGINE',
    columns: [
      text('ENGINE', 'engine'), text('STATE', 'state', 1), number('LOAD', 'load'), number('PACKETS/S', 'packetsPerSecond'), number('BITS/S', 'bitsPerSecond'), number('DROPS/S', 'dropsPerSecond'),
      number('PACKETS', 'packets', 4), number('DROPS', 'drops', 2), number('LONGEST', 'longestBatchSeconds', 6), number('FAULTS', 'faults', 5),
      ...(advice ? [{ ...text('WHAT TO DO', 'remedy', 1), below: true }] : []),
    ],
    rows: engines.map((engine) => {
      const rates = ratesOf(engine, span);
      const { running, faults } = engine;
      const unlinked = isUnlinked(engine);
      return [
        plain(engine.name), { ...plain(unlinked ? 'no bricks' : running ? 'running' : 'stopped'), tone: running ? 'good' : 'faint' }, share(rates?.load, LOAD_LIMITS), rate(rates?.packets), rate(rates?.bits), lost(rates?.drops),
        count(engine.packets), lost(engine.drops, groupedNumber), { text: timeText(engine.longestBatchNanoseconds), value: engine.longestBatchNanoseconds / 1e9 }, lost(faults.length),
        ...(advice ? [unlinked ? { ...plain(LINK_A_BRICK), tone: 'warning' as const } : { text: '' }] : []),
      ];
    }),
  };
}

function linksTable(engines: readonly EngineStatistics[], span: number): Table {
  return {
    name: 'links', title: 'LINK',
    columns: [
      text('LINK', 'link'), text('ENGINE', 'engine', 3), text('ROLE', 'role', 5), number('PACKETS/S', 'packetsPerSecond'), number('BITS/S', 'bitsPerSecond'), number('DROPS/S', 'dropsPerSecond'),
      number('SHARE', 'share', 2), number('RING', 'ringFill', 1), number('PACKETS', 'packets', 4), number('DROPS', 'drops', 2),
    ],
    rows: engines.flatMap((engine) => engine.links.map((link, index) => {
      const rates = ratesOf(engine, span)?.links[index];
      const { ring } = link;
      return [
        plain(link.name), plain(engine.name), plain(link.role), rate(rates?.packets), rate(rates?.bits), lost(rates?.drops),
        share(rates?.share), ring === undefined ? nothing : share(ring.used / ring.bytes, FILL_LIMITS), count(link.packets), lost(link.dropped, groupedNumber),
      ];
    })),
  };
}

function bricksTable(engines: readonly EngineStatistics[], span: number): Table {
  return {
    name: 'bricks', title: 'BRICK',
    columns: [
      text('BRICK', 'brick'), text('ENGINE', 'engine', 3), number('IN/S', 'packetsInPerSecond'), number('OUT/S', 'packetsOutPerSecond'), number('DROPS/S', 'dropsPerSecond'),
      number('NS/PACKET', 'nanosecondsPerPacket', 1), number('HELD', 'held', 4), number('COPIES', 'copies', 6), number('PACKETS', 'packetsIn', 5), number('DROPS', 'drops', 2),
    ],
    rows: engines.flatMap((engine) => engine.bricks.map((brick, index) => {
      const rates = ratesOf(engine, span)?.bricks[index];
      const { nanosecondsPerPacket: time } = brick;
      return [
        plain(brick.label), plain(engine.name), rate(rates?.packetsIn), rate(rates?.packetsOut), lost(rates?.drops),
        time > 0 ? { text: time < 1000 ? time.toFixed(1) : groupedNumber(Math.round(time)), value: time } : nothing, count(brick.held), count(brick.copies), count(brick.packetsIn), lost(brick.dropped, groupedNumber),
      ];
    })),
  };
}

/** The pipes that bricks write to: who reads each, and how far behind. */
function readersTable(engines: readonly EngineStatistics[], span: number): Table {
  return {
    name: 'readers', title: 'PIPE',
    columns: [
      text('PIPE', 'link'), text('READER', 'reader'), number('PROCESS', 'process', 2), number('PACKETS/S', 'packetsPerSecond'), number('DROPS/S', 'dropsPerSecond'), number('RING', 'ringFill'),
      number('BEHIND', 'behindBytes', 1), number('OF', 'ringBytes', 4), text('ENGINE', 'engine', 3),
    ],
    rows: engines.flatMap((engine) => engine.links.flatMap(({ name, role, ring }, index) => {
      if (ring === undefined || role !== 'sink') return [];
      const rates = ratesOf(engine, span)?.links[index];
      const { reader } = ring;
      return [[
        plain(name), reader === undefined ? { text: 'nobody', value: '', tone: 'warning' as const } : plain(reader.name ?? '?'), reader === undefined ? nothing : { text: `${reader.process}`, value: reader.process },
        rate(rates?.packets), lost(rates?.drops), share(ring.used / ring.bytes, FILL_LIMITS), { text: withUnit(ring.used, 'B'), value: ring.used }, { text: withUnit(ring.bytes, 'B'), value: ring.bytes }, plain(engine.name),
      ]];
    })),
  };
}

function dropsTable(engines: readonly EngineStatistics[]): Table {
  return {
    name: 'drops', title: 'DROPS AT',
    columns: [text('DROPS AT', 'place'), text('ENGINE', 'engine', 3), number('PACKETS', 'packets'), text('REASON', 'reason', 2), { ...text('WHAT TO DO', 'remedy', 1), below: true }],
    rows: engines.flatMap((engine) => dropsOf(engine).map((drop) => [
      plain(drop.place), plain(drop.engine), lost(drop.packets, groupedNumber), { text: happenedText(drop.reason), value: drop.reason },
      { ...plain(remedyOf(drop)), tone: 'warning' as const },
    ])),
  };
}

/** `12 µs` */
function timeText(nanoseconds: number): string {
  if (nanoseconds >= 1e9) return `${(nanoseconds / 1e9).toFixed(1)} s`;
  if (nanoseconds >= 1e6) return `${(nanoseconds / 1e6).toFixed(1)} ms`;
  return `${Math.round(nanoseconds / 1e3)} µs`;
}

/** By which column each order sorts, if a table has one of them. */
const SORTED_BY: Readonly<Record<SortOrder, readonly string[]>> = {
  graph: [],
  packets: ['packetsPerSecond', 'packetsInPerSecond', 'packets'],
  drops: ['dropsPerSecond', 'packets'],
  fill: ['ringFill', 'load', 'nanosecondsPerPacket'],
  name: ['link', 'brick', 'engine', 'place'],
};

/** Largest first, names from A to Z; rows that are equal keep the order of the graph. */
export function sorted(table: Table, order: SortOrder): Table {
  const key = SORTED_BY[order].find((wanted) => table.columns.some((column) => column.key === wanted));
  if (key === undefined) return table;
  const at = table.columns.findIndex((column) => column.key === key);
  const rows = [...table.rows].sort((a, b) => {
    const [one, other] = [a[at].value ?? -1, b[at].value ?? -1];
    return typeof one === 'string' || typeof other === 'string' ? String(one).localeCompare(String(other), 'en', { numeric: true }) : other - one;
  });
  return { ...table, rows };
}

/** The rows in which a cell has the text; letters count alike, large and small. */
export function filtered(table: Table, wanted: string): Table {
  const needle = wanted.toLowerCase();
  return needle === '' ? table : { ...table, rows: table.rows.filter((row) => row.some(({ text: shown }) => shown.toLowerCase().includes(needle))) };
}
