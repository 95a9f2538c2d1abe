/**
 * The flow hash: a Toeplitz hash whose key repeats every 16 bits, so that the whole hash of
 * addresses and ports is a function of the XOR of their 16-bit words. That XOR, the flow word, is
 * the same in both directions of a flow, and two look-ups turn it into the hash.
 */

/** The key's first 16 bits; they repeat over all the bits that are ever used of it. */
const KEY_PERIOD = 0x506d;

/** Stand in for the ports of a packet that has none (source << 16 | destination). */
export const CONSTANT_PORTS = 0xfdfffeff;

/** The 32 bits of the key that meet bit `bit` (0 is the most significant) of a 16-bit word. */
function keyWindow(bit: number): number {
  const rotated = ((KEY_PERIOD << bit) | (KEY_PERIOD >>> (16 - bit))) & 0xffff;
  return ((rotated << 16) | rotated) >>> 0;
}

/** The hashes of the 256 words that have bits only in one byte, `firstBit` being that byte's first. Outside of V8's heap, so that loops may have the address compiled in. */
function hashesOfByte(firstBit: number): Uint32Array {
  const hashes = new Uint32Array(new ArrayBuffer(256 * 4));
  for (let byte = 1; byte < 256; byte++) {
    const lowest = byte & -byte;
    hashes[byte] = hashes[byte ^ lowest] ^ keyWindow(firstBit + Math.clz32(lowest) - 24);
  }
  return hashes;
}

/** A word's hash is the XOR of what stands here for its two bytes: for loops that call nothing. */
export const HASHES_OF_HIGH_BYTE = hashesOfByte(0);
export const HASHES_OF_LOW_BYTE = hashesOfByte(8);

/** The 32-bit hash of a flow word (16 bits). */
export const flowHash = hashBy(HASHES_OF_HIGH_BYTE, HASHES_OF_LOW_BYTE);

/** A closure: bundles make variables of a module's constants, and V8 would load the tables again for each packet. */
function hashBy(high: Uint32Array, low: Uint32Array): (word: number) => number {
  return (word) => (high[(word >>> 8) & 0xff] ^ low[word & 0xff]) >>> 0;
}

/**
 * The flow word, 16 bits: `addresses` (16 bits) and `ports` (source << 16 | destination) as flow
 * fields have them (signed or not), and the seed, which is added to both ports. The seed of a brick is its nesting
 * level, from 1, so that a load balancer behind another splits again. For the split by addresses
 * alone give CONSTANT_PORTS for the ports.
 */
export function flowWord(addresses: number, ports: number, seed: number): number {
  return (addresses ^ ((ports >>> 16) + seed) ^ (ports + seed)) & 0xffff;
}
