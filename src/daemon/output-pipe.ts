/** A pipe whose writers are Lua threads and the programs that they run, and whose reader is here. */
import { closeSync, readSync } from 'node:fs';
import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';
import { channelCreate } from '../native/process';

const CHUNK_BYTES = 16 << 10;
/** What Linux lets stand in a pipe: all that was written at some moment. */
const PIPE_BYTES = 64 << 10;
/** Bytes of a character that may lack its last one. */
const LONGEST_START = 3;

export interface OutputReader {
  /** Gets whole characters, if they are UTF-8. The buffer is used again. */
  take(bytes: Buffer): void;
  /** Nothing if there is room for more; else a promise of it. Until then writers have to wait. */
  room(): Promise<void> | undefined;
}

export class OutputPipe {
  /** The end to write. */
  readonly writeEnd: number;
  private readonly readEnd: number;
  private readonly socket: Socket;
  /** The start of a character whose end has not come yet. */
  private rest: Buffer = Buffer.alloc(0);
  private closed = false;

  constructor(private readonly reader: OutputReader) {
    [this.readEnd, this.writeEnd] = channelCreate();
    const buffer = Buffer.alloc(CHUNK_BYTES);
    const settings: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
      fd: this.readEnd, readable: true, writable: false, onread: { buffer, callback: (count) => this.onRead(buffer.subarray(0, count)) },
    };
    // It makes its end, and no other, one that does not block.
    this.socket = new Socket(settings);
    this.socket.on('error', () => undefined); // there is no writer any more
    this.socket.unref();
    this.socket.resume();
  }

  /** Takes what has been written until now. */
  async drain(): Promise<void> {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (let taken = 0; taken < PIPE_BYTES;) {
      await this.reader.room();
      const count = this.closed ? 0 : this.readNow(buffer);
      if (count === 0) break;
      this.take(buffer.subarray(0, count));
      taken += count;
    }
    if (this.rest.length > 0) this.reader.take(this.rest);
    this.rest = Buffer.alloc(0);
  }

  /** Nobody reads any more: writers get an error. */
  closeReadEnd(): void {
    this.closed = true;
    this.socket.destroy();
  }

  /** When nobody writes any more. */
  closeWriteEnd(): void {
    closeSync(this.writeEnd);
  }

  private onRead(chunk: Buffer): boolean {
    this.take(chunk);
    const room = this.reader.room();
    if (!room) return true;
    void room.then(() => {
      if (!this.closed) this.socket.resume();
    });
    return false;
  }

  private readNow(buffer: Buffer): number {
    try {
      return readSync(this.readEnd, buffer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }

  private take(chunk: Buffer): void {
    const whole = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    const end = lastStart(whole);
    this.rest = Buffer.from(whole.subarray(end));
    if (end > 0) this.reader.take(whole.subarray(0, end));
  }
}

/** Where the character begins that stands last and lacks some of its bytes; the length if none does. */
function lastStart(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(LONGEST_START, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte >= 0xc0) return back < charLength(byte) ? bytes.length - back : bytes.length;
    if (byte < 0x80) return bytes.length;
  }
  return bytes.length;
}

function charLength(first: number): number {
  return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
}
