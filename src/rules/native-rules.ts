/** The native reader of rule tables (src/rules/native), where it was built. */
import { endianness } from 'node:os';
import type { PacketColumns } from '../model/packet-batch';
import { coreAddon } from '../native/core-addon';
import type { SharedRules } from './layout';
import type { ReaderLists, RuleMatcher } from './rule-reader';

export interface NativeRules extends RuleMatcher {
  /** Says where packets lie, which rows of the batch `select` takes, and where it says what is decided of them. */
  bind(bytes: Uint8Array, rows: Uint16Array, next: Uint16Array): void;
  /**
   * Reads the keys of the first `count` rows and decides them as `match` does, up to the first rows that it can't read: those have META_UNREAD, and all from there on
   * are left to `match`. Returns twice the number of rows decided, and 1 more where `match` would not return 0. For Ethernet only.
   */
  select(count: number, tick: number, counts: number): number;
}

export interface NativeLists extends ReaderLists {
  readonly rows: Uint16Array;
}

/** The tables as the addon wants them: one view for each. */
export type NativeTables = Readonly<Record<string, Uint32Array | Uint16Array | Uint8Array>>;

export type NativeRulesClass = new (
  columns: Pick<PacketColumns, 'offset' | 'length' | 'wireLength'>, tables: NativeTables, lists: NativeLists, limit: number, outputs: number, inner: boolean,
) => NativeRules;

function tablesOf({ control, actions, records, hints, tuples, tags, slots, firsts }: SharedRules): NativeTables {
  const view = (buffer: SharedArrayBuffer): Uint32Array => new Uint32Array(buffer);
  const numbered = (name: string, buffers: readonly SharedArrayBuffer[]): [string, Uint32Array][] => buffers.map((buffer, index) => [`${name}${index}`, view(buffer)]);
  return {
    control: view(control), actions: view(actions),
    ...Object.fromEntries([...numbered('records', records), ...numbered('hints', hints), ...numbered('tuples', tuples), ...slots.flatMap((pair, which) => numbered(`slots${which}`, pair))]),
    ...Object.fromEntries(tags.flatMap((pair, which) => pair.map((buffer, parity) => [`tags${which}${parity}`, new Uint8Array(buffer)]))),
    ...Object.fromEntries(firsts.map((buffer, which) => [`firsts${which}`, new Uint16Array(buffer)])),
  };
}

/** The reader of these tables; undefined where it was not built. */
export function nativeRules(shared: SharedRules, columns: Pick<PacketColumns, 'offset' | 'length' | 'wireLength'>, lists: NativeLists, inner: boolean): NativeRules | undefined {
  const addon = endianness() === 'LE' ? coreAddon() : undefined;
  return addon && new addon.NativeRules(columns, tablesOf(shared), lists, shared.limit, lists.outputs, inner);
}
