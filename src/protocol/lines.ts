/** Splits what comes over a connection into lines, each a message. */
import { BricksError } from '../model/errors';

const LINE_FEED = 10;
const FIRST_CAPACITY = 4096;

/** Bytes in, lines out. A line that is longer than the limit is an error as soon as that is known, and so is one that is not UTF-8. */
export class LineSplitter {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  /** The beginning of a line whose end has not come yet: in one piece, however small the pieces were that it came in. */
  private held = new Uint8Array(0);
  private heldBytes = 0;
  private chunk: Uint8Array = new Uint8Array(0);
  private at = 0;

  /** `limitBytes`: of a line. */
  constructor(public limitBytes: number) {}

  /** Takes what came. To be called when `next` has no line left. */
  push(chunk: Uint8Array): void {
    this.chunk = chunk;
    this.at = 0;
  }

  /** The next line that is not empty, without its end; nothing if there is none yet. @throws BricksError E_CONTROL_MESSAGE */
  next(): string | undefined {
    for (;;) {
      const end = this.chunk.indexOf(LINE_FEED, this.at);
      const piece = this.chunk.subarray(this.at, end < 0 ? undefined : end);
      if (this.heldBytes + piece.length > this.limitBytes) {
        throw new BricksError('E_CONTROL_MESSAGE', `A message is longer than ${this.limitBytes} bytes.`);
      }
      if (end < 0) {
        this.hold(piece);
        this.chunk = new Uint8Array(0);
        this.at = 0;
        return undefined;
      }
      this.at = end + 1;
      const text = this.decode(piece);
      if (text.trim() !== '') return text;
    }
  }

  private decode(piece: Uint8Array): string {
    let line = piece;
    if (this.heldBytes > 0) {
      this.hold(piece);
      line = this.held.subarray(0, this.heldBytes);
    }
    try {
      return this.decoder.decode(line);
    } catch {
      throw new BricksError('E_CONTROL_MESSAGE', 'A message is not UTF-8 text.');
    } finally {
      this.held = new Uint8Array(0);
      this.heldBytes = 0;
    }
  }

  private hold(piece: Uint8Array): void {
    const bytes = this.heldBytes + piece.length;
    if (bytes > this.held.length) {
      const larger = new Uint8Array(Math.max(FIRST_CAPACITY, 2 ** Math.ceil(Math.log2(bytes))));
      larger.set(this.held.subarray(0, this.heldBytes));
      this.held = larger;
    }
    this.held.set(piece, this.heldBytes);
    this.heldBytes = bytes;
  }
}
