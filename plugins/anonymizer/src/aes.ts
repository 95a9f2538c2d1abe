/**
 * AES-128 (FIPS 197), as far as Crypto-PAn needs it: the first bit of an encrypted block. One of our own, since a call into OpenSSL for each bit of an
 * address costs a microsecond and allocates; this takes some 80 ns. It is not for secrets of those who can measure its time: tables are read by the key.
 */
const WORDS_OF_KEY = 4;
const ROUNDS = 10;
const SUBSTITUTES = new Uint8Array(256);
/** Substitution and mixing of columns in one: for the first byte of a column; those of the others are the same, turned. */
const FIRST = new Int32Array(256);
const SECOND = new Int32Array(256);
const THIRD = new Int32Array(256);
const FOURTH = new Int32Array(256);
fillTables();

function turned(byte: number, by: number): number {
  return ((byte << by) | (byte >>> (8 - by))) & 0xff;
}

/** Twice a byte, as AES multiplies. */
function doubled(byte: number): number {
  return ((byte << 1) ^ ((byte & 0x80) === 0 ? 0 : 0x1b)) & 0xff;
}

function fillTables(): void {
  // 3 reaches every byte but 0; `inverse` goes the other way round.
  let byte = 1;
  let inverse = 1;
  do {
    byte ^= doubled(byte);
    inverse ^= inverse << 1;
    inverse ^= inverse << 2;
    inverse ^= inverse << 4;
    inverse &= 0xff;
    if ((inverse & 0x80) !== 0) inverse ^= 0x09;
    SUBSTITUTES[byte] = inverse ^ turned(inverse, 1) ^ turned(inverse, 2) ^ turned(inverse, 3) ^ turned(inverse, 4) ^ 0x63;
  } while (byte !== 1);
  SUBSTITUTES[0] = 0x63;
  for (let index = 0; index < 256; index++) {
    const one = SUBSTITUTES[index];
    const two = doubled(one);
    const column = (two << 24) | (one << 16) | (one << 8) | (one ^ two);
    FIRST[index] = column;
    SECOND[index] = (column >>> 8) | (column << 24);
    THIRD[index] = (column >>> 16) | (column << 16);
    FOURTH[index] = (column >>> 24) | (column << 8);
  }
}

function substituted(word: number): number {
  return (SUBSTITUTES[word >>> 24] << 24) | (SUBSTITUTES[(word >>> 16) & 0xff] << 16) | (SUBSTITUTES[(word >>> 8) & 0xff] << 8) | SUBSTITUTES[word & 0xff];
}

export class Aes128 {
  private readonly schedule = new Int32Array(4 * (ROUNDS + 1));

  /** Of 16 bytes. */
  constructor(key: Uint8Array) {
    const { schedule } = this;
    const view = new DataView(key.buffer, key.byteOffset, 16);
    for (let word = 0; word < WORDS_OF_KEY; word++) schedule[word] = view.getInt32(4 * word);
    for (let word = WORDS_OF_KEY, round = 1; word < schedule.length; word++) {
      let before = schedule[word - 1];
      if (word % WORDS_OF_KEY === 0) {
        before = substituted((before << 8) | (before >>> 24)) ^ (round << 24);
        round = doubled(round);
      }
      schedule[word] = schedule[word - WORDS_OF_KEY] ^ before;
    }
  }

  /** The most significant bit of the encrypted block that these four words are: 0 or 1. */
  firstBit(a: number, b: number, c: number, d: number): number {
    const { schedule } = this;
    let first = a ^ schedule[0];
    let second = b ^ schedule[1];
    let third = c ^ schedule[2];
    let fourth = d ^ schedule[3];
    for (let at = 4; at < 4 * (ROUNDS - 1); at += 4) {
      const newFirst = FIRST[first >>> 24] ^ SECOND[(second >>> 16) & 0xff] ^ THIRD[(third >>> 8) & 0xff] ^ FOURTH[fourth & 0xff] ^ schedule[at];
      const newSecond = FIRST[second >>> 24] ^ SECOND[(third >>> 16) & 0xff] ^ THIRD[(fourth >>> 8) & 0xff] ^ FOURTH[first & 0xff] ^ schedule[at + 1];
      const newThird = FIRST[third >>> 24] ^ SECOND[(fourth >>> 16) & 0xff] ^ THIRD[(first >>> 8) & 0xff] ^ FOURTH[second & 0xff] ^ schedule[at + 2];
      fourth = FIRST[fourth >>> 24] ^ SECOND[(first >>> 16) & 0xff] ^ THIRD[(second >>> 8) & 0xff] ^ FOURTH[third & 0xff] ^ schedule[at + 3];
      first = newFirst;
      second = newSecond;
      third = newThird;
    }
    // Of the last two rounds only what the first byte depends on.
    const last = FIRST[first >>> 24] ^ SECOND[(second >>> 16) & 0xff] ^ THIRD[(third >>> 8) & 0xff] ^ FOURTH[fourth & 0xff] ^ schedule[36];
    return (SUBSTITUTES[last >>> 24] ^ (schedule[40] >>> 24)) >>> 7 & 1;
  }
}
