/**
 * The loops that an engine runs around a brick's function, one for each node of its graph: separate code, into which V8 compiles
 * the function itself and the arrays of rows (src/v8/specialise.ts).
 *
 * Cost: some 3 ns a packet with a load balancer's function, of which the loop itself is one.
 */
import type { ChooseFunction, PacketFunction } from '../model/brick';
import type { MovableView } from '../model/packet-view';
import type { Apart, callApart } from './apart';

/** Where the rows of an input stand, or null for a whole batch: there row i is i. V8 takes null for a constant, but not undefined. */
export type InputRowsOrWhole = Uint16Array | null;

/**
 * What a node has done with the rows of an input: [0] how many it has put on no list, [1] how many more lists than one the others are on. To count that costs
 * nothing for rows that go to one output; adding up all lists took 0.3 ns a packet with 1,000 outputs.
 */
export type NodeTally = Uint32Array;
export const UNLISTED = 0;
export const COPIED = 1;

/**
 * Gives rows to the outputs that the function returns for them, from the input's `from`th row on. Returns the index of the first one for which it returns
 * SLOW_PATH, or `count` if there is none. The slow path is not called from the loop: V8 would save registers around that call, 1 ns for every packet.
 * `tally` is a NodeTally.
 */
export type ChooseLoop = (from: number, count: number, state: unknown) => number;

/** `next[k]` is where in `rows` the next row of output k goes, worked out once a batch (0.6 of 2 ns a packet). */
export function beginRows(next: Uint32Array, counts: Uint32Array, shift: number, outputs: number) {
  return function begin(): void {
    for (let output = 0; output < outputs; output++) next[output] = (output << shift) + counts[output];
  };
}

export function endRows(next: Uint32Array, counts: Uint32Array, shift: number, outputs: number) {
  return function end(): void {
    for (let output = 0; output < outputs; output++) counts[output] = next[output] - (output << shift);
  };
}

/**
 * Gives each row to the output that the function returns for it; `refuse` throws for what is none. Only 32 bits of what it returns are
 * looked at, so that V8 keeps it as such, whatever else it may be on rare paths. For functions of any length.
 *
 * `wrong` is 0 for DROP and HELD, `refused` is 0 for SLOW_PATH. They and `more` are computed for every row: V8 compiles an operation that has never run into an exit
 * from the optimised code, which the first such packet after the warm-up would take.
 */
function chooseLoop(
  choose: ChooseFunction, inputRows: InputRowsOrWhole, rows: Uint16Array, next: Uint32Array, interleaved: boolean, step: number, outputs: number,
  tally: NodeTally, refuse: (output: unknown) => void,
) {
  return function passChosen(from: number, count: number, state: unknown): number {
    let i = from | 0;
    let left = tally[0] | 0;
    for (; i < count; i = (i + 1) | 0) {
      const row = inputRows ? inputRows[i] : i;
      const given = choose(row, state);
      const output = given | 0;
      const wrong = ~output >>> 1;
      const refused = output ^ -4;
      const more = (left + 1) | 0;
      if (output >>> 0 < outputs) rows[(interleaved ? (next[output]++ << step) + output : next[output]++) | 0] = row;
      else if (wrong) {
        if (refused) refuse(output);
        break;
      } else left = more;
      if (typeof given !== 'number') refuse(given);
    }
    tally[0] = left;
    return i;
  };
}

/**
 * The same for short functions, four rows at a time: 1.5 of 12 ns a packet less, since V8 looks for interrupts once a turn. A longer one V8
 * would not compile in five times. What goes to no output ends a turn early, so that V8 lays the code of all others out in a row (0.15 ns a packet).
 */
export function chooseFourLoop(
  choose: ChooseFunction, inputRows: InputRowsOrWhole, rows: Uint16Array, next: Uint32Array, interleaved: boolean, step: number, outputs: number,
  tally: NodeTally, refuse: (output: unknown) => void,
) {
  return function passChosen(from: number, count: number, state: unknown): number {
    let i = from | 0;
    let left = tally[0] | 0;
    const last = count - 4;
    pass: {
      while (i <= last) {
        const i1 = (i + 1) | 0;
        const i2 = (i + 2) | 0;
        const i3 = (i + 3) | 0;
        const i4 = (i + 4) | 0;
        const row0 = inputRows ? inputRows[i] : i;
        const row1 = inputRows ? inputRows[i1] : i1;
        const row2 = inputRows ? inputRows[i2] : i2;
        const row3 = inputRows ? inputRows[i3] : i3;
        const more = (left + 1) | 0;
        const given0 = choose(row0, state);
        const output0 = given0 | 0;
        const wrong0 = ~output0 >>> 1;
        const refused0 = output0 ^ -4;
        if (output0 >>> 0 >= outputs) {
          if (wrong0) {
            if (refused0) refuse(output0);
            break pass;
          }
          left = more;
          i = i1;
          continue;
        }
        rows[(interleaved ? (next[output0]++ << step) + output0 : next[output0]++) | 0] = row0;
        if (typeof given0 !== 'number') refuse(given0);
        const given1 = choose(row1, state);
        const output1 = given1 | 0;
        const wrong1 = ~output1 >>> 1;
        const refused1 = output1 ^ -4;
        if (output1 >>> 0 >= outputs) {
          i = i1;
          if (wrong1) {
            if (refused1) refuse(output1);
            break pass;
          }
          left = more;
          i = i2;
          continue;
        }
        rows[(interleaved ? (next[output1]++ << step) + output1 : next[output1]++) | 0] = row1;
        if (typeof given1 !== 'number') refuse(given1);
        const given2 = choose(row2, state);
        const output2 = given2 | 0;
        const wrong2 = ~output2 >>> 1;
        const refused2 = output2 ^ -4;
        if (output2 >>> 0 >= outputs) {
          i = i2;
          if (wrong2) {
            if (refused2) refuse(output2);
            break pass;
          }
          left = more;
          i = i3;
          continue;
        }
        rows[(interleaved ? (next[output2]++ << step) + output2 : next[output2]++) | 0] = row2;
        if (typeof given2 !== 'number') refuse(given2);
        const given3 = choose(row3, state);
        const output3 = given3 | 0;
        const wrong3 = ~output3 >>> 1;
        const refused3 = output3 ^ -4;
        if (output3 >>> 0 >= outputs) {
          i = i3;
          if (wrong3) {
            if (refused3) refuse(output3);
            break pass;
          }
          left = more;
          i = i4;
          continue;
        }
        rows[(interleaved ? (next[output3]++ << step) + output3 : next[output3]++) | 0] = row3;
        if (typeof given3 !== 'number') refuse(given3);
        i = i4;
      }
      for (; i < count; i = (i + 1) | 0) {
        const row = inputRows ? inputRows[i] : i;
        const given = choose(row, state);
        const output = given | 0;
        const wrong = ~output >>> 1;
        const refused = output ^ -4;
        const more = (left + 1) | 0;
        if (output >>> 0 < outputs) rows[(interleaved ? (next[output]++ << step) + output : next[output]++) | 0] = row;
        else if (wrong) {
          if (refused) refuse(output);
          break;
        } else left = more;
        if (typeof given !== 'number') refuse(given);
      }
    }
    tally[0] = left;
    return i;
  };
}

export type PacketLoop = (count: number, state: unknown) => void;

/**
 * The same for the packet form: the view is a constant, too, so that V8 compiles in what the function asks it. What is not the number of an
 * output is left to `several`, which counts in `tally`, too.
 */
export function packetLoop(
  onPacket: PacketFunction, view: MovableView, inputRows: InputRowsOrWhole, rows: Uint16Array, next: Uint32Array, interleaved: boolean, step: number,
  outputs: number, tally: NodeTally, several: Apart<number, unknown>, giveApart: typeof callApart,
) {
  return function passPackets(count: number, state: unknown): void {
    let left = 0;
    for (let i = 0; i < count; i = (i + 1) | 0) {
      const row = inputRows ? inputRows[i] : i;
      view.moveTo(row);
      const given = onPacket(view, state);
      // A list becomes -4: no output, and not DROP.
      const output = typeof given === 'number' ? given | 0 : -4;
      const other = ~output;
      const more = (left + 1) | 0;
      if (output >>> 0 < outputs && output === given) rows[(interleaved ? (next[output]++ << step) + output : next[output]++) | 0] = row;
      else if (other) giveApart(several, row, given);
      else left = more;
    }
    tally[0] = (tally[0] + left) | 0;
  };
}

/** Characters of a function that is short enough for four at a time. */
const SHORT_FUNCTION = 280;

/** The loop that suits a function. */
export function chooseLoopFor(choose: ChooseFunction): typeof chooseLoop {
  return String(choose).length <= SHORT_FUNCTION ? chooseFourLoop : chooseLoop;
}
