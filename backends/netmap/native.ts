/** What bricks_netmap.node offers; its sources are in native/. */
import type { PacketBatch } from '../../src/model/packet-batch';
import type { PacketLists } from '../../src/model/packet-list';
import { loadAddon } from '../../src/native/load-addon';

export interface NativePortSettings {
  /** As the kernel wants it. */
  readonly name: string;
  readonly mode: number;
  readonly ring: number;
  readonly flags: number;
  /** 0, as for the others: the system's choice. */
  readonly slots?: number;
  readonly rings?: number;
  readonly memoryId?: number;
  readonly extraBuffers?: number;
  readonly version?: number;
}

export interface NativePortInformation {
  readonly descriptor: number;
  readonly memoryId: number;
  readonly memoryBytes: number;
  /** As many as the system had left. */
  readonly extraBuffers: number;
  readonly portTransmitRings: number;
  readonly portReceiveRings: number;
  /** Those that are bound. */
  readonly transmitRings: number;
  readonly receiveRings: number;
  readonly transmitSlots: number;
  readonly receiveSlots: number;
  readonly bufferBytes: number;
}

export interface NativePort {
  information(): NativePortInformation;
  close(): void;
}

/** What a source fills, and what of it anybody reads. */
export interface NativeSourceBinding {
  readonly batch: PacketBatch;
  readonly flowColumns: boolean;
  /** Whether, of them, more than `flowWord` is read. */
  readonly flowFields: boolean;
  /** Whether `wireLength`, `seconds` or `nanoseconds` is read. */
  readonly arrival: boolean;
  /** `receive` is always told to wait. */
  readonly waits: boolean;
  readonly counters: ArrayBuffer;
  readonly record: number;
}

export interface NativeSource {
  /**
   * Gives the last batch's slots back, and fills the next one. Where nothing is there, it waits so long first, in the system call that flushes
   * if one has to; below 0 it does not wait. Twice the rows, and 1 more if it may have waited; or -1 if the port is gone.
   */
  receive(milliseconds: number): number;
  /** Fills another batch from now on, for other sinks if any. */
  rebind(settings: NativeSourceBinding): void;
  release(): void;
  memory(): ArrayBuffer;
  close(): void;
}

export interface NativeSink {
  readonly port: NativePort;
  readonly pipe: boolean;
  readonly splits: boolean;
  readonly lists: PacketLists;
  readonly output: number;
  readonly counters: ArrayBuffer;
  readonly record: number;
}

export interface NativeTransmitter {
  bindMemory(batch: number, bytes: Uint8Array, source: NativeSource | undefined): void;
  /** `wait`: 1 to leave on the lists what full rings don't take; else 0. Twice the packets that remain on the lists, and 1 more if `flush` is to be called now. */
  transmit(batch: number, wait: number): number;
  /** From now on this source, the only one of the engine, flushes with its next system call. */
  leaveFlushTo(source: NativeSource): void;
  flush(): void;
  /** Packets that are still to go on: from the reserve, or from one sink to the next. */
  settle(): number;
  backlog(): number;
  /** `successor`: one that was made with this one as `before`; it goes on with the rings that both have. */
  close(milliseconds: number, successor: NativeTransmitter | undefined): void;
}

export interface InterfaceState {
  readonly exists: boolean;
  readonly up: boolean;
  readonly linkUp: boolean;
  readonly physical: boolean;
  readonly offloads: readonly string[];
}

export interface NativeInterfaceHold {
  /** 0 or an error number, both. */
  promiscuous(): number;
  turnOff(offload: string): number;
  close(): void;
}

/** What a step of opening a port failed with. */
export interface NativeFailure {
  readonly number: number;
  readonly step: string;
}

export interface NetmapAddon {
  readonly NetmapPort: new (settings: NativePortSettings) => NativePort;
  readonly NetmapSource: new (settings: NativeSourceBinding & { readonly port: NativePort; readonly timestamps: boolean }) => NativeSource;
  readonly NetmapTransmitter: new (settings: {
    readonly batches: readonly PacketBatch[];
    readonly sinks: readonly NativeSink[];
    readonly copies: boolean;
    /** Packets on several lists go from sink to sink instead. */
    readonly chains: boolean;
    readonly batchesTogether: number;
    /** One that hands over the rings that this one has too, before anything is sent. */
    readonly before: NativeTransmitter | undefined;
  }) => NativeTransmitter;
  readonly InterfaceHold: new (name: string) => NativeInterfaceHold;
  /** Number 0 where netmap can be used. */
  probe(version?: number): NativeFailure;
  /** Before this process becomes another user: who opens the device for it from then on. 0 or an error number. */
  keepDevice(): number;
  lookAtInterface(name: string): InterfaceState;
  /** -1 where there is none. */
  readModuleParameter(name: string): number;
  /** 0 or an error number. */
  writeModuleParameter(name: string, value: number): number;
  usableProcessors(): number;
  errorText(number: number): string;
}

/** @throws BricksError E_NATIVE_MISSING */
export function netmapAddon(): NetmapAddon {
  return loadAddon<NetmapAddon>('bricks_netmap');
}

/** What native code attached to an error, or nothing for an error of another kind. */
export function failureOf(error: unknown): NativeFailure | undefined {
  const { number, step } = (error ?? {}) as { number?: unknown; step?: unknown };
  return typeof number === 'number' && typeof step === 'string' ? { number, step } : undefined;
}
