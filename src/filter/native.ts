/** The part of bricks_pcap.node that filters packets; its sources are in backends/pcap/native. */
import { loadAddon, tryLoadAddon } from '../native/load-addon';
import type { FilteredPackets } from './bpf-to-javascript';

export interface FilterRules {
  /** Only what matches passes; everything does where there is none. */
  readonly expression?: string | undefined;
  /** What matches is dropped. */
  readonly drop?: string | undefined;
  /** What matches passes in any case. */
  readonly accept?: string | undefined;
}

export interface NativeFilter {
  addBatch(packets: FilteredPackets): number;
  setMemory(batch: number, bytes: Uint8Array): void;
  /** The instructions of a rule, four words each (code, jt, jf, k); undefined where there is no such rule. */
  program(rule: 'expression' | 'drop' | 'accept'): Uint32Array | undefined;
  select(batch: number, rows: Uint16Array, count: number, next: Uint16Array): void;
}

export interface FilterAddon {
  readonly CompiledFilter: new (linkType: number, snapLength: number, rules: FilterRules) => NativeFilter;
}

/** @throws BricksError E_NATIVE_MISSING */
export function filterAddon(): FilterAddon {
  return loadAddon<FilterAddon>('bricks_pcap');
}

export function tryFilterAddon(): FilterAddon | undefined {
  return tryLoadAddon<FilterAddon>('bricks_pcap');
}
