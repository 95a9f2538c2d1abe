/** The pages of large tables: large ones, since these are read here and there and the processor has to find small ones first; and back to the system where they are not needed. */
import { coreAddon } from '../native/core-addon';

/** Its content is lost; the next user writes it before reading it. */
export function releaseMemory(memory: Uint8Array | Uint32Array): void {
  coreAddon()?.releaseMemory(wordsOf(memory));
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array | Uint32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength >>> 2);
}

/** For pages that are first written to from now on. Where the system has no large pages, or nothing native was built, nothing happens. */
export function useHugePages(memory: Uint8Array | Uint32Array): void {
  coreAddon()?.useHugePages(wordsOf(memory));
}
