/**
 * The target of a recording, open: a file, or a pipe. Natively it is locked against other engines, can be
 * handed to another thread, and is closed when its thread is terminated.
 */
import { closeSync, constants as flags, existsSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { coreAddon } from '../native/core-addon';
import { systemCode } from '../model/system-error';
import { nativeFiles } from './native-files';
import { systemName } from './system-name';

const STANDARD_OUTPUT = 1;
const STANDARD_OUTPUT_NAMES: readonly string[] = ['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'];

export function isStandardOutput(path: string): boolean {
  return STANDARD_OUTPUT_NAMES.includes(path);
}

const LOOK_MILLISECONDS = 10;
const still = new Int32Array(new SharedArrayBuffer(4));

/** Tries again while the system says this, for so long. */
function patiently<Result>(code: string, milliseconds: number, attempt: () => Result): Result {
  for (const deadline = performance.now() + milliseconds;;) {
    try {
      return attempt();
    } catch (error) {
      if (systemCode(error) !== code || performance.now() >= deadline) throw error;
      Atomics.wait(still, 0, 0, LOOK_MILLISECONDS);
    }
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Standard output, which others use too, is not made non-blocking, but asked: one that is ready takes so much without waiting. */
const PIPE_PORTION = 4096;
const polled = Int32Array.of(STANDARD_OUTPUT);

function openDescriptor(path: string): number {
  const addon = nativeFiles();
  if (!addon && path === '-') return STANDARD_OUTPUT;
  // Without waiting: a pipe that nobody reads would hold up all files.
  if (!addon) return openSync(systemName(path), flags.O_WRONLY | flags.O_CREAT | flags.O_NONBLOCK, 0o666);
  const descriptor = addon.openTarget(path);
  if (descriptor < 0) throw systemError(getSystemErrorName(descriptor));
  return descriptor;
}

export class TargetFile {
  /** Whether it has positions, and can be cut. Standard output has not, whatever it is: others have written before us, and will behind us. */
  readonly regular: boolean;
  /** Whether it is a file, standard output too. */
  readonly isFile: boolean;
  /** At most so much is written at once: all that a pipe has room for, if it has any. */
  private readonly portion: number;

  private constructor(readonly descriptor: number) {
    this.isFile = fstatSync(descriptor).isFile();
    this.regular = this.isFile && !this.isStandardOutput;
    this.portion = this.isFile || !this.isStandardOutput ? Infinity : PIPE_PORTION;
  }

  get isStandardOutput(): boolean {
    return this.descriptor === STANDARD_OUTPUT;
  }

  /** Opens without touching what the file holds. The reader of a named pipe gets so much time to come. Throws what the system throws. */
  static open(path: string, readerMilliseconds = 0): TargetFile {
    return new TargetFile(patiently('ENXIO', readerMilliseconds, () => openDescriptor(path)));
  }

  /** Takes over a descriptor from the thread that opened it. That thread closes it too, which has no effect if it can be handed over. */
  static take(descriptor: number, path: string): TargetFile {
    const addon = nativeFiles();
    if (addon) {
      addon.takeFile(descriptor);
      return new TargetFile(descriptor);
    }
    if (descriptor === STANDARD_OUTPUT) return new TargetFile(descriptor);
    // Each thread closes what it opened. By the descriptor, as the name may be another file's by now.
    const again = `/proc/self/fd/${descriptor}`;
    return new TargetFile(openSync(existsSync(again) ? again : systemName(path), flags.O_WRONLY | flags.O_NONBLOCK));
  }

  /** Keeps other engines away, also those of other processes. The guardian of one that was killed gets so much time. */
  lock(milliseconds = 0): void {
    const addon = nativeFiles();
    if (!this.regular || !addon) return;
    patiently('EBUSY', milliseconds, () => {
      if (!addon.lockFile(this.descriptor)) throw systemError('EBUSY');
    });
  }

  /** The device and file number. */
  identity(): string {
    const status = fstatSync(this.descriptor);
    return `${status.dev}:${status.ino}`;
  }

  write(bytes: Uint8Array, from: number, length: number, position: number): number {
    if (this.portion !== Infinity && coreAddon()?.waitWritable(polled, 1, 0) === 0) throw systemError('EAGAIN');
    return writeSync(this.descriptor, bytes, from, Math.min(length, this.portion), this.regular ? position : null);
  }

  cut(length: number): void {
    if (this.regular) ftruncateSync(this.descriptor, length);
  }

  close(): void {
    const addon = nativeFiles();
    if (addon) addon.closeFile(this.descriptor);
    else if (!this.isStandardOutput) closeSync(this.descriptor);
  }
}
