/** Keys of datagrams by their first fragments, which alone have ports, for the fragments behind them: a bounded number of datagrams, for a bounded time. */
import { FragmentTable } from '../bricks/fragment-table';
import type { FlowFields } from '../flow/flow-fields';
import type { EngineClock } from '../model/brick';
import { KEY_MACS, KEY_META, META_MACS } from './layout';

const DATAGRAMS = 4096;
/** Words of a key up to the hardware addresses, and the number of the datagram. */
const WORDS = KEY_MACS;
const LIFETIME_MILLISECONDS = 30_000;

export class FragmentKeys {
  private readonly table: FragmentTable;
  private readonly keys = new Uint32Array(DATAGRAMS * (WORDS + 1));
  /** Counts datagrams; the table keeps it, and the keys lie in turn. */
  private last = 0;

  constructor(clock: EngineClock) {
    this.table = new FragmentTable(DATAGRAMS, LIFETIME_MILLISECONDS, clock);
  }

  has(flow: FlowFields): boolean {
    return this.placeOf(flow) >= 0;
  }

  /** Keeps the key of a first fragment. */
  remember(flow: FlowFields, keys: Uint32Array, at: number): void {
    this.last = (this.last + 1) & 0x3fffffff;
    const place = (this.last & (DATAGRAMS - 1)) * (WORDS + 1);
    for (let word = 0; word < WORDS; word++) this.keys[place + word] = keys[at + word];
    this.keys[place + WORDS] = this.last;
    this.table.set(flow.fragmentHash, flow.fragmentSource, flow.fragmentDestination, this.last);
  }

  /** Gives a later fragment the key of its first one, but for its hardware addresses. False if that is not known. */
  recall(flow: FlowFields, keys: Uint32Array, at: number): boolean {
    const place = this.placeOf(flow);
    if (place < 0) return false;
    const macs = keys[at + KEY_META] & META_MACS;
    for (let word = 0; word < WORDS; word++) keys[at + word] = this.keys[place + word];
    keys[at + KEY_META] = (keys[at + KEY_META] & ~META_MACS) | macs;
    return true;
  }

  private placeOf(flow: FlowFields): number {
    const number = this.table.find(flow.fragmentHash, flow.fragmentSource, flow.fragmentDestination);
    if (number < 0) return -1;
    const place = (number & (DATAGRAMS - 1)) * (WORDS + 1);
    return this.keys[place + WORDS] === number ? place : -1;
  }
}
