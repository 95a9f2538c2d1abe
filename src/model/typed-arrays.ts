/** The typed arrays that hot loops work on. */

/**
 * A typed array outside of V8's heap, however small it is: only such a one has an address that V8 may compile in, and that
 * native code may keep.
 */
export function uint16Array(length: number): Uint16Array {
  return new Uint16Array(new ArrayBuffer(length * 2));
}

/** The same with 32 bits. */
export function uint32Array(length: number): Uint32Array {
  return new Uint32Array(new ArrayBuffer(length * 4));
}
