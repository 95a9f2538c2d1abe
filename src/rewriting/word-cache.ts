/** What keys became: a bounded number of them, in sets of four, of which one after the other gives way. Nothing is allocated after it is made. */
const WAYS = 4;

/**
 * Remembers results that take long to work out, such as what becomes of an address. Keys and results are words of 32 bits, as many as it was made for; an entry lies in
 * one piece (some 10 ns to look one up).
 */
export class WordCache {
  /** Of each entry: a tag (0: it is empty), the key, its result. */
  private readonly entries: Int32Array;
  private readonly turns: Uint8Array;
  private readonly entryWords: number;
  private readonly sets: number;

  /** Of so many entries, rounded up to a power of two. */
  constructor(entries: number, private readonly words: number) {
    this.sets = 1 << Math.max(0, Math.ceil(Math.log2(entries / WAYS)));
    this.entryWords = 1 + 2 * words;
    this.entries = new Int32Array(this.sets * WAYS * this.entryWords);
    this.turns = new Uint8Array(this.sets);
  }

  /** Writes what the first words of `key` became into `result`; false if they are not known. */
  recall(key: Int32Array, result: Int32Array): boolean {
    const { entries, words, entryWords } = this;
    const hash = this.hash(key);
    let at = (hash >>> 1 & (this.sets - 1)) * WAYS * entryWords;
    for (let way = 0; way < WAYS; way++, at += entryWords) {
      if (entries[at] !== (hash | 1)) continue;
      let word = 0;
      while (word < words && entries[at + 1 + word] === key[word]) word++;
      if (word < words) continue;
      for (word = 0; word < words; word++) result[word] = entries[at + 1 + words + word];
      return true;
    }
    return false;
  }

  /** Keeps that the first words of `key` became those of `result`. */
  remember(key: Int32Array, result: Int32Array): void {
    const { entries, words } = this;
    const hash = this.hash(key);
    const set = hash >>> 1 & (this.sets - 1);
    const at = (set * WAYS + (this.turns[set]++ & (WAYS - 1))) * this.entryWords;
    entries[at] = hash | 1;
    for (let word = 0; word < words; word++) {
      entries[at + 1 + word] = key[word];
      entries[at + 1 + words + word] = result[word];
    }
  }

  private hash(key: Int32Array): number {
    let hash = 0x2545f491;
    for (let word = 0; word < this.words; word++) {
      hash = Math.imul(hash ^ key[word], 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }
}
