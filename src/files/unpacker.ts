/**
 * Unpacks gzip and zstd piece by piece, into memory of a fixed size. Node's streams answer a turn later, and an engine's
 * thread has no turns: so their handles are called as Node's own gunzipSync calls them. Where a Node has none, a file is
 * told as compressed, and not read.
 */
import * as zlib from 'node:zlib';

/** What node:zlib's synchronous functions work with. */
interface UnpackingHandle {
  onerror: (message: string, number: number, code: string) => void;
  writeSync(flush: number, from: Uint8Array, at: number, length: number, into: Uint8Array, intoAt: number, room: number): void;
}
interface UnpackingStream {
  readonly _handle?: Partial<UnpackingHandle>;
  /** Room and input that the last write left. */
  readonly _writeState?: Uint32Array;
}

interface Kind {
  readonly name: string;
  readonly magic: readonly number[];
  readonly create: (() => UnpackingStream) | undefined;
  readonly goOn: number;
  readonly finish: number;
  /** A frame of its own: unpacked behind the data, it shows that the last frame was whole. */
  readonly probe: (() => Uint8Array) | undefined;
}

/** Node has zstd since 22.15. */
interface MaybeZstd {
  readonly createZstdDecompress?: () => UnpackingStream;
  readonly zstdCompressSync?: (text: string) => Uint8Array;
}
const { createZstdDecompress, zstdCompressSync } = zlib as unknown as MaybeZstd;
const PROBE = 'the end';

const KINDS: readonly Kind[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], create: () => zlib.createGunzip() as unknown as UnpackingStream, goOn: zlib.constants.Z_NO_FLUSH, finish: zlib.constants.Z_FINISH, probe: undefined },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], create: createZstdDecompress, goOn: 0, finish: 0, probe: zstdCompressSync && (() => zstdCompressSync(PROBE)) },
];

const NOTHING = new Uint8Array(0);
const SCRATCH_BYTES = 64;

export class Unpacker {
  /** Why it can't go on, if so. */
  problem = '';
  private input: Uint8Array = NOTHING;
  private at = 0;
  private finished = false;

  private constructor(readonly kind: string, private readonly parts: Kind, private readonly handle: UnpackingHandle, private readonly left: Uint32Array) {
    handle.onerror = (message) => (this.problem = message);
  }

  /** For data that begins like this; nothing if it is not compressed, or not in a way that this Node unpacks. */
  static for(beginning: Uint8Array): Unpacker | undefined {
    const kind = KINDS.find(({ magic }) => magic.every((byte, index) => beginning[index] === byte));
    const stream = kind?.create?.();
    const handle = stream?._handle;
    if (!kind || !stream?._writeState || typeof handle?.writeSync !== 'function') return undefined;
    return new Unpacker(kind.name, kind, handle as UnpackingHandle, stream._writeState);
  }

  /** Whether all that was fed has been taken. */
  get isHungry(): boolean {
    return this.at >= this.input.length;
  }

  /** Compressed bytes; they must stay as they are until it is hungry again. */
  feed(input: Uint8Array): void {
    this.input = input;
    this.at = 0;
  }

  /** Unpacks into this room; returns the bytes, 0 if it needs more to go on or has a problem. */
  unpack(into: Uint8Array, at: number, room: number): number {
    while (this.problem === '') {
      const length = this.input.length - this.at;
      this.handle.writeSync(this.parts.goOn, this.input, this.at, length, into, at, room);
      if (this.hasProblem()) return 0;
      const [roomLeft, inputLeft] = this.left;
      this.at = this.input.length - inputLeft;
      if (roomLeft < room) return room - roomLeft;
      // What is behind the end of the data, zeros for instance, is never taken.
      if (inputLeft === length) this.at = this.input.length;
      if (this.isHungry) return 0;
    }
    return 0;
  }

  /** The compressed data has ended: whether it was whole. */
  finish(): boolean {
    if (this.finished || this.hasProblem()) return this.problem === '';
    this.finished = true;
    const scratch = new Uint8Array(SCRATCH_BYTES);
    const rest = this.parts.probe?.() ?? NOTHING;
    this.handle.writeSync(this.parts.finish, rest, 0, rest.length, scratch, 0, SCRATCH_BYTES);
    const unpacked = Buffer.from(scratch.subarray(0, SCRATCH_BYTES - this.left[0])).toString('latin1');
    if (!this.hasProblem() && unpacked !== (this.parts.probe ? PROBE : '')) this.problem = 'unexpected end of file';
    return this.problem === '';
  }

  private hasProblem(): boolean {
    return this.problem !== '';
  }
}
