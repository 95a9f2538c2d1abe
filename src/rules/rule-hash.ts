/** The hash of a rule's key: of its tuple, and of the words that the tuple looks at. The native reader has the same (src/rules/native/rule_hash.h). */
import { TUPLE_USED, TUPLE_WORDS } from './layout';

/** The hash of the words `key[1]` to `key[12]` under the mask of a tuple. A number of 32 bits with a sign. */
export function hashOfKey(seed: number, number: number, tuples: Uint32Array, key: Uint32Array, at = 0): number {
  const tuple = number * TUPLE_WORDS;
  let hash = seed ^ Math.imul(number, 0x9e3779b9);
  for (let used = tuples[tuple + TUPLE_USED]; used !== 0; used &= used - 1) {
    const word = 31 - Math.clz32(used & -used);
    hash = Math.imul(hash ^ (key[at + word] & tuples[tuple + word]), 0xcc9e2d51);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x1b873593);
  return hash ^ (hash >>> 13);
}

/** The tag of a place of the hash table: never 0. */
export function tagOf(hash: number): number {
  return hash >>> 24 || 1;
}

/** What stands in the slot of a place: eight more bits of the hash, and the rule. */
export function slotOf(hash: number, rule: number): number {
  return (((hash << 8) & 0xff000000) | rule) >>> 0;
}

/** Where the hint for an address whose first word this is stands, among 2^bits. IPv6 addresses begin alike: theirs are spread. */
export function hintIndex(wide: boolean, firstWord: number, bits: number): number {
  return (wide ? Math.imul(firstWord, 0x9e3779b1) : firstWord) >>> (32 - bits);
}

/** The bit of a prefix length. */
export function hintBit(length: number): number {
  return 1 << (length & 31);
}
