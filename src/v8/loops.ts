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
 * Gives rows to the outputs that the function returns for them, from the input's `from`th row on. Returns the index of the first one for which it returns
 * SLOW_PATH, or `count` if there is none. The slow path is not called from the loop: V8 would save registers around that call, 1 ns for every packet.
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
 * `wrong` is 0 for DROP and HELD, `refused` is 0 for SLOW_PATH. Both are computed for every row: V8 compiles a comparison that has never run into an exit from the
 * optimised code, which the first such packet after the warm-up would take.
 */
function chooseLoop(
  choose: ChooseFunction, inputRows: InputRowsOrWhole, rows: Uint16Array, next: Uint32Array, interleaved: boolean, step: number, outputs: number,
  refuse: (output: unknown) => void,
) {
  return function passChosen(from: number, count: number, state: unknown): number {
    for (let i = from | 0; i < count; i = (i + 1) | 0) {
      const row = inputRows ? inputRows[i] : i;
      const given = choose(row, state);
      const output = given | 0;
      const wrong = ~output >>> 1;
      const refused = output ^ -4;
      if (output >>> 0 < outputs) rows[(interleaved ? (next[output]++ << step) + output : next[output]++) | 0] = row;
      else if (wrong) {
        if (refused) refuse(output);
        return i;
      }
      if (typeof given !== 'number') refuse(given);
    }
    return count;
  };
}

/**
 * The same for short functions, four rows at a time: 1.5 of 12 ns a packet less, since V8 looks for interrupts once a turn. A longer one V8
 * would not compile in five times.
 */
export function chooseFourLoop(
  choose: ChooseFunction, inputRows: InputRowsOrWhole, rows: Uint16Array, next: Uint32Array, interleaved: boolean, step: number, outputs: number,
  refuse: (output: unknown) => void,
) {
  return function passChosen(from: number, count: number, state: unknown): number {
    let i = from | 0;
    for (const last = count - 4; i <= last; i = (i + 4) | 0) {
      const i1 = (i + 1) | 0;
      const i2 = (i + 2) | 0;
      const i3 = (i + 3) | 0;
      const row0 = inputRows ? inputRows[i] : i;
      const row1 = inputRows ? inputRows[i1] : i1;
      const row2 = inputRows ? inputRows[i2] : i2;
      const row3 = inputRows ? inputRows[i3] : i3;
      const given0 = choose(row0, state);
      const output0 = given0 | 0;
      const wrong0 = ~output0 >>> 1;
      const refused0 = output0 ^ -4;
      if (output0 >>> 0 < outputs) rows[(interleaved ? (next[output0]++ << step) + output0 : next[output0]++) | 0] = row0;
      else if (wrong0) {
        if (refused0) refuse(output0);
        return i;
      }
      if (typeof given0 !== 'number') refuse(given0);
      const given1 = choose(row1, state);
      const output1 = given1 | 0;
      const wrong1 = ~output1 >>> 1;
      const refused1 = output1 ^ -4;
      if (output1 >>> 0 < outputs) rows[(interleaved ? (next[output1]++ << step) + output1 : next[output1]++) | 0] = row1;
      else if (wrong1) {
        if (refused1) refuse(output1);
        return i1;
      }
      if (typeof given1 !== 'number') refuse(given1);
      const given2 = choose(row2, state);
      const output2 = given2 | 0;
      const wrong2 = ~output2 >>> 1;
      const refused2 = output2 ^ -4;
      if (output2 >>> 0 < outputs) rows[(interleaved ? (next[output2]++ << step) + output2 : next[output2]++) | 0] = row2;
      else if (wrong2) {
        if (refused2) refuse(output2);
        return i2;
      }
      if (typeof given2 !== 'number') refuse(given2);
      const given3 = choose(row3, state);
      const output3 = given3 | 0;
      const wrong3 = ~output3 >>> 1;
      const refused3 = output3 ^ -4;
      if (output3 >>> 0 < outputs) rows[(interleaved ? (next[output3]++ << step) + output3 : next[output3]++) | 0] = row3;
      else if (wrong3) {
        if (refused3) refuse(output3);
        return i3;
      }
      if (typeof given3 !== 'number') refuse(given3);
    }
    for (; i < count; i = (i + 1) | 0) {
      const row = inputRows ? inputRows[i] : i;
      const given = choose(row, state);
      const output = given | 0;
      const wrong = ~output >>> 1;
      const refused = output ^ -4;
      if (output >>> 0 < outputs) rows[(interleaved ? (next[output]++ << step) + output : next[output]++) | 0] = row;
      else if (wrong) {
        if (refused) refuse(output);
        return i;
      }
      if (typeof given !== 'number') refuse(given);
    }
    return count;
  };
}

/** Returns the copies: outputs beyond the first of each packet. */
export type PacketLoop = (count: number, state: unknown) => number;

/**
 * The same for the packet form: the view is a constant, too, so that V8 compiles in what the function asks it. What is not the number of an
 * output is left to `several`.
 */
export function packetLoop(
  onPacket: PacketFunction, view: MovableView, inputRows: InputRowsOrWhole, rows: Uint16Array, next: Uint32Array, interleaved: boolean, step: number,
  outputs: number, several: Apart<number, unknown>, giveApart: typeof callApart,
) {
  return function passPackets(count: number, state: unknown): number {
    let copied = 0;
    for (let i = 0; i < count; i = (i + 1) | 0) {
      const row = inputRows ? inputRows[i] : i;
      view.moveTo(row);
      const given = onPacket(view, state);
      // A list becomes -4: no output, and not DROP.
      const output = typeof given === 'number' ? given | 0 : -4;
      const other = ~output;
      if (output >>> 0 < outputs && output === given) rows[(interleaved ? (next[output]++ << step) + output : next[output]++) | 0] = row;
      else if (other) copied = (copied + giveApart(several, row, given)) | 0;
    }
    return copied;
  };
}

/** Characters of a function that is short enough for four at a time. */
const SHORT_FUNCTION = 280;

/** The loop that suits a function. */
export function chooseLoopFor(choose: ChooseFunction): typeof chooseLoop {
  return String(choose).length <= SHORT_FUNCTION ? chooseFourLoop : chooseLoop;
}
