/**
 * Where transmitters note which packets of the batch on their way they drop, while somebody wants to know: links count their drops, and
 * counters do not say which packets it were. Native transmitters write here too (src/native/drop_notes.h).
 */
import { uint32Array } from './typed-arrays';

/** Words in front of the notes: whether they are wanted; how many there are, those included for which there was no room. */
const WANTED = 0;
const NOTED = 1;
const HEADER_WORDS = 2;
/** Of a note: the output; the row, and above it the reason. */
const NOTE_WORDS = 2;
const REASON_SHIFT = 16;
const ROW_MASK = 0xffff;

export interface DropNotes {
  readonly words: Uint32Array;
  /** Of each output 1, where whoever sends its packets notes all that it drops. */
  readonly complete: Uint8Array;
  /** Where links note what they drop of earlier batches (late-drops.ts); missing if none of them ever does. */
  late: Uint32Array | undefined;
}

/** For lists of so many outputs, and at least so many drops of a batch. */
export function createDropNotes(outputs: number, drops: number): DropNotes {
  return { words: uint32Array(HEADER_WORDS + NOTE_WORDS * drops), complete: new Uint8Array(Math.max(1, outputs)), late: undefined };
}

/** A packet of the batch on its way is dropped: `reason` is the index of it. Costs nothing to speak of while nobody wants to know. */
export function noteDrop({ words }: DropNotes, output: number, row: number, reason: number): void {
  if (words[WANTED] === 0) return;
  const at = HEADER_WORDS + NOTE_WORDS * words[NOTED]++;
  if (at >= words.length) return;
  words[at] = output;
  words[at + 1] = row | (reason << REASON_SHIFT);
}

/** From now on, or no longer. */
export function wantDropNotes({ words }: DropNotes, wanted: boolean): void {
  words[WANTED] = wanted ? 1 : 0;
  words[NOTED] = 0;
}

/** Of another batch. */
export function clearDropNotes({ words }: DropNotes): void {
  words[NOTED] = 0;
}

/** Whether anything was dropped of the outputs that are `complete`. */
export function hasDropNotes({ words }: DropNotes): boolean {
  return words[NOTED] > 0;
}

/** Calls a function with each drop of an output, in the order in which they were noted. False where there were more than could be noted. */
export function eachDrop({ words }: DropNotes, output: number, call: (row: number, reason: number) => void): boolean {
  const end = Math.min(words.length, HEADER_WORDS + NOTE_WORDS * words[NOTED]);
  for (let at = HEADER_WORDS; at < end; at += NOTE_WORDS) if (words[at] === output) call(words[at + 1] & ROW_MASK, words[at + 1] >>> REASON_SHIFT);
  return HEADER_WORDS + NOTE_WORDS * words[NOTED] <= words.length;
}
