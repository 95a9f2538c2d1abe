/**
 * A brick's functions with the engine's loops around them: what a node of the graph runs for each batch. One for a node; the warm-up
 * and the engine share it, and with it all that V8 has compiled, wherever the brick keeps what it remembers in its `state`.
 */
import { ALL, DROP, HELD, NEXT_DROP, SLOW_PATH } from '../model/brick';
import type { AnyDefinition, BrickContext, ChooseFunction, PacketFunction, Packets, ProcessFunction, ReleaseFunction } from '../model/brick';
import type { CurrentPackets } from '../context/current-packets';
import type { NodeMemory } from '../rows/graph-memory';
import type { HoldArea } from '../buffers/hold-area';
import type { OptionValues } from '../model/options';
import type { PacketList, PacketLists } from '../model/packet-list';
import type { MovableView } from '../model/packet-view';
import { Apart, callApart } from '../v8/apart';
import { uint16Array, uint32Array } from '../model/typed-arrays';
import { callLoop, type Specialiser } from '../v8/specialise';
import { COPIED, UNLISTED, beginRows, chooseLoopFor, endRows, packetLoop, type ChooseLoop, type NodeTally, type PacketLoop } from '../v8/loops';
import { numberer, repeater, type RepeatLoop } from '../v8/repeat-loops';

/** What the functions of a node are made with. */
export interface NodeParts {
  readonly definition: AnyDefinition;
  readonly options: OptionValues;
  readonly context: BrickContext;
  readonly packets: Packets;
  readonly current: CurrentPackets;
  readonly memory: NodeMemory;
  readonly specialise: Specialiser['specialise'];
  readonly makeView: () => MovableView;
}

export interface NodeCode {
  /** What the last run has done with the rows of its input. */
  readonly tally: NodeTally;
  /** Puts each row of the input on the lists of the outputs that get it. */
  run(input: PacketList, state: unknown): void;
  /** Asks which of the held packets go: makes them rows of the area's outgoing batch, on the outputs' lists. Returns how many it dropped. */
  release(hold: HoldArea, all: boolean, state: unknown): number;
}

export function makeNodeCode(parts: NodeParts): NodeCode {
  const { definition, packets, options, context } = parts;
  const { choose, slowPath, release, onPacket, process } = definition;
  if (choose) return new ChooseCode(parts, choose(packets, options, context), slowPath?.(packets, options, context), release?.(packets, options, context));
  if (onPacket) return new PacketCode(parts, onPacket(options, context), definition.copies === true);
  if (process) return new ProcessCode(parts, process(packets, options, context));
  return new BroadcastCode(parts);
}

/** Constants of the contract, by which messages call them. */
const CONSTANT_NAMES: ReadonlyMap<unknown, string> = new Map([[HELD, 'HELD'], [ALL, 'ALL'], [SLOW_PATH, 'SLOW_PATH']]);

/** The graph adds the brick's name. */
function wrongOutput(outputs: number, given: unknown): Error {
  const range = outputs === 1 ? '0, its only output,' : `an output from 0 to ${outputs - 1}`;
  return new Error(`it returned ${CONSTANT_NAMES.get(given) ?? JSON.stringify(given) ?? String(given)} for a packet; it must return ${range} or DROP`);
}

/** Where the next row of each output's list goes; for interleaved lists the counts themselves serve. One for a node. */
class NextRows {
  readonly next: Uint32Array;
  readonly begin: () => void;
  readonly end: () => void;

  constructor({ counts, shift, step, outputs }: PacketLists, specialise: Specialiser['specialise']) {
    if (step > 0) {
      this.next = counts;
      this.begin = this.end = nothing;
      return;
    }
    this.next = uint32Array(Math.max(1, outputs));
    this.begin = specialise(beginRows, this.next, counts, shift, outputs);
    this.end = specialise(endRows, this.next, counts, shift, outputs);
  }
}

function nothing(): void {}

/** Stands in where a brick has no slowPath. */
function noSlowPath(): number {
  throw new Error('it returned SLOW_PATH for a packet, but has no slowPath');
}

/**
 * The form choose. Two loops: one for a whole batch, one for a list of some of its rows. A loop that meets a packet for the slow path ends there; `run`
 * passes this packet and starts the loop again behind it, so that all packets keep their order.
 */
class ChooseCode implements NodeCode {
  readonly tally: NodeTally = uint32Array(2);
  private readonly ofWhole: ChooseLoop;
  private readonly ofList: ChooseLoop;
  private readonly nextRows: NextRows;
  private readonly lists: PacketLists;

  constructor(
    { memory, specialise }: NodeParts, choose: ChooseFunction, private readonly chooseSlowly: ChooseFunction = noSlowPath, private readonly releaseOne: ReleaseFunction | undefined,
  ) {
    const { tally } = this;
    const lists = memory.outputs;
    const { rows, step, outputs } = lists;
    this.lists = lists;
    this.nextRows = new NextRows(lists, specialise);
    const refuse = (given: unknown): void => {
      throw wrongOutput(outputs, given);
    };
    const loop = chooseLoopFor(choose);
    this.ofWhole = specialise(loop, choose, null, rows, this.nextRows.next, step > 0, step, outputs, tally, refuse);
    this.ofList = specialise(loop, choose, memory.inputRows, rows, this.nextRows.next, step > 0, step, outputs, tally, refuse);
  }

  run(input: PacketList, state: unknown): void {
    const { nextRows } = this;
    const { count } = input;
    this.tally[UNLISTED] = 0;
    const loop = input.whole ? this.ofWhole : this.ofList;
    callLoop(nextRows.begin, undefined, undefined, undefined);
    for (let at = callLoop(loop, 0, count, state); at < count; at = callLoop(loop, at + 1, count, state)) this.passSlowly(input.rows[at], state);
    callLoop(nextRows.end, undefined, undefined, undefined);
  }

  private passSlowly(row: number, state: unknown): void {
    const { rows, step, outputs } = this.lists;
    const { next } = this.nextRows;
    const output = this.chooseSlowly(row, state);
    if (output >= 0 && output < outputs && output === (output | 0)) rows[step > 0 ? (next[output]++ << step) + output : next[output]++] = row;
    else if (output === DROP || output === HELD) this.tally[UNLISTED]++;
    else throw wrongOutput(outputs, output);
  }

  release(hold: HoldArea, all: boolean, state: unknown): number {
    const { releaseOne, lists } = this;
    if (releaseOne === undefined) return 0;
    const { rows, counts, shift, step, outputs } = lists;
    const { waiting, decided } = hold;
    // Before anything moves: a brick that throws has let nothing go.
    for (let i = 0; i < hold.waitingCount; i++) {
      const output = releaseOne(waiting[i], all, state);
      if (!(output === HELD || output === DROP || (output >= 0 && output < outputs && output === (output | 0)))) throw wrongOutput(outputs, output);
      decided[i] = output === HELD && all ? DROP : output;
    }
    let left = 0;
    let dropped = 0;
    for (let i = 0; i < hold.waitingCount; i++) {
      const place = waiting[i];
      const output = decided[i];
      if (output >= 0) {
        rows[(output << shift) + (counts[output]++ << step)] = hold.go(place);
      } else if (output === HELD) {
        waiting[left++] = place;
      } else {
        hold.release(place);
        dropped++;
      }
    }
    hold.waitingCount = left;
    return dropped;
  }
}

class PacketCode implements NodeCode {
  readonly tally: NodeTally = uint32Array(2);
  private readonly ofWhole: PacketLoop;
  private readonly ofList: PacketLoop;
  private readonly nextRows: NextRows;

  constructor({ memory, specialise, makeView }: NodeParts, onPacket: PacketFunction, copies: boolean) {
    const { tally } = this;
    const lists = memory.outputs;
    const { rows, step, outputs } = lists;
    this.nextRows = new NextRows(lists, specialise);
    const view = makeView();
    const several = new Apart(severalGiver(lists, this.nextRows.next, tally, copies));
    this.ofWhole = specialise(packetLoop, onPacket, view, null, rows, this.nextRows.next, step > 0, step, outputs, tally, several, callApart);
    this.ofList = specialise(packetLoop, onPacket, view, memory.inputRows, rows, this.nextRows.next, step > 0, step, outputs, tally, several, callApart);
  }

  run(input: PacketList, state: unknown): void {
    const { nextRows } = this;
    this.tally.fill(0);
    callLoop(nextRows.begin, undefined, undefined, undefined);
    callLoop(input.whole ? this.ofWhole : this.ofList, input.count, state, undefined);
    callLoop(nextRows.end, undefined, undefined, undefined);
  }

  release(): number {
    return 0;
  }
}

/** Gives a row to what is not one output: a list of outputs, or ALL. Returns how many these are. */
function severalGiver({ rows, step, outputs }: PacketLists, next: Uint32Array, tally: NodeTally, copies: boolean): (row: number, given: unknown) => number {
  const interleaved = step > 0;
  const give = (row: number, output: number): void => {
    rows[interleaved ? (next[output]++ << step) + output : next[output]++] = row;
  };
  return (row, given) => {
    if (given !== ALL && !Array.isArray(given)) throw wrongOutput(outputs, given);
    const several = given === ALL ? undefined : given as readonly number[];
    const count = several === undefined ? outputs : several.length;
    if (count > 1 && !copies) throw new Error('it gave a packet to several outputs, and does not declare copies: true');
    for (let k = 0; k < count; k++) {
      const output = several === undefined ? k : several[k];
      if (!(output >= 0 && output < outputs && output === (output | 0))) throw wrongOutput(outputs, output);
      if (several !== undefined && several.indexOf(output) !== k) throw new Error(`it gave a packet to output ${output} twice`);
      give(row, output);
    }
    if (count === 0) tally[UNLISTED]++;
    else tally[COPIED] += count - 1;
    return count;
  };
}

class ProcessCode implements NodeCode {
  readonly tally: NodeTally = uint32Array(2);
  /** What the brick decides: `decided[i]` is the output of `input.rows[i]`. */
  private readonly decided: Uint16Array;
  private readonly distribute: (count: number) => void;
  private readonly distributeWhole: (count: number) => void;
  private readonly nextRows: NextRows;

  constructor({ memory, specialise }: NodeParts, private readonly process: ProcessFunction) {
    const { tally } = this;
    const { rows, step, outputs } = memory.outputs;
    const decided = uint16Array(memory.room);
    this.decided = decided;
    this.nextRows = new NextRows(memory.outputs, specialise);
    const refuse = (given: number): void => {
      throw wrongOutput(outputs, given);
    };
    this.distribute = specialise(distributeLoop, decided, memory.inputRows, rows, this.nextRows.next, step > 0, step, outputs, tally, refuse);
    this.distributeWhole = specialise(distributeLoop, decided, null, rows, this.nextRows.next, step > 0, step, outputs, tally, refuse);
  }

  run(input: PacketList, state: unknown): void {
    const { decided, nextRows } = this;
    decided.fill(NEXT_DROP, 0, input.count);
    this.process(input, decided, state);
    callLoop(nextRows.begin, undefined, undefined, undefined);
    callLoop(input.whole ? this.distributeWhole : this.distribute, input.count, undefined, undefined);
    callLoop(nextRows.end, undefined, undefined, undefined);
  }

  release(): number {
    return 0;
  }
}

/** One call that distributes what the process form has decided: 1 ns a packet. `wrong` is 0 for NEXT_DROP and NEXT_HELD (src/v8/loops.ts says why it is computed first). */
function distributeLoop(
  decided: Uint16Array, inputRows: Uint16Array | null, rows: Uint16Array, next: Uint32Array, interleaved: boolean, step: number, outputs: number,
  tally: NodeTally, refuse: (output: number) => void,
) {
  return function distribute(count: number): void {
    let left = 0;
    for (let i = 0; i < count; i = (i + 1) | 0) {
      const row = inputRows ? inputRows[i] : i;
      const output = decided[i];
      const wrong = (output ^ 0xffff) >>> 1;
      const more = (left + 1) | 0;
      if (output < outputs) rows[(interleaved ? (next[output]++ << step) + output : next[output]++) | 0] = row;
      else if (wrong) refuse(output);
      else left = more;
    }
    tally[0] = left;
  };
}

class BroadcastCode implements NodeCode {
  readonly tally: NodeTally = uint32Array(2);
  private readonly repeatWhole: RepeatLoop;
  private readonly repeatList: RepeatLoop;
  private readonly outputs: number;

  constructor({ memory, specialise }: NodeParts) {
    const { rows, counts, shift, outputs } = memory.outputs;
    this.outputs = outputs;
    this.repeatWhole = specialise(numberer, new Uint32Array(rows.buffer), rows, counts, shift);
    this.repeatList = specialise(repeater, memory.inputRows, rows, counts, shift);
  }

  run(input: PacketList): void {
    const { outputs, repeatWhole, repeatList, tally } = this;
    const repeat = input.whole ? repeatWhole : repeatList;
    for (let output = 0; output < outputs; output++) callLoop(repeat, output, input.count, undefined);
    if (outputs === 0) tally[UNLISTED] = input.count;
    else tally[COPIED] = input.count * (outputs - 1);
  }

  release(): number {
    return 0;
  }
}
