/**
 * Drops of packets that came with earlier batches, and seemed to be sent: they waited behind a full ring, or for their turn with another reader. What
 * drops them notes their bytes too, while somebody wants to know (native transmitters: src/native/drop_notes.h).
 */
import { uint32Array } from './typed-arrays';

/** Words in front of the notes: whether they are wanted; the words that they take; how many found no room. */
const WANTED = 0;
const USED = 1;
const LOST = 2;
const HEADER_WORDS = 3;
/** Of a note, in front of the packet's bytes: the output, and above it the reason; the bytes that are known, and those that there were. */
const OUTPUT = 0;
const KNOWN = 1;
const LENGTH = 2;
const NOTE_WORDS = 3;
const REASON_SHIFT = 16;
const OUTPUT_MASK = 0xffff;

/** Room for what is dropped until somebody looks, which is once a batch. */
const ROOM_WORDS = 1 << 16;

export interface LateDrop {
  readonly output: number;
  /** The index of a reason. */
  readonly reason: number;
  /** Where its bytes begin in the buffer of the notes: a multiple of 4. */
  readonly offset: number;
  /** How many of them are known. */
  readonly known: number;
  readonly length: number;
}

export function createLateDrops(): Uint32Array {
  return uint32Array(HEADER_WORDS + ROOM_WORDS);
}

/** From now on, or no longer. */
export function wantLateDrops(words: Uint32Array, wanted: boolean): void {
  words[WANTED] = wanted ? 1 : 0;
  words[USED] = words[LOST] = 0;
}

/** Takes what has been noted, in order. */
export function takeLateDrops(words: Uint32Array): { readonly drops: readonly LateDrop[]; readonly lost: number } {
  const drops: LateDrop[] = [];
  for (let at = HEADER_WORDS; at < HEADER_WORDS + words[USED]; at += NOTE_WORDS + ((words[at + KNOWN] + 3) >>> 2)) {
    drops.push({ output: words[at + OUTPUT] & OUTPUT_MASK, reason: words[at + OUTPUT] >>> REASON_SHIFT, offset: 4 * (at + NOTE_WORDS), known: words[at + KNOWN], length: words[at + LENGTH] });
  }
  const { [LOST]: lost } = words;
  words[USED] = words[LOST] = 0;
  return { drops, lost };
}

/** Whether anything has been noted. */
export function hasLateDrops(words: Uint32Array): boolean {
  return words[USED] > 0 || words[LOST] > 0;
}
