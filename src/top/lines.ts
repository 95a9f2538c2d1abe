/** Tables as lines of a given width: columns that have no room are left out, and the last one is cut. */
import type { Cell, Column, Table, Tone } from './tables';

/** A piece of a line. */
export interface Span {
  readonly text: string;
  readonly tone: Tone;
}
export type Line = readonly Span[];

const GAP = 2;
const ELLIPSIS = '…';
/** A column that can be cut is not cut shorter than this. */
const NARROWEST = 12;

/** The lines of a table: its titles, and a line for each row. */
export function linesOf(table: Table, width: number): Line[] {
  const { columns, rows } = table;
  const last = columns.length - 1;
  if (columns[last]?.below === true && neededWidth(columns, rows) > width) return withLinesBelow(table, width);
  const shown = columnsThatFit(columns, rows, width);
  const titles: Cell[] = columns.map(({ title }) => ({ text: title, tone: 'title' }));
  return [titles, ...rows].map((row) => shown.flatMap(({ at, columnWidth }, position) => {
    const { text, tone = 'plain' } = row[at];
    const isLast = position === shown.length - 1;
    const cut = cutTo(text, columnWidth);
    const cell = columns[at].align === 'right' ? cut.padStart(columnWidth) : isLast ? cut : cut.padEnd(columnWidth);
    return [{ text: cell, tone }, ...(isLast ? [] : [{ text: ' '.repeat(GAP), tone: 'plain' as const }])];
  }));
}

/** The last column of each row in lines below it. */
function withLinesBelow({ columns, rows, ...table }: Table, width: number): Line[] {
  const last = columns.length - 1;
  const [titles, ...lines] = linesOf({ ...table, columns: columns.slice(0, last), rows: rows.map((row) => row.slice(0, last)) }, width);
  return [titles, ...lines.flatMap((line, index) => {
    const { text, tone = 'plain' } = rows[index][last];
    return [line, ...wrapped(text, width - GAP).map((part): Line => [{ text: ' '.repeat(GAP), tone: 'plain' }, { text: part, tone }])];
  })];
}

/** Broken between words. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter((part) => part !== '')) {
    const line = lines[lines.length - 1];
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(cutTo(word, width));
  }
  return lines;
}

function neededWidth(columns: readonly Column[], rows: readonly (readonly Cell[])[]): number {
  return columns.reduce((sum, _, at) => sum + columnWidthOf(columns, rows, at), GAP * (columns.length - 1));
}

function columnWidthOf(columns: readonly Column[], rows: readonly (readonly Cell[])[], at: number): number {
  return Math.max(columns[at].title.length, ...rows.map((row) => row[at].text.length));
}

interface FittingColumn {
  readonly at: number;
  readonly columnWidth: number;
}

function columnsThatFit(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number): FittingColumn[] {
  let shown = columns.map((_, at) => ({ at, columnWidth: columnWidthOf(columns, rows, at) }));
  const taken = (): number => shown.reduce((sum, { columnWidth }) => sum + columnWidth, GAP * (shown.length - 1));
  while (taken() > width) {
    const last = shown[shown.length - 1];
    const room = last.columnWidth - (taken() - width);
    // Words at the end are cut before a column is left out.
    if (columns[last.at].align === 'left' && room >= NARROWEST) return [...shown.slice(0, -1), { at: last.at, columnWidth: room }];
    const most = Math.max(...shown.map(({ at }) => columns[at].expendable));
    if (most === 0) break;
    const gone = shown.findLastIndex(({ at }) => columns[at].expendable === most);
    shown = shown.filter((_, index) => index !== gone);
  }
  // Nothing more can be left out: the name at the front is cut, so that the numbers are seen.
  const excess = taken() - width;
  return excess <= 0 ? shown : shown.map((column, index) => (index === 0 ? { ...column, columnWidth: Math.max(4, column.columnWidth - excess) } : column));
}

export function cutTo(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}${ELLIPSIS}`;
}

/** What of a line fits: a narrow screen shows less. */
export function clipped(line: Line, width: number): Line {
  let room = width;
  return line.flatMap(({ text, tone }) => {
    const part = text.slice(0, Math.max(0, room));
    room -= text.length;
    return part === '' ? [] : [{ text: part, tone }];
  });
}

export function plainText(lines: readonly Line[]): string {
  return lines.map((line) => `${line.map(({ text }) => text).join('').trimEnd()}\n`).join('');
}
