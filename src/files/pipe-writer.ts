/** Writes records to a pipe, which may take a part of one, or nothing now. */
import { systemCode } from '../model/system-error';
import { recordAt, type RingOfRecords } from './ring-records';
import type { TargetFile } from './target-file';

const NOTHING = new Uint8Array(0);

export class PipeWriter {
  /** Bytes of the first record in the ring that are written already. */
  private partial = 0;
  /** What comes before that record, and has not been written yet. */
  private first: Uint8Array = NOTHING;

  /** Nothing may come between the parts of a record, as the description of a link type would. */
  get withinRecord(): boolean {
    return this.partial > 0;
  }

  /** Whoever reads next can do nothing with the rest of a record. */
  forget(): void {
    this.partial = 0;
    this.first = NOTHING;
  }

  /** These bytes, a header say, are to be written before the next record. Only between records. */
  begin(bytes: Uint8Array): void {
    this.first = Buffer.concat([this.first, bytes]);
  }

  /** Writes from the ring's tail on; returns the bytes of whole records that are out now, or -1 if the pipe takes nothing. Throws what the system throws. */
  write(target: TargetFile, ring: RingOfRecords, tail: number, length: number): number {
    while (this.first.length > 0) {
      const count = writeNow(target, this.first, 0, this.first.length);
      if (count <= 0) return -1;
      this.first = this.first.subarray(count);
    }
    const wanted = this.partial > 0 ? recordAt(ring, tail).record : length;
    let written = 0;
    while (this.partial < wanted) {
      const at = (tail + this.partial) & (ring.bytes.length - 1);
      const count = writeNow(target, ring.bytes, at, Math.min(wanted - this.partial, ring.bytes.length - at));
      if (count <= 0) break;
      this.partial += count;
      written += count;
    }
    if (written === 0) return -1;
    let whole = 0;
    while (this.partial > 0) {
      const { record } = recordAt(ring, tail + whole);
      if (record > this.partial) break;
      whole += record;
      this.partial -= record;
    }
    return whole;
  }
}

function writeNow(target: TargetFile, bytes: Uint8Array, from: number, length: number): number {
  try {
    return target.write(bytes, from, length, 0);
  } catch (error) {
    if (systemCode(error) === 'EAGAIN') return 0;
    throw error;
  }
}
