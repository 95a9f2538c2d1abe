/** Random numbers by a seed. Draws are of 30 bits: so much is their whole range. */
const WHOLE = 0x40000000;

/** Pseudo-random numbers, the same ones for the same seed (sfc32, in 32 bits); some 3 ns each, and nothing is allocated. Not for secrets. */
export class Random {
  private a: number;
  private b: number;
  private c = 0x5bd1e995;
  private counter = 1;

  /** Of one seed, each `stream` has other numbers. */
  constructor(seed: number, stream = 0) {
    this.a = seed | 0;
    this.b = stream | 0;
    for (let round = 0; round < 15; round++) this.word();
  }

  /** 32 bits, signed. */
  word(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum;
  }

  /** A whole number from 0 to `limit` - 1, for limits up to 2^22. */
  below(limit: number): number {
    return Math.floor(((this.word() >>> 2) / WHOLE) * limit);
  }

  /** True for this share of all calls. */
  chance(share: number): boolean {
    return (this.word() >>> 2) < share * WHOLE;
  }
}

/** 32 bits that look random, of two numbers: always the same of the same two. What follows from numbers so needs no memory. */
export function mixedWord(a: number, b: number): number {
  let hash = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ b;
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return hash ^ (hash >>> 16);
}
