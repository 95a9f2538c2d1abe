/** Characters on a grid: texts, boxes, and lines that meet and cross. */

const UP = 1;
const DOWN = 2;
const LEFT = 4;
const RIGHT = 8;
const HORIZONTAL = LEFT | RIGHT;
const VERTICAL = UP | DOWN;
/** By the sides to which a line goes. */
const LINES = [' ', '│', '│', '│', '─', '┘', '┐', '┤', '─', '└', '┌', '├', '─', '┴', '┬', '┼'];

export class Canvas {
  private readonly texts: (string | undefined)[][];
  /** The sides to which lines go from a cell, for each line separately. */
  private readonly lines: Map<number, number>[][];

  constructor(rows: number) {
    this.texts = Array.from({ length: rows }, () => []);
    this.lines = Array.from({ length: rows }, () => []);
  }

  text(row: number, column: number, text: string): void {
    [...text].forEach((character, index) => { this.texts[row][column + index] = character; });
  }

  /** A box of three rows around a text. */
  box(row: number, column: number, text: string): void {
    const bar = '─'.repeat([...text].length + 2);
    this.text(row - 1, column, `┌${bar}┐`);
    this.text(row, column, `│ ${text} │`);
    this.text(row + 1, column, `└${bar}┘`);
  }

  /** A line of `net` along a row, from a column to before another. */
  line(row: number, from: number, to: number, net: number): void {
    for (let column = from; column < to; column++) this.add(row, column, net, HORIZONTAL);
  }

  /** Part of a line: from the middle of a column to its right. */
  right(row: number, column: number, net: number): void {
    this.add(row, column, net, RIGHT);
  }

  left(row: number, column: number, net: number): void {
    this.add(row, column, net, LEFT);
  }

  /** A line along a column, from the middle of a row to the middle of another. */
  down(column: number, from: number, to: number, net: number): void {
    const [top, bottom] = from < to ? [from, to] : [to, from];
    for (let row = top; row <= bottom; row++) this.add(row, column, net, (row > top ? UP : 0) | (row < bottom ? DOWN : 0));
  }

  private add(row: number, column: number, net: number, sides: number): void {
    const cell = this.lines[row][column] ??= new Map<number, number>();
    cell.set(net, (cell.get(net) ?? 0) | sides);
  }

  toString(): string {
    return this.texts.map((texts, row) => {
      const lines = this.lines[row];
      const width = Math.max(texts.length, lines.length);
      return Array.from({ length: width }, (_, column) => texts[column] ?? characterOf(lines[column])).join('').trimEnd();
    }).join('\n');
  }
}

/** Where one line only goes down and the others only along, they have nothing to do with each other: the one that goes down lies above. */
function characterOf(nets: ReadonlyMap<number, number> | undefined): string {
  if (nets === undefined) return ' ';
  const sides = [...nets.values()];
  const crosses = sides.some((one) => (one & HORIZONTAL) === 0) && sides.some((one) => (one & VERTICAL) === 0) && sides.every((one) => (one & HORIZONTAL) === 0 || (one & VERTICAL) === 0);
  return LINES[crosses ? VERTICAL : sides.reduce((all, one) => all | one, 0)];
}
