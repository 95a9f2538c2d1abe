/** Large pages for tables that are read here and there: with small ones the processor has to find most of them first. */
import { coreAddon } from '../native/core-addon';

/** For what is written to from now on. Where the system has none, or nothing native was built, nothing happens. */
export function useHugePages(memory: Uint8Array | Uint32Array): void {
  coreAddon()?.useHugePages(new Uint32Array(memory.buffer, memory.byteOffset, memory.byteLength >>> 2));
}
