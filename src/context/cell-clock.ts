/**
 * An engine's time, in a typed array: a fraction that is handed on, or kept in an object, would be a number on V8's heap,
 * some 34 bytes a batch, and in the end a collection.
 */
import type { EngineClock } from '../model/brick';

/** Makes what puts the time, in nanoseconds that never go back, into element 0, without making a number. */
export type TimeReader = (into: Float64Array) => () => void;

export class CellClock implements EngineClock {
  /** The nanoseconds that `read` found; and how many more it is to find, by which warm-up lets time pass. */
  readonly cell = new Float64Array(new ArrayBuffer(16));

  private readonly readTime: () => void;

  constructor(reader: TimeReader) {
    this.readTime = reader(this.cell);
    this.read();
  }

  read(): void {
    this.readTime();
    this.cell[0] += this.cell[1];
  }

  get now(): number {
    return this.cell[0] / 1e6;
  }
}
