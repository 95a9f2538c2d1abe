/** Reading a pipe from a program: batch by batch, from this process or another. */
import { DEFAULT_BATCH_ROWS, createPacketBatch, packetMemory, type PacketBatch } from '../model/packet-batch';
import { parseLinkName, type LinkName } from '../model/link-name';
import { receivedLinkType, receivedPackets, type CoreAddon, type NativeRingSource } from '../native/core-addon';
import { loadAddon } from '../native/load-addon';
import { openPipe } from './open-pipe';

/** How to read a pipe. */
export interface AttachOptions {
  /** Wait until someone opens the pipe, instead of failing where nobody has. */
  readonly wait?: boolean;
  /** Begin with all that is still in the pipe (what a reader before was killed with), not with what comes from now on. */
  readonly all?: boolean;
  /**
   * When the writer closes the pipe, or is killed, wait for the next one and go on reading: the same reader, with the same batch.
   * It ends by `signal` or `close` only.
   */
  readonly reconnect?: boolean;
  /** With `reconnect`: called when a writer is gone and everything that it left was read. */
  readonly onWriterGone?: (link: LinkName, how: 'closed' | 'killed') => void;
  /** With `reconnect`: called when the pipe of the next writer is read. */
  readonly onReconnected?: (link: LinkName) => void;
  /** Ends the waiting, and the reading. */
  readonly signal?: AbortSignal;
  /** Called once if the pipe is not there yet; `elsewhere` if one of its name is in another network namespace. */
  readonly onWaiting?: (elsewhere: boolean) => void;
  /** Rows of the batch; 512 unless told otherwise. */
  readonly batchRows?: number;
  /** Fill the batch's flow columns. */
  readonly flowColumns?: boolean;
}

/** Batches after which other work of this thread gets its turn. */
const BATCHES_IN_A_ROW = 64;

/**
 * Becomes the reader of a pipe (`eth3}0`).
 *
 *     const reader = await attach('eth3}0', { wait: true });
 *     for await (const packets of reader) {
 *       for (let row = 0; row < packets.count; row++) ...
 *     }
 *
 * A pipe has one reader. It gets what comes from now on, and all from the first packet on if it waits before the writer comes. What the
 * reader before it had not released, and what stayed in the pipe meanwhile (the engine option keepUnread), it gets with `all`;
 * where something is to stay (keepUnread), each reader gets it.
 * @throws BricksError E_PIPE_BUSY, E_PIPE_ABSENT, E_NATIVE_MISSING, ...
 */
export async function attach(link: string | LinkName, options: AttachOptions = {}): Promise<PipeReader> {
  const name = typeof link === 'object' ? link : parseLinkName(link);
  const addon = loadAddon<CoreAddon>('bricks_core');
  return new PipeReader(addon, name, await openPipe(addon, name, options), options);
}

const readers = new Set<PipeReader>();

/** The readers of this process that are not closed. */
export function openReaders(): PipeReader[] {
  return [...readers];
}

const WRITER_STATES = ['open', 'closed', 'killed'] as const;

/** A pipe's reader. Its batches are one and the same object, valid until the next one is asked for. */
export class PipeReader implements AsyncIterable<PacketBatch> {
  /** The pipe, by the end that is read. */
  readonly link: LinkName;
  /** The packets of the last `receive` or `next`. */
  readonly batch: PacketBatch;
  private source: NativeRingSource;
  /** Packets read so far. */
  packets = 0;
  private closed = false;
  private atEnd = false;
  private waiting = false;
  /** How the writer went, while the next one is awaited. */
  private gone: 'closed' | 'killed' | undefined;
  /** Ends the waiting for the next one. */
  private reconnecting: AbortController | undefined;
  private readonly onAbort = (): void => this.close();

  constructor(private readonly addon: CoreAddon, link: LinkName, private end: number, private readonly options: AttachOptions) {
    this.link = link;
    this.batch = createPacketBatch(options.batchRows ?? DEFAULT_BATCH_ROWS);
    this.source = this.readFrom(end);
    options.signal?.addEventListener('abort', this.onAbort);
    readers.add(this);
  }

  private readFrom(end: number): NativeRingSource {
    const bytes = this.addon.pipeView(end);
    this.batch.memory = packetMemory(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new this.addon.RingSource({ ring: end, batch: this.batch, flowColumns: this.options.flowColumns ?? false });
  }

  /** Fills the batch with what is there, at most `most` packets, without waiting. Returns how many; 0 at the end too. */
  receive(most = this.batch.capacity): number {
    this.batch.count = 0;
    if (this.ended || this.gone) return 0;
    const answer = this.source.receive(most);
    if (answer <= 0) {
      if (answer < 0) this.endOfWriter();
      return 0;
    }
    const count = receivedPackets(answer);
    this.batch.count = count;
    this.batch.linkType = receivedLinkType(answer);
    this.packets += count;
    return count;
  }

  private endOfWriter(): void {
    if (this.options.reconnect) this.gone = this.writer === 'killed' ? 'killed' : 'closed';
    else this.atEnd = true;
  }

  /** Gives the room of all packets received so far back to the writer. */
  release(): void {
    if (this.end !== 0) this.source.release();
  }

  /** True when nothing will come any more. */
  get ended(): boolean {
    return this.closed || this.atEnd;
  }

  /** Whether the writer still has the pipe, has closed it, or was killed (or the process that had opened it first). */
  get writer(): 'open' | 'closed' | 'killed' {
    return this.gone ?? WRITER_STATES[this.source.writerState()];
  }

  /** How often the ring held something that was no packet. */
  get corruptions(): number {
    return this.source.corruptions();
  }

  /** Ends a `ready` that sleeps. */
  interrupt(): void {
    this.reconnecting?.abort();
    if (this.waiting) this.addon.pipeCancelWait(this.end);
  }

  /** Sleeps until packets have come after a `receive` that found none, or the pipe has ended. All packets must have been released before. */
  ready(): Promise<void> {
    if (this.gone && !this.closed) return this.reconnect(this.gone);
    if (this.ended || !this.source.arm()) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting = true;
      this.addon.pipeWait(this.end, () => {
        this.waiting = false;
        resolve();
      });
    });
  }

  /** Waits for the next writer, unless interrupted. */
  private async reconnect(how: 'closed' | 'killed'): Promise<void> {
    const { addon, options } = this;
    if (this.end !== 0) {
      this.release();
      this.letGo();
      options.onWriterGone?.(this.link, how);
    }
    const reconnecting = new AbortController();
    this.reconnecting = reconnecting;
    try {
      // What a writer goes on with whose pipe's owner was killed belongs to this reader, too.
      const end = await openPipe(addon, this.link, { wait: true, all: true, signal: reconnecting.signal }, true);
      this.end = end;
      this.source = this.readFrom(end);
      this.gone = undefined;
      options.onReconnected?.(this.link);
    } catch (error) {
      if (!reconnecting.signal.aborted) throw error;
    } finally {
      this.reconnecting = undefined;
    }
  }

  private letGo(): void {
    if (this.end === 0) return;
    this.source.close();
    this.addon.pipeClose(this.end);
    this.end = 0;
  }

  /** The next batch, or nothing at the end. Releases the one before. */
  async next(): Promise<PacketBatch | undefined> {
    this.release();
    while (!this.ended) {
      if (this.receive() > 0) return this.batch;
      if (!this.ended) await this.ready();
    }
    return undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PacketBatch, void, void> {
    try {
      for (let batches = 1; ; batches++) {
        const batch = await this.next();
        if (!batch) return;
        yield batch;
        if (batches % BATCHES_IN_A_ROW === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      this.release();
    }
  }

  /** The pipe is free for another reader. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    readers.delete(this);
    this.options.signal?.removeEventListener('abort', this.onAbort);
    this.interrupt();
    this.letGo();
  }
}
