/** A pipe as a pcap stream, for any program that reads one: classic pcap, nanoseconds unless told otherwise. */
import { fstatSync, ftruncateSync, write } from 'node:fs';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { LinkName } from '../model/link-name';
import type { PacketMemory } from '../model/packet-batch';
import { MAXIMUM_RECORD_LENGTH } from '../ring/packet-ring';
import { coreAddon, type NativePcapEncoder } from '../native/core-addon';
import { attach, type AttachOptions, type PipeReader } from './pipe-reader';

export const PCAP_FILE_HEADER_BYTES = 24;
export const PCAP_RECORD_HEADER_BYTES = 16;
const MAGIC_NANOSECONDS = 0xa1b2_3c4d;
const MAGIC_MICROSECONDS = 0xa1b2_c3d4;
/** No packet of a pipe is longer. */
const SNAP_LENGTH = MAXIMUM_RECORD_LENGTH + 1;
/** What is written at once: enough to make the system call cheap, little enough not to lag. */
const BLOCK_BYTES = 1 << 20;

export type PcapFormat = 'nanoseconds' | 'microseconds';

export interface StreamOptions extends AttachOptions {
  /** Stop after so many packets; what follows stays in the pipe for the next reader. */
  readonly count?: number;
  readonly format?: PcapFormat;
}

export interface StreamResult {
  readonly packets: number;
  readonly bytes: number;
  /** Packets left out because a stream has one link type: that of its first packet. */
  readonly otherLinkTypes: number;
  /** Why it ended: the pipe did, its writer was killed, `count` was reached, the other side went away, or `signal` said so. */
  readonly end: 'pipe' | 'killed' | 'count' | 'reader' | 'signal';
}

export function encodePcapHeader(linkType: number, format: PcapFormat): Uint8Array {
  const header = new DataView(new ArrayBuffer(PCAP_FILE_HEADER_BYTES));
  header.setUint32(0, format === 'nanoseconds' ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS, true);
  header.setUint16(4, 2, true);
  header.setUint16(6, 4, true);
  header.setUint32(16, SNAP_LENGTH, true);
  header.setUint32(20, linkType, true);
  return new Uint8Array(header.buffer);
}

/** Reads the pipe until it ends and writes it to a file descriptor or a stream. */
export async function attachToStream(link: string | LinkName, target: number | Writable, options: StreamOptions = {}): Promise<StreamResult> {
  const reader = await attach(link, options);
  try {
    return await copyToStream(reader, target, options);
  } finally {
    reader.close();
  }
}

/** The same for a reader that is there already; it stays open. */
export async function copyToStream(reader: PipeReader, target: number | Writable, options: StreamOptions = {}): Promise<StreamResult> {
  const encoder = new PcapBlock(reader, options.format ?? 'nanoseconds');
  const limit = options.count ?? Infinity;
  const ended = (): StreamResult['end'] => (encoder.packets >= limit ? 'count' : options.signal?.aborted ? 'signal' : reader.writer === 'killed' ? 'killed' : 'pipe');
  const result = (end: StreamResult['end']): StreamResult => ({ packets: encoder.packets, bytes: encoder.bytes, otherLinkTypes: encoder.otherLinkTypes, end });
  const stop = (): void => reader.interrupt();
  const stopped = (): boolean => options.signal?.aborted ?? false;
  options.signal?.addEventListener('abort', stop);
  const out = typeof target === 'number' ? new DescriptorTarget(target) : new WritableTarget(target);
  try {
    while (!reader.ended && encoder.packets < limit && !stopped()) {
      const count = reader.receive(Math.min(reader.batch.capacity, limit - encoder.packets));
      if (count > 0) {
        encoder.add();
        if (!encoder.full) continue;
      }
      // A packet's room is given back only when it has been written: a killed reader loses none.
      await out.write(encoder.take());
      reader.release();
      if (count === 0 && !reader.ended && !stopped()) await reader.ready();
    }
    await out.write(encoder.finish());
    reader.release();
    return result(ended());
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || code === 'ECONNRESET') return result('reader');
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', stop);
    out.detach();
  }
}

/** Gathers the packets of a reader's batches as pcap records. */
class PcapBlock {
  packets = 0;
  bytes = 0;
  otherLinkTypes = 0;
  private block = new Uint8Array(BLOCK_BYTES);
  private length = 0;
  private linkType = -1;
  private readonly native: NativePcapEncoder | undefined;
  /** Of the pipe that is read: a reader that reconnects has another one then. */
  private memory: PacketMemory | undefined;
  private readonly divisor: number;

  constructor(private readonly reader: PipeReader, private readonly format: PcapFormat) {
    this.divisor = format === 'nanoseconds' ? 1 : 1000;
    const addon = coreAddon();
    this.native = addon ? new addon.PcapEncoder(reader.batch) : undefined;
  }

  get full(): boolean {
    return this.length >= BLOCK_BYTES / 2;
  }

  /** Adds the reader's batch. */
  add(): void {
    const { batch } = this.reader;
    if (this.linkType < 0) this.begin(batch.linkType);
    if (batch.linkType !== this.linkType) {
      this.otherLinkTypes += batch.count;
      return;
    }
    let needed = batch.count * PCAP_RECORD_HEADER_BYTES;
    for (let row = 0; row < batch.count; row++) needed += batch.length[row];
    this.reserve(needed);
    if (this.memory !== batch.memory) this.native?.bindMemory(batch.memory.bytes);
    this.memory = batch.memory;
    if (this.native) this.native.encode(0, batch.count, this.block, this.length, this.divisor);
    else encodeRecords(this.reader, this.block, this.length, this.divisor);
    this.length += needed;
    this.packets += batch.count;
    this.bytes += needed - batch.count * PCAP_RECORD_HEADER_BYTES;
  }

  private begin(linkType: number): void {
    this.linkType = linkType;
    this.reserve(PCAP_FILE_HEADER_BYTES);
    this.block.set(encodePcapHeader(linkType, this.format), this.length);
    this.length += PCAP_FILE_HEADER_BYTES;
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.block.length) return;
    const larger = new Uint8Array((this.length + bytes) * 2);
    larger.set(this.block.subarray(0, this.length));
    this.block = larger;
  }

  /** What was gathered; valid until the next packet is added. */
  take(): Uint8Array {
    const taken = this.block.subarray(0, this.length);
    this.length = 0;
    return taken;
  }

  /** The rest. A stream without packets is a pcap stream all the same. */
  finish(): Uint8Array {
    if (this.linkType < 0) this.begin(1);
    return this.take();
  }
}

function encodeRecords(reader: PipeReader, block: Uint8Array, start: number, divisor: number): void {
  const { batch } = reader;
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  let position = start;
  for (let row = 0; row < batch.count; row++) {
    view.setUint32(position, batch.seconds[row], true);
    view.setUint32(position + 4, Math.floor(batch.nanoseconds[row] / divisor), true);
    view.setUint32(position + 8, batch.length[row], true);
    view.setUint32(position + 12, batch.wireLength[row], true);
    block.set(batch.memory.bytes.subarray(batch.offset[row], batch.offset[row] + batch.length[row]), position + PCAP_RECORD_HEADER_BYTES);
    position += PCAP_RECORD_HEADER_BYTES + batch.length[row];
  }
}

/** How many of the first bytes of a block are whole records (and the header before them). */
function wholeRecords(block: Uint8Array, bytes: number, header: number): number {
  if (bytes < header) return 0;
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  let position = header;
  for (;;) {
    if (position + PCAP_RECORD_HEADER_BYTES > bytes) return position;
    const next = position + PCAP_RECORD_HEADER_BYTES + view.getUint32(position + 8, true);
    if (next > bytes) return position;
    position = next;
  }
}

/** Writes all of a block to a descriptor, which may be one that does not wait. */
class DescriptorTarget {
  private begun = false;

  constructor(private readonly descriptor: number) {}

  async write(block: Uint8Array): Promise<void> {
    let written = 0;
    while (written < block.length) {
      try {
        written += await this.writeSome(block, written);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
          this.cutBack(block, written);
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    this.begun = this.begun || written > 0;
  }

  /** A file whose disk is full ends with a whole packet. */
  private cutBack(block: Uint8Array, written: number): void {
    const surplus = written - wholeRecords(block, written, this.begun ? 0 : PCAP_FILE_HEADER_BYTES);
    if (surplus === 0) return;
    try {
      const status = fstatSync(this.descriptor);
      if (status.isFile()) ftruncateSync(this.descriptor, status.size - surplus);
    } catch {
      // The error of the writing says more.
    }
  }

  private writeSome(block: Uint8Array, from: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.descriptor, block, from, block.length - from, null, (error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  detach(): void {
    // Nothing to undo.
  }
}

class WritableTarget {
  private failure: Error | undefined;
  private readonly onError = (error: Error): void => {
    this.failure = error;
  };

  constructor(private readonly stream: Writable) {
    stream.on('error', this.onError);
  }

  async write(block: Uint8Array): Promise<void> {
    if (block.length === 0) return;
    // The block is used again, and a stream may keep what it was given. One that is closed already would never say so again.
    const flowing = this.failure === undefined && !this.stream.destroyed && this.stream.write(Uint8Array.from(block));
    if (this.failure === undefined && !this.stream.destroyed && !flowing) await Promise.race([once(this.stream, 'drain'), once(this.stream, 'close')]).catch((error: unknown) => this.onError(error as Error));
    if (this.failure) throw this.failure;
    if (this.stream.destroyed) throw Object.assign(new Error('the stream was closed'), { code: 'EPIPE' });
  }

  detach(): void {
    // A late error of a stream that nobody looks at any more must not end the process.
    this.stream.on('error', () => undefined);
    this.stream.off('error', this.onError);
  }
}
