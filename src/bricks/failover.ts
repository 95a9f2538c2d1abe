/**
 * Leaves out the outputs that no reader is attached to, until one is: their flows go to the outputs with the next highest draws (draws.ts), and all
 * others stay where they are, whatever the split is. Where no output has a reader nothing is moved.
 *
 * It looks at the outputs by the clock. A change costs one pass over the table, 0.1 to 0.2 ms; a packet one addition (split-by-table.ts).
 */
import type { BrickContext, Gauge } from '../model/brick';
import { ConsistentSplit, MOVED } from './consistent-split';
import { drawsOf, outputsByWord, type Split } from './output-table';

/** How long packets may go to an output whose reader has gone: they are counted there, as noReader. */
export const LOOK_MILLISECONDS = 10;
const NAMES_SHOWN = 8;

export class Failover {
  /** By flow word: its output, and whether that is another than usual. */
  readonly table: Uint16Array;
  /** The same for packets without a flow. */
  withoutFlow = 0;
  private readonly split: ConsistentSplit;
  /** 1 for each output that counts as one with a reader. */
  private readonly read: Uint8Array;
  private readonly gauge: Gauge;
  private looked = false;

  /** @throws BricksError E_OPTION */
  constructor(split: Split, private readonly context: BrickContext) {
    const { outputs } = context;
    this.split = new ConsistentSplit(drawsOf(split, context), outputsByWord(split, context));
    this.table = this.split.table;
    this.read = new Uint8Array(outputs);
    this.gauge = context.gauge('outputsLeftOut');
    // Once with outputs left out, so that V8 has compiled that before it is needed while packets come.
    for (let output = 0; output < outputs; output += 2) this.read[output] = 1;
    this.assign(this.read);
    this.assign(this.read.fill(1));
  }

  /** Looks which outputs have readers, and moves flows where that has changed. */
  look(): void {
    const { read, context } = this;
    const gone: string[] = [];
    const back: string[] = [];
    let told = 0;
    for (let output = 0; output < read.length; output++) {
      const has = context.hasReader(output);
      if (has !== undefined) told++;
      const now = has === false ? 0 : 1;
      if (now === read[output]) continue;
      read[output] = now;
      (now === 1 ? back : gone).push(context.outputNames[output]);
    }
    if (!this.looked && told === 0) context.log.warn('failover has no effect: whether anybody reads these outputs can\'t be told');
    this.looked = true;
    if (gone.length + back.length > 0) this.change(gone, back);
  }

  private change(gone: readonly string[], back: readonly string[]): void {
    const { context: { log }, read } = this;
    const nobody = !read.includes(1);
    const all = new Uint8Array(read.length).fill(1);
    this.assign(nobody ? all : read);
    this.gauge.set(nobody ? 0 : read.reduce((left, now) => left + 1 - now, 0));
    if (back.length > 0) log.info(`read again: ${listed(back)}`);
    if (nobody) log.warn('no output has a reader: no flow is moved');
    else if (gone.length > 0) log.warn(`no reader: ${listed(gone)}; the flows go to the other outputs until there is one`);
  }

  private assign(read: Uint8Array): void {
    this.split.allow(read);
    this.withoutFlow = read[0] === 1 ? 0 : MOVED | read.indexOf(1);
  }
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  return names.slice(0, NAMES_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
