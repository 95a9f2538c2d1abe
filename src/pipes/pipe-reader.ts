/** Reading a pipe from a program: batch by batch, from this process or another. */
import { DEFAULT_BATCH_ROWS, createPacketBatch, packetMemory, type PacketBatch } from '../model/packet-batch';
import { BricksError, isBricksError } from '../model/errors';
import { parseLinkName, type LinkName } from '../model/link-name';
import { MINIMUM_RING_DATA } from '../ring/packet-ring';
import { receivedLinkType, receivedPackets, type CoreAddon, type NativeRingSource } from '../native/core-addon';
import { loadAddon } from '../native/load-addon';
import { isPipeElsewhere, pipeDirectory, pipeError, pipeFileName, readableDirectories, readingDirection, removeIfEmpty } from './pipe-name';

/** How to read a pipe. */
export interface AttachOptions {
  /** Wait until someone opens the pipe, instead of failing where nobody has. */
  readonly wait?: boolean;
  /** Begin with all that is still in the pipe (what a reader before was killed with), not with what comes from now on. */
  readonly all?: boolean;
  /** Ends the waiting, and the reading. */
  readonly signal?: AbortSignal;
  /** Called once if the pipe is not there yet; `elsewhere` if one of its name is in another network namespace. */
  readonly onWaiting?: (elsewhere: boolean) => void;
  /** Rows of the batch; 512 unless told otherwise. */
  readonly batchRows?: number;
  /** Fill the batch's flow columns. */
  readonly flowColumns?: boolean;
}

const LOOK_AGAIN_MILLISECONDS = 50;
/** Looks after which a reader that found another one waiting looks whether that one is still there. */
const LOOKS_PER_REGISTRATION = 20;
const CLOSING_ATTEMPTS = 20;
const CLOSING_MILLISECONDS = 10;
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
  const file = pipeFileName(name);
  const addon = loadAddon<CoreAddon>('bricks_core');
  const directory = pipeDirectory(addon);
  const waiting = new WriterWait(addon, directory, file, name);
  try {
    return await openOrWait(addon, file, name, options, waiting);
  } finally {
    waiting.close();
  }
}

async function openOrWait(addon: CoreAddon, file: string, name: LinkName, options: AttachOptions, waiting: WriterWait): Promise<PipeReader> {
  for (let attempt = 0; ; attempt++) {
    options.signal?.throwIfAborted();
    const end = await openAfterOurselves(() => openWhereReadable(addon, file, name, options.all));
    if (end !== 0) return new PipeReader(addon, name, end, options);
    const elsewhere = attempt === 0 && isPipeElsewhere(addon, name);
    if (!options.wait) {
      if (elsewhere) throw new BricksError('E_PIPE_ABSENT', `Nobody has opened the pipe ${name.text} in this network namespace; there is one of that name in another.`, `To read it: ip netns exec NAME bricks attach '${name.text}'.`);
      throw new BricksError('E_PIPE_ABSENT', `Nobody has opened the pipe ${name.text}.`, 'Start the engine that writes to it, as the same user, or wait for it (bricks attach without --no-wait; attach(name, {wait: true})).');
    }
    waiting.begin();
    if (attempt === 0) options.onWaiting?.(elsewhere);
    await waiting.pause(options.signal);
  }
}

/**
 * Waits for a pipe's writer (or for any of a device: eth3}*), which takes a reader that waits here for attached, so that it gets all
 * packets from the first on. One reader of a pipe can wait so; others look now and then.
 */
export class WriterWait {
  private end = 0;
  private looks = 0;
  private armed = false;
  private wake: (() => void) | undefined;

  constructor(private readonly addon: CoreAddon, private readonly directory: string, private readonly file: string, private readonly link: LinkName) {}

  /** From now on writers that come know of this reader. */
  begin(): void {
    if (this.end !== 0 || this.looks++ % LOOKS_PER_REGISTRATION !== 0) return;
    try {
      this.end = this.addon.pipeAwait(this.directory, this.file, readingDirection(this.link));
    } catch {
      // The directory is not this user's: the pipe is found by looking.
    }
  }

  /** Until a writer has come, or it is time to look. */
  async pause(signal: AbortSignal | undefined): Promise<void> {
    const pausing = pause(LOOK_AGAIN_MILLISECONDS, signal, (wake) => { this.wake = wake; });
    if (this.end !== 0 && !this.armed) {
      this.armed = true;
      this.addon.pipeWait(this.end, () => {
        this.armed = false;
        this.wake?.();
      });
    }
    await pausing;
    this.wake = undefined;
  }

  close(): void {
    if (this.end === 0) return;
    this.addon.pipeClose(this.end);
    this.end = 0;
    removeIfEmpty(this.directory);
  }
}

/** In the first directory that has it. */
function openWhereReadable(addon: CoreAddon, file: string, link: LinkName, all = false): number {
  for (const { directory, owner } of readableDirectories(addon)) {
    try {
      const end = openForReading(addon, directory, file, link, all, owner);
      if (end !== 0) return end;
    } catch (error) {
      // Root's pipes are not for this reader's group.
      if (owner !== 1 || !isBricksError(error) || error.code !== 'E_PIPE_DIRECTORY') throw error;
    }
  }
  return 0;
}

function openForReading(addon: CoreAddon, directory: string, file: string, link: LinkName, all = false, owner: 0 | 1 | 2 = 0): number {
  try {
    return addon.pipeOpen(directory, file, readingDirection(link), 0, { dataSize: MINIMUM_RING_DATA, mustExist: true, all, owner });
  } catch (error) {
    throw pipeError(link, 'read', error);
  }
}

/** An end that this process has just closed may look taken by it for a moment, until its owner has heard of it. */
async function openAfterOurselves(open: () => number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return open();
    } catch (error) {
      const ours = error instanceof BricksError && error.code === 'E_PIPE_BUSY' && error.message.includes('by this process');
      if (!ours || attempt >= CLOSING_ATTEMPTS) throw error;
      await pause(CLOSING_MILLISECONDS, undefined);
    }
  }
}

/** Whether anybody writes what would be read at this end: for ends that are seldom meant. @throws BricksError E_PIPE_BUSY where it is read already */
export function isWritten(link: LinkName): boolean {
  const addon = loadAddon<CoreAddon>('bricks_core');
  const directory = pipeDirectory(addon);
  // Nobody else may read meanwhile: a reader that waits for its writer would take this look for one.
  const reader = openForReading(addon, directory, pipeFileName(link), link, true);
  if (reader === 0) return false;
  try {
    const writer = addon.pipeOpen(directory, pipeFileName(link), readingDirection(link), 1, { dataSize: MINIMUM_RING_DATA, mustExist: true });
    if (writer !== 0) addon.pipeClose(writer);
    return false;
  } catch (error) {
    if ((error as { code?: string }).code === 'E_PIPE_BUSY') return true;
    throw pipeError(link, 'write', error);
  } finally {
    addon.pipeClose(reader);
  }
}

/** Ends early by the signal, and by what `wakeable` is told. */
function pause(milliseconds: number, signal: AbortSignal | undefined, wakeable?: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    wakeable?.(done);
    signal?.addEventListener('abort', done);
  });
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
  private readonly source: NativeRingSource;
  /** Packets read so far. */
  packets = 0;
  private closed = false;
  private atEnd = false;
  private waiting = false;
  private readonly onAbort = (): void => this.close();

  constructor(private readonly addon: CoreAddon, link: LinkName, private readonly end: number, private readonly options: AttachOptions) {
    this.link = link;
    this.batch = createPacketBatch(options.batchRows ?? DEFAULT_BATCH_ROWS);
    const bytes = addon.pipeView(end);
    this.batch.memory = packetMemory(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.source = new addon.RingSource({ ring: end, batch: this.batch, flowColumns: options.flowColumns ?? false });
    options.signal?.addEventListener('abort', this.onAbort);
    readers.add(this);
  }

  /** Fills the batch with what is there, at most `most` packets, without waiting. Answers how many; 0 at the end too. */
  receive(most = this.batch.capacity): number {
    this.batch.count = 0;
    if (this.closed || this.atEnd) return 0;
    const answer = this.source.receive(most);
    if (answer <= 0) {
      this.atEnd = answer < 0;
      return 0;
    }
    const count = receivedPackets(answer);
    this.batch.count = count;
    this.batch.linkType = receivedLinkType(answer);
    this.packets += count;
    return count;
  }

  /** Gives the room of all packets received so far back to the writer. */
  release(): void {
    if (!this.closed) this.source.release();
  }

  /** True when nothing will come any more. */
  get ended(): boolean {
    return this.closed || this.atEnd;
  }

  /** Whether the writer still has the pipe, has closed it, or was killed (or the process that had opened it first). */
  get writer(): 'open' | 'closed' | 'killed' {
    return WRITER_STATES[this.source.writerState()];
  }

  /** How often the ring held something that was no packet. */
  get corruptions(): number {
    return this.source.corruptions();
  }

  /** Ends a `ready` that sleeps. */
  interrupt(): void {
    if (this.waiting) this.addon.pipeCancelWait(this.end);
  }

  /** Sleeps until packets have come after a `receive` that found none, or the pipe has ended. */
  ready(): Promise<void> {
    if (this.ended || !this.source.arm()) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting = true;
      this.addon.pipeWait(this.end, () => {
        this.waiting = false;
        resolve();
      });
    });
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
    this.source.close();
    this.addon.pipeClose(this.end);
  }
}
