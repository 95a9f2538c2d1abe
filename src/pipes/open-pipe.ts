/** Opens the reading end of a pipe, or waits for its writer. */
import { BricksError, isBricksError } from '../model/errors';
import type { LinkName } from '../model/link-name';
import { MINIMUM_RING_DATA, PacketRingReader } from '../ring/packet-ring';
import type { CoreAddon, NativePipeOptions } from '../native/core-addon';
import { loadAddon } from '../native/load-addon';
import { isLockedError, isPipeElsewhere, pipeDirectory, pipeError, pipeFileName, readableDirectories, readingDirection, removeIfEmpty } from './pipe-name';

/** How to open it: what PipeReader's options say. */
export interface OpenOptions {
  readonly wait?: boolean;
  readonly all?: boolean;
  readonly signal?: AbortSignal;
  readonly onWaiting?: (elsewhere: boolean) => void;
}

const LOOK_AGAIN_MILLISECONDS = 50;
/** A reader that finds another one waiting checks once in so many looks whether the other is still there. */
const LOOKS_PER_REGISTRATION = 20;
const CLOSING_MILLISECONDS = 200;
/** Another process that is opening a pipe of the directory is waited for so long, in short pieces: other pipes of this process are not held up. */
const LOCKED_MILLISECONDS = 3000;
const LOCKED_PATIENCE_MILLISECONDS = 20;
const PAUSE_MILLISECONDS = 10;

/**
 * The number of the reading end of a pipe. Whoever reads it again begins with all that is in it, and only where that is not its end: a writer
 * that is closing its pipe leaves one behind for a moment. @throws BricksError E_PIPE_BUSY, E_PIPE_ABSENT, ...
 */
export async function openPipe(addon: CoreAddon, name: LinkName, options: OpenOptions, again = false): Promise<number> {
  const waiting = new WriterWait(addon, pipeDirectory(addon), pipeFileName(name), name);
  try {
    return await openOrWait(addon, name, options, again, waiting);
  } finally {
    waiting.close();
  }
}

async function openOrWait(addon: CoreAddon, name: LinkName, options: OpenOptions, again: boolean, waiting: WriterWait): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    options.signal?.throwIfAborted();
    const end = await openWhenFree(() => openWhereReadable(addon, name, options.all));
    if (end !== 0 && !(again && isAtEnd(addon, end))) return end;
    if (end !== 0) addon.pipeClose(end);
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

/** Whether its writer has closed it, and nothing is left in it. */
function isAtEnd(addon: CoreAddon, end: number): boolean {
  const view = addon.pipeView(end);
  return new PacketRingReader(view.buffer, view.byteOffset).ended;
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
function openWhereReadable(addon: CoreAddon, link: LinkName, all = false): number {
  const file = pipeFileName(link);
  for (const { directory, owner } of readableDirectories(addon)) {
    try {
      const end = openForReading(addon, directory, file, link, { all, owner, patience: LOCKED_PATIENCE_MILLISECONDS });
      if (end !== 0) return end;
    } catch (error) {
      // Root's pipes are not for this reader's group.
      if (owner !== 1 || !isBricksError(error) || error.code !== 'E_PIPE_DIRECTORY') throw error;
    }
  }
  return 0;
}

function openForReading(addon: CoreAddon, directory: string, file: string, link: LinkName, { all = false, owner = 0, patience }: Pick<NativePipeOptions, 'all' | 'owner' | 'patience'>): number {
  try {
    return addon.pipeOpen(directory, file, readingDirection(link), 0, { dataSize: MINIMUM_RING_DATA, mustExist: true, all, owner, patience });
  } catch (error) {
    throw pipeError(link, 'read', error);
  }
}

/**
 * What is taken may be free in a moment: an end that this process has just closed looks taken by it until its owner has heard of it, and another
 * process may just be opening a pipe of the directory.
 */
async function openWhenFree(open: () => number): Promise<number> {
  const begun = performance.now();
  for (;;) {
    try {
      return open();
    } catch (error) {
      if (performance.now() - begun >= waitsFor(error)) throw error;
      await pause(PAUSE_MILLISECONDS, undefined);
    }
  }
}

/** How many milliseconds. */
function waitsFor(error: unknown): number {
  if (!(error instanceof BricksError) || error.code !== 'E_PIPE_BUSY') return 0;
  if (isLockedError(error)) return LOCKED_MILLISECONDS;
  return error.message.includes('by this process') ? CLOSING_MILLISECONDS : 0;
}

/** Whether anybody writes what would be read at this end: for ends that are seldom meant. @throws BricksError E_PIPE_BUSY where it is read already */
export function isWritten(link: LinkName): boolean {
  const addon = loadAddon<CoreAddon>('bricks_core');
  const directory = pipeDirectory(addon);
  // Nobody else may read meanwhile: a reader that waits for its writer would take this look for one.
  const reader = openForReading(addon, directory, pipeFileName(link), link, { all: true });
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

/** Ends early on the signal, or when the function that `wakeable` gets is called. */
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

