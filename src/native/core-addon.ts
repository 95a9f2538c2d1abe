/** The types of the addon bricks_core (src/native/*.cpp). Where it was not built, others stand in. */
import type { HeaderCopier } from '../core/header-bytes';
import type { PacketBatch, PacketColumns } from '../model/packet-batch';
import type { PacketLists } from '../model/packet-list';
import type { NativeRulesClass } from '../rules/native-rules';
import { tryLoadAddon } from './load-addon';

/** A ring: the number of an end of a pipe, or memory that holds one. */
export type NativeRing = number | Uint8Array;

export interface NativeRingSink {
  readonly ring: NativeRing;
  readonly lists: PacketLists;
  readonly output: number;
  readonly counters: ArrayBuffer;
  readonly record: number;
  /** The transmitter that had the ring until now, and its number there: this one goes on in its place. */
  readonly before?: NativeRingTransmitter;
  readonly index?: number;
}

export interface NativeRingTransmitterOptions {
  readonly batches: readonly PacketBatch[];
  readonly sinks: readonly NativeRingSink[];
  /** Whether a packet may go to several sinks. */
  readonly copies: boolean;
}

export interface NativeRingTransmitter {
  bindMemory(batch: number, bytes: Uint8Array): void;
  /** `wait`: 1 to leave on the lists what full rings don't take; else 0. */
  transmit(batch: number, linkType: number, wait: number): number;
  flush(): void;
  /** 1 where somebody reads the sink, else 0. */
  hasReader(sink: number): number;
  /** Goes on in the rings of readers that have made their pipes anew after the death of their owner, with what is unread: also where nothing is to be sent. */
  follow(): void;
  /** Closes the rings but those whose place in `left` says 1: another transmitter has them. */
  close(left: Uint8Array): void;
}

export interface NativeRingSourceOptions {
  readonly ring: NativeRing;
  readonly batch: PacketBatch;
  readonly flowColumns: boolean;
  readonly counters?: ArrayBuffer;
  readonly record?: number;
  /** Who reads, told to the writer; for rings that are no pipes. */
  readonly process?: number;
}

export interface NativeRingSource {
  /** Packets and their link type (`receivedPackets`, `receivedLinkType`), 0 for none now (then the descriptor tells of the next), -1 at the end. */
  receive(most: number): number;
  release(): void;
  arm(): boolean;
  /** 0 while the writer has the ring, 1 once it has closed it, 2 if it was killed. */
  writerState(): 0 | 1 | 2;
  corruptions(): number;
  close(): void;
}

/** What `NativeRingSource.receive` has told, if it is more than 0. */
export const receivedPackets = (answer: number): number => answer & 0x1ffff;
export const receivedLinkType = (answer: number): number => answer >>> 17;

export interface NativePipeOptions {
  readonly dataSize: number;
  readonly mustExist?: boolean;
  /** Milliseconds to wait for another process that is opening a pipe of the directory; 3000 unless set. */
  readonly patience?: number | undefined;
  /** Of a reader: begin with all that is in the ring, not with what comes from now on. */
  readonly all?: boolean;
  /** Of a writer: how many bytes may be in the ring while nobody reads; 0 unless told otherwise. */
  readonly unreadLimit?: number;
  /** Of a writer: the number of the group whose members may read the pipe. */
  readonly group?: number;
  /** Of a reader: who may own the pipe: this user (0), root too (1), anyone (2). */
  readonly owner?: 0 | 1 | 2;
}

export interface NativePcapEncoder {
  bindMemory(bytes: Uint8Array): void;
  encode(first: number, end: number, target: Uint8Array, position: number, nanosecondDivisor: number): number;
  writeEach(first: number, end: number, descriptor: number): number;
}

export interface CoreAddon {
  readonly RingTransmitter: new (options: NativeRingTransmitterOptions) => NativeRingTransmitter;
  readonly RingSource: new (options: NativeRingSourceOptions) => NativeRingSource;
  readonly HeaderCopier: new (columns: PacketColumns, memory: Uint8Array) => HeaderCopier;
  readonly NativeRules: NativeRulesClass;
  /** Asks the system for large pages for memory that much is written to from now on. */
  useHugePages(words: Uint32Array): void;
  /** Gives memory that nobody uses back to the system; it may be 0 from then on. */
  releaseMemory(words: Uint32Array): void;
  readonly PcapEncoder: new (batch: PacketBatch) => NativePcapEncoder;
  ringInitialise(memory: Uint8Array): void;
  /** The number of the end, or 0 where it must exist and there is no such pipe. Errors have `code` and `process`. */
  pipeOpen(directory: string, name: string, direction: 0 | 1, role: 0 | 1, options: NativePipeOptions): number;
  /** A number to `pipeWait` for until the pipe's writer comes, which takes the reader for attached until that is closed. 0 where another one waits. */
  pipeAwait(directory: string, name: string, direction: 0 | 1): number;
  pipeView(end: number): Uint8Array;
  pipeDescriptor(end: number): number;
  pipeClose(end: number): void;
  pipeWait(end: number, ready: () => void): void;
  pipeCancelWait(end: number): void;
  networkNamespace(): string;
  /** The number of a group, -1 where there is none of this name. */
  groupNumber(name: string): number;
  waitReadable(descriptors: Int32Array, count: number, microseconds: number): number;
  waitWritable(descriptors: Int32Array, count: number, microseconds: number): number;
  /** What puts the time, in nanoseconds that never go back, into element 0; the array lies outside of V8's heap. */
  clockInto(into: Float64Array): () => void;
  /** Whether this thread's heap was collected since the last call; the first one returns false. */
  collected(): boolean;
  eventCreate(): [readable: number, writable: number];
  eventSignal(writable: number): void;
  eventDrain(readable: number): void;
  eventClose(readable: number, writable: number): void;
  /** 0, or the number of a system error. */
  setAffinity(cpu: number): number;
  setThreadName(name: string): number;
  setThreadPrompt(): number;
  tapOpen(name: string): number;
  /** 0 if this process has locked the file now; otherwise the process that has, -1 where that is not known. Children don't inherit the lock; closing any descriptor of the file gives it up. */
  lockFile(descriptor: number): number;
  /** The process that has locked the file, 0 for none. */
  lockHolder(descriptor: number): number;
  duplicateDescriptor(from: number, to: number): void;
  /** The ends of a pipe that programs which are started don't inherit. */
  channelCreate(): [readable: number, writable: number];
  /** 0, or the number of a system error. */
  sendDatagram(path: string, text: string): number;
  /** Whose process is at the other end of a Unix socket; nothing where the system does not tell. */
  peerCredentials(descriptor: number): PeerCredentials | undefined;
  findUser(name: string): SystemUser | undefined;
  /** Ambient capabilities of the calling thread end. */
  keepFromPrograms(): void;
  /** Becomes that user for good; only the calling thread, and threads that it makes later, keep `capabilities` (a mask). */
  becomeUser(uid: number, gid: number, groups: readonly number[], capabilities: number): void;
}

/** Whose a process is, in numbers. */
export interface PeerCredentials {
  readonly uid: number;
  /** All its groups, as far as the system tells. */
  readonly groups: readonly number[];
}

export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

/** The addon, or nothing where it was not built. */
export function coreAddon(): CoreAddon | undefined {
  return tryLoadAddon<CoreAddon>('bricks_core');
}
