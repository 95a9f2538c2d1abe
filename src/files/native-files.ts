/** The native helpers of this folder. Everything works without them, at a third of the speed or so. */
import type { PacketBatch } from '../model/packet-batch';
import { tryLoadAddon } from '../native/load-addon';

export interface NativeReader { readonly kind: 'reader' }
export interface NativeRecorder { readonly kind: 'recorder' }

export interface FilesAddon {
  /** Binds a parser to the window, the words of reader-state.ts, the columns of a batch, and its notes' where they are filled. */
  bindReader(batch: PacketBatch, window: Uint8Array, state: Uint32Array, notes: Uint32Array | undefined): NativeReader;
  parseRecords(reader: NativeReader): void;
  /** Binds the encoder of record-encoder.ts: as many of each array as there are files. */
  bindRecorder(
    batches: readonly PacketBatch[], lists: readonly object[], outputs: Uint32Array,
    rings: readonly Uint8Array[], controls: readonly Uint32Array[], states: readonly Float64Array[], maps: readonly Uint32Array[],
    counters: Uint32Array, records: Uint32Array,
  ): NativeRecorder;
  /**
   * Encodes the lists of all files; returns how many packets stayed on them, and 2^32 for each file that TypeScript must look at
   * first (STATE_ASKS). `revision` is that of the packets' section, `notes` the batch's, if it has some.
   */
  encodeLists(recorder: NativeRecorder, batch: number, memory: Uint8Array, revision: number, wait: boolean, notes: Uint32Array | undefined): number;
  /** Starts the guardian program: its socket and a descriptor of the memory it shares. */
  startGuardian(program: string, slots: number): { readonly socket: number; readonly memory: number };
  /** The committed lengths, which the guardian reads once this process has gone. */
  mapGuardian(memory: number, slots: number): ArrayBuffer;
  /** A file is about to be opened under this name; `header` is what an empty one is to hold. */
  announceFile(socket: number, slot: number, path: string, header: Uint8Array): void;
  watchFile(socket: number, slot: number, descriptor: number): void;
  forgetFile(socket: number, slot: number): void;
  /** From now on standard input is this thread's, until it gives it back by `closeFile`; false if it is another's. */
  claimInput(): boolean;
  /** Opens the target of a recording without waiting, `-` for standard output; returns the descriptor, or the number of the error below zero. */
  openTarget(path: string): number;
  /** Locks it for this open file; false if another one, of whatever process, has the lock. */
  lockFile(descriptor: number): boolean;
  /** From now on the descriptor is this thread's, which closes it at its end at the latest. */
  takeFile(descriptor: number): void;
  /** Gives up the lock, and closes. Nothing happens if the descriptor is another thread's. */
  closeFile(descriptor: number): void;
}

let addon: FilesAddon | undefined | null = null;

/** The addon, or nothing where it was not built. */
export function nativeFiles(): FilesAddon | undefined {
  if (addon === null) addon = tryLoadAddon<FilesAddon>('bricks_files');
  return addon;
}
