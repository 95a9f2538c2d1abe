/**
 * Leads lines from one layer of a drawing to the next: along the row of their origin, down or up a column of their own, and along the row of their target.
 * Two lines may not lie on each other unless they have the same origin or the same target.
 */
import type { Canvas } from './canvas';

export interface ChannelStep {
  /** Its origin: lines of the same one may share their way. */
  readonly net: number;
  readonly target: number;
  readonly fromRow: number;
  readonly toRow: number;
  /** Whether the rows above and below its target's belong to it. */
  readonly spare: boolean;
  /** Whether it ends here. */
  readonly arrow: boolean;
  readonly startLabel: string;
  readonly endLabel: string;
}

interface Net {
  readonly net: number;
  readonly row: number;
  readonly steps: readonly ChannelStep[];
  readonly top: number;
  readonly bottom: number;
  column: number;
}

/** Draws them from a column on; returns the one behind, or nothing where lines can't be kept apart. */
export function routeChannel(canvas: Canvas, left: number, steps: readonly ChannelStep[]): number | undefined {
  const nets = netsOf(steps);
  const origins = new Map(nets.map((one) => [one.row, one]));
  const isOf = ({ steps: all }: Net, target: number): boolean => all.some((step) => step.target === target);
  // A line that comes to the row of another origin has to do so behind the place where the other's line leaves it.
  const mustBeBehind = (one: Net, other: Net): boolean => one !== other && one.steps.some(({ toRow, target }) => toRow === other.row && !isOf(other, target));
  const turning = nets.filter(({ top, bottom }) => top !== bottom);
  const starts = Math.max(0, ...steps.map(({ startLabel }) => [...startLabel].length));
  const first = left + (starts > 0 ? starts + 2 : 1);
  const columns = assignColumns(turning, mustBeBehind);
  const late = first + columns;
  const doglegs = new Set(turning.flatMap((one) => one.steps.filter(({ toRow, target }) => {
    const other = origins.get(toRow);
    return other !== undefined && other !== one && !isOf(other, target) && other.top !== other.bottom && other.column >= one.column;
  })));
  if ([...doglegs].some(({ spare }) => !spare)) return undefined;
  const end = late + (doglegs.size > 0 ? 1 : 0);
  const ends = Math.max(0, ...steps.map(({ endLabel }) => [...endLabel].length));
  const right = end + (ends > 0 ? ends + 2 : 1) + 1;
  for (const one of nets) {
    const { net, row } = one;
    const turn = one.top === one.bottom ? right : first + one.column;
    canvas.line(row, left, turn, net);
    for (const step of one.steps) {
      const { toRow, startLabel, endLabel, arrow } = step;
      if (turn !== right) {
        canvas.left(row, turn, net);
        if (doglegs.has(step)) {
          const spare = origins.has(toRow - 1) ? toRow + 1 : toRow - 1;
          canvas.down(turn, row, spare, net);
          canvas.right(spare, turn, net);
          canvas.line(spare, turn + 1, late, net);
          canvas.left(spare, late, net);
          canvas.down(late, spare, toRow, net);
          canvas.right(toRow, late, net);
          canvas.line(toRow, late + 1, right, net);
        } else {
          canvas.down(turn, row, toRow, net);
          canvas.right(toRow, turn, net);
          canvas.line(toRow, turn + 1, right, net);
        }
      }
      canvas.text(row, left + 1, startLabel);
      canvas.text(toRow, end + 1, endLabel);
      if (arrow) canvas.text(toRow, right - 1, '▶');
    }
  }
  return right;
}

function netsOf(steps: readonly ChannelStep[]): Net[] {
  const byNet = new Map<number, ChannelStep[]>();
  for (const step of steps) byNet.set(step.net, [...byNet.get(step.net) ?? [], step]);
  return [...byNet].map(([net, own]) => {
    const rows = [own[0].fromRow, ...own.map(({ toRow }) => toRow)];
    return { net, row: own[0].fromRow, steps: own, top: Math.min(...rows), bottom: Math.max(...rows), column: 0 };
  });
}

/** Gives each a column in which no other is beside it, in an order that respects what must be behind what as far as it can. Returns how many there are. */
function assignColumns(nets: readonly Net[], mustBeBehind: (one: Net, other: Net) => boolean): number {
  const waiting = [...nets].sort((a, b) => a.bottom - a.top - (b.bottom - b.top) || a.top - b.top);
  const placed: Net[] = [];
  while (waiting.length > 0) {
    const index = Math.max(0, waiting.findIndex((one) => !waiting.some((other) => mustBeBehind(one, other))));
    const [one] = waiting.splice(index, 1);
    let column = Math.max(0, ...placed.filter((other) => mustBeBehind(one, other)).map((other) => other.column + 1));
    while (placed.some((other) => other.column === column && other.top <= one.bottom && one.top <= other.bottom)) column++;
    one.column = column;
    placed.push(one);
  }
  return placed.length === 0 ? 0 : Math.max(...placed.map(({ column }) => column)) + 1;
}
