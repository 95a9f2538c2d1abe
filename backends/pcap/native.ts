/** What bricks_pcap.node offers; its sources are in native/. */
import type { PacketBatch } from '../../src/model/packet-batch';
import type { PacketLists } from '../../src/model/packet-list';
import { loadAddon, tryLoadAddon } from '../../src/native/load-addon';

export interface NativeCaptureSettings {
  readonly device: string;
  readonly direction: string;
  readonly timestampSource: string;
  readonly filter: string;
  readonly snapLength: number;
  readonly bufferBytes: number;
  readonly latencyMilliseconds: number;
  readonly promiscuous: boolean;
  readonly nanoseconds: boolean;
  readonly receiveRing: boolean;
  /** How the interface is shared; '' if it is not. */
  readonly fanout: string;
  /** Which share, from 0 on; -1 for the next one. */
  readonly share: number;
  readonly takeOver: boolean;
}

/** What `receive` returns besides the number of rows it has filled. */
export const NATIVE_LOOK = -1;
export const NATIVE_FAILED = -2;

export interface NativePcapSource {
  readonly descriptor: number;
  readonly linkType: number;
  readonly snapLength: number;
  readonly nanoseconds: boolean;
  /** Microseconds, after a `receive` that found nothing: how long to sleep before the next one; 0 to wait for the descriptor. */
  readonly pause: Uint32Array;
  /** Captures of this process, of the same interface, that get all packets beside this one. */
  readonly others: number;
  /** What could not be had but is no error; may be empty. */
  readonly warning: string;
  /** Where the packets lie, if the capture has memory of its own; otherwise they are copied to what `bind` is given. */
  readonly memory: ArrayBuffer | undefined;
  bind(batch: PacketBatch, memory: Uint8Array, counters: ArrayBuffer, record: number, flowColumns: boolean): void;
  /** Rows filled, 0 for nothing, NATIVE_LOOK when it is time to look at the interface, NATIVE_FAILED where the system reports an error. */
  receive(): number;
  refreshCounters(): void;
  /** `error` is '' where nothing happened but that the interface went down or away. */
  state(): { readonly device: 'up' | 'down' | 'gone'; readonly error: string };
  close(): void;
}

export interface NativeTransmitter {
  addSink(settings: { readonly device: string; readonly bufferBytes: number; readonly bypassQueue: boolean }, lists: PacketLists, output: number, counters: ArrayBuffer, record: number): void;
  addBatch(batch: PacketBatch): number;
  setMemory(batch: number, bytes: Uint8Array): void;
  transmit(batch: number, linkType: number, wait: boolean): number;
  /** For each sink '' or what is wrong with it. */
  states(): string[];
  close(): void;
}

export interface NativeDevice {
  readonly name: string;
  readonly description: string;
  readonly up: boolean;
  readonly loopback: boolean;
  readonly addresses: readonly string[];
}

export interface PcapAddon {
  readonly PcapSource: new (settings: NativeCaptureSettings) => NativePcapSource;
  readonly InterfaceTransmitter: new () => NativeTransmitter;
  listDevices(): NativeDevice[];
  libraryVersion(): string;
}

/** @throws BricksError E_NATIVE_MISSING */
export function pcapAddon(): PcapAddon {
  return loadAddon<PcapAddon>('bricks_pcap');
}

export function tryPcapAddon(): PcapAddon | undefined {
  return tryLoadAddon<PcapAddon>('bricks_pcap');
}

/** The number that native code attached to an error: libpcap's status, or errno. */
export function statusOf(error: unknown): number {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' ? status : NaN;
}
