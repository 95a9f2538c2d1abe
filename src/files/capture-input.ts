/** The bytes of one capture file, pipe or standard input, unpacked if need be. Made anew for each that is opened, so that nothing of one reaches the next. */
import { fstatSync, readSync } from 'node:fs';
import { isBricksError, type BricksError } from '../model/errors';
import { systemCode } from '../model/system-error';
import { fileError, fileReason } from './formats';
import { closeInput, isStandardInput, openInput, waitsForData } from './open-input';
import { Unpacker } from './unpacker';

const PACKED_BYTES = 64 * 1024;

export type Refill = number | 'nothing' | 'end';

export class CaptureInput {
  /** Why the bytes ended before their end, if they did. */
  problem = '';
  readonly isPipe: boolean;
  /** A named pipe that nobody has opened for writing reads as ended; that is no end. */
  private awaitsWriter: boolean;
  private offset = 0;
  private unpacker: Unpacker | undefined;
  private packed: Uint8Array | undefined;

  private constructor(readonly name: string, readonly file: number, private readonly isStandard: boolean, isPipe: boolean, awaitsWriter: boolean) {
    this.isPipe = isPipe;
    this.awaitsWriter = awaitsWriter;
  }

  /** @throws BricksError E_FILE */
  static open(path: string): CaptureInput {
    const standard = isStandardInput(path);
    const name = path === '-' ? 'standard input' : path;
    let file = -1;
    try {
      file = openInput(path);
      const status = fstatSync(file);
      if (status.isDirectory()) throw fileError('E_FILE', `${name} is a directory.`);
      return new CaptureInput(name, file, standard, !status.isFile(), status.isFIFO() && !standard);
    } catch (error) {
      if (file >= 0) closeInput(file);
      if (isBricksError(error)) throw error;
      throw fileError('E_FILE', `Cannot read the capture file ${name}: ${fileReason(error)}.`);
    }
  }

  close(): void {
    closeInput(this.file);
  }

  /**
   * From here on, and with these bytes of it that were read, the input is compressed. False if it can't be unpacked here.
   * @throws BricksError E_FILE_FORMAT for compressed standard input: a program in front of the pipe decompresses it, on a CPU of its own
   */
  unpack(read: Uint8Array): boolean {
    // What was unpacked is not unpacked again: bombs nest.
    if (this.unpacker) return false;
    this.unpacker = Unpacker.for(read);
    if (this.unpacker && this.isStandard) {
      throw fileError('E_FILE_FORMAT', `${this.name} is compressed with ${this.unpacker.kind}.`, `Decompress it before the pipe: ${this.unpacker.kind} -dc FILE | bricks ...`);
    }
    this.unpacker?.feed(Uint8Array.from(read));
    return this.unpacker !== undefined;
  }

  /** Where in the file, for messages. */
  placeOf(offset: number): string {
    return this.unpacker ? `offset ${offset} of the decompressed data` : `offset ${offset}`;
  }

  /** Reads up to `room` bytes into this place. */
  read(into: Uint8Array, at: number, room: number): Refill {
    const { unpacker } = this;
    if (!unpacker) return this.readFile(into, at, room);
    for (;;) {
      if (!unpacker.isHungry) {
        const unpacked = unpacker.unpack(into, at, room);
        if (unpacked > 0) return unpacked;
        if (unpacker.problem !== '') return this.damaged(unpacker);
      }
      this.packed ??= new Uint8Array(PACKED_BYTES);
      const read = this.readFile(this.packed, 0, PACKED_BYTES);
      if (read === 'end' && this.problem === '' && !unpacker.finish()) return this.damaged(unpacker);
      if (typeof read === 'string') return read;
      unpacker.feed(this.packed.subarray(0, read));
    }
  }

  private damaged({ kind, problem }: Unpacker): 'end' {
    this.problem = problem === 'unexpected end of file'
      ? `${this.name} ends in the middle of its ${kind} data (offset ${this.offset}); the packets before it were read.`
      : `${this.name} is damaged: its ${kind} data can't be decompressed (${problem}, before offset ${this.offset}); the packets before it were read.`;
    return 'end';
  }

  private readFile(into: Uint8Array, at: number, room: number): Refill {
    try {
      if (waitsForData(this.file)) return 'nothing';
      const read = readSync(this.file, into, at, room, null);
      if (read === 0) return this.awaitsWriter ? 'nothing' : 'end';
      this.awaitsWriter = false;
      this.offset += read;
      return read;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EAGAIN' || code === 'EINTR') return 'nothing';
      this.problem = `${this.name} can't be read at offset ${this.offset}: ${fileReason(error)}; the packets before it were read.`;
      return 'end';
    }
  }

  /** What is wrong with a file that ends before its header does. */
  shortFile(available: number, wanted: number): BricksError {
    if (this.problem !== '') return fileError('E_FILE', this.problem);
    if (available === 0) return fileError('E_FILE_FORMAT', `${this.name} is empty: it does not even have a capture file header.`);
    return fileError('E_FILE_FORMAT', `${this.name} ends in the middle of its header: it has ${available} of ${wanted} bytes.`);
  }
}
