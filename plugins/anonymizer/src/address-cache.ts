/** What addresses became: a bounded number of them, in sets of four, of which one after the other gives way. Nothing is allocated after it is made. */
const WAYS = 4;

export class AddressCache {
  private readonly keys: Int32Array;
  /** What the keys became, entry by entry, `words` each. */
  private readonly values: Int32Array;
  private readonly filled: Uint8Array;
  private readonly turns: Uint8Array;
  private readonly sets: number;

  /** Of so many addresses, rounded up to a power of two, of so many words of 32 bits. */
  constructor(entries: number, private readonly words: number) {
    this.sets = 1 << Math.max(0, Math.ceil(Math.log2(entries / WAYS)));
    this.keys = new Int32Array(this.sets * WAYS * words);
    this.values = new Int32Array(this.keys.length);
    this.filled = new Uint8Array(this.sets * WAYS);
    this.turns = new Uint8Array(this.sets);
  }

  /** Writes what the first words of `key` became into `result`; false if they are not known. */
  recall(key: Int32Array, result: Int32Array): boolean {
    const { keys, values, filled, words } = this;
    const first = this.setOf(key) * WAYS;
    for (let entry = first; entry < first + WAYS; entry++) {
      if (filled[entry] === 0) continue;
      const at = entry * words;
      let word = 0;
      while (word < words && keys[at + word] === key[word]) word++;
      if (word < words) continue;
      for (word = 0; word < words; word++) result[word] = values[at + word];
      return true;
    }
    return false;
  }

  /** Keeps that the first words of `key` became those of `result`. */
  remember(key: Int32Array, result: Int32Array): void {
    const { keys, values, filled, turns, words } = this;
    const set = this.setOf(key);
    const entry = set * WAYS + (turns[set]++ & (WAYS - 1));
    filled[entry] = 1;
    const at = entry * words;
    for (let word = 0; word < words; word++) {
      keys[at + word] = key[word];
      values[at + word] = result[word];
    }
  }

  private setOf(key: Int32Array): number {
    let hash = 0x2545f491;
    for (let word = 0; word < this.words; word++) {
      hash = Math.imul(hash ^ key[word], 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & (this.sets - 1);
  }
}
