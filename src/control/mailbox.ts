/** Messages between the two halves of a brick, in shared memory: one writes, one reads, and neither waits for the other. */
import { deserialize, serialize } from 'node:v8';

/** Words of the header: how many bytes were ever written, and read. Both turn round at 2^32. */
const WRITTEN = 0;
const READ = 1;
const HEADER_BYTES = 64;
const LENGTH_BYTES = 4;

/** Bytes of messages that may wait; a longer message can't be sent. */
export const MAILBOX_BYTES = 1 << 16;

export function createMailbox(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + MAILBOX_BYTES);
}

export class Mailbox {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, 2);
    this.bytes = new Uint8Array(buffer, HEADER_BYTES);
  }

  /** Whether messages wait. */
  get waiting(): boolean {
    return Atomics.load(this.words, WRITTEN) !== Atomics.load(this.words, READ);
  }

  /** Sends what can be cloned; false where no room is left. Wakes who waits by `whenWritten`. */
  post(message: unknown): boolean {
    const body = serialize(message);
    const written = Atomics.load(this.words, WRITTEN) >>> 0;
    const used = (written - (Atomics.load(this.words, READ) >>> 0)) >>> 0;
    const length = LENGTH_BYTES + body.length;
    if (used + length > MAILBOX_BYTES) return false;
    const framed = Buffer.alloc(length);
    framed.writeUInt32LE(body.length);
    body.copy(framed, LENGTH_BYTES);
    this.put(written % MAILBOX_BYTES, framed);
    Atomics.store(this.words, WRITTEN, (written + length) | 0);
    Atomics.notify(this.words, WRITTEN);
    return true;
  }

  /** The next message; undefined if none waits. */
  take(): { readonly message: unknown } | undefined {
    const read = Atomics.load(this.words, READ) >>> 0;
    if (Atomics.load(this.words, WRITTEN) >>> 0 === read) return undefined;
    const length = this.get(read, LENGTH_BYTES).readUInt32LE();
    const message: unknown = deserialize(this.get(read + LENGTH_BYTES, length));
    Atomics.store(this.words, READ, (read + LENGTH_BYTES + length) | 0);
    return { message };
  }

  /** Resolves when something is written, or at once if messages wait. It does not keep the process alive. */
  async whenWritten(): Promise<void> {
    const written = Atomics.load(this.words, WRITTEN);
    if (written !== Atomics.load(this.words, READ)) return;
    const wait = Atomics.waitAsync(this.words, WRITTEN, written);
    if (wait.async) await wait.value;
  }

  private put(at: number, from: Uint8Array): void {
    const first = Math.min(from.length, MAILBOX_BYTES - at);
    this.bytes.set(from.subarray(0, first), at);
    this.bytes.set(from.subarray(first), 0);
  }

  private get(position: number, length: number): Buffer {
    const at = position % MAILBOX_BYTES;
    const copy = Buffer.alloc(length);
    const first = Math.min(length, MAILBOX_BYTES - at);
    copy.set(this.bytes.subarray(at, at + first));
    copy.set(this.bytes.subarray(0, length - first), first);
    return copy;
  }
}
