/** What an engine's thread asks of the system, with stand-ins where the native part was not built. */
import { getSystemErrorName } from 'node:util';
import type { HeaderCopierMaker } from '../core/header-bytes';
import { coreAddon } from './core-addon';

const SHORTEST_POLL_MICROSECONDS = 250;
const LONGEST_POLL_MICROSECONDS = 10_000;
/** A port that sleeps hears no commands meanwhile. */
const LONGEST_SLEEP_MICROSECONDS = 20_000;

/** By this the main thread ends an engine's wait for descriptors. Where there is none, a command is seen when the wait times out. */
export class CommandEvent {
  readonly descriptor: number = -1;
  private readonly writable: number = -1;
  private readonly addon = coreAddon();

  constructor() {
    try {
      [this.descriptor, this.writable] = this.addon?.eventCreate() ?? [-1, -1];
    } catch {
      // No descriptor is left for it.
    }
  }

  signal(): void {
    if (this.writable >= 0) this.addon?.eventSignal(this.writable);
  }

  close(): void {
    if (this.descriptor >= 0) this.addon?.eventClose(this.descriptor, this.writable);
  }
}

/** What a waiter waits for. */
export interface Awaited {
  readonly port: { readonly descriptor: number; nextDue?(): number; sleep?(milliseconds: number): void };
  readonly ended: boolean;
}

/**
 * Waits for sources, as they are at each wait, or for a while. One with the descriptor -1 can only be asked.
 * Left out are those that have ended, whose descriptors are readable for ever, or another file's by now, and
 * those that have packets whose time has not come: the engine knows how long that is.
 * It also returns when the word of `control` changes: at once, if `commands` has become readable before it changed.
 * Whole numbers only, and times in a typed array: an idle engine makes no garbage either.
 */
export class Waiter {
  private readonly addon = coreAddon();
  private readonly sources: Awaited[] = [];
  /**
   * What the sources' ports have, and which of them have times or can sleep by themselves: looked up once, since V8 would throw away the
   * code of `wait` at a port unlike those of warm-up.
   */
  private readonly descriptors: Int32Array;
  private readonly timed: Uint8Array;
  private readonly sleepers: Uint8Array;
  private readonly waitable: Int32Array;
  private readonly now = new Float64Array(new ArrayBuffer(8));
  private readonly lastReturn = new Float64Array(new ArrayBuffer(8));
  private readonly readNow = timeReader(this.now);
  private readonly readReturn = timeReader(this.lastReturn);
  private pause = SHORTEST_POLL_MICROSECONDS;
  private seen: number;

  constructor(sources: readonly Awaited[], private readonly control: Int32Array, private readonly word: number, private readonly commands = -1) {
    // One by one: to V8 arrays that were made in other ways are of other kinds.
    for (const source of sources) this.sources.push(source);
    this.waitable = new Int32Array(new ArrayBuffer(4 * (sources.length + 1)));
    this.descriptors = Int32Array.from(sources, ({ port }) => port.descriptor);
    this.timed = Uint8Array.from(sources, ({ port }) => (port.nextDue ? 1 : 0));
    this.sleepers = Uint8Array.from(sources, ({ port }) => (port.sleep ? 1 : 0));
    this.seen = Atomics.load(control, word);
    this.drainCommands();
  }

  private drainCommands(): void {
    if (this.commands >= 0) this.addon?.eventDrain(this.commands);
  }

  /** At most so long: a whole number. */
  wait(microseconds: number): void {
    const { addon, waitable, sources, control, word } = this;
    const woken = Atomics.load(control, word);
    if (woken !== this.seen) {
      this.seen = woken;
      this.drainCommands();
      return;
    }
    let count = 0;
    let asked = 0;
    let last = 0;
    for (let index = 0; index < sources.length; index++) {
      const source = sources[index];
      if (source.ended || (this.timed[index] === 1 && source.port.nextDue?.() !== Infinity)) continue;
      const descriptor = this.descriptors[index];
      if (addon && descriptor >= 0) waitable[count++] = descriptor;
      else {
        asked++;
        last = index;
      }
    }
    // A port wakes for its own packets only, so it may sleep only if there are no others.
    if (asked === 1 && count === 0 && this.sleepers[last] === 1) {
      sources[last].port.sleep?.(Math.min(microseconds, LONGEST_SLEEP_MICROSECONDS) / 1000);
      return;
    }
    let limit = microseconds;
    if (asked > 0) {
      // Nobody tells when such a source has something: ask often while it is busy, seldom while it is not.
      this.readNow();
      const again = this.now[0] - this.lastReturn[0] < 1e6;
      this.pause = again ? Math.min(LONGEST_POLL_MICROSECONDS, this.pause + (this.pause >> 1)) : SHORTEST_POLL_MICROSECONDS;
      limit = Math.min(limit, this.pause);
    }
    // Atomics.wait would be handed a fraction, and is woken no sooner than a short pause ends.
    if (addon && (count > 0 || asked > 0 || this.commands >= 0)) {
      if (this.commands >= 0) waitable[count++] = this.commands;
      addon.waitReadable(waitable, count, limit);
    } else {
      Atomics.wait(control, word, woken, limit / 1000);
    }
    this.readReturn();
  }
}

/** What reads the time, in nanoseconds that never go back, into element 0 of an array outside of V8's heap (`new ArrayBuffer`). */
export function timeReader(into: Float64Array): () => void {
  const addon = coreAddon();
  if (addon) return addon.clockInto(into);
  // The same in all threads, as performance.now is not.
  return () => {
    const [seconds, nanoseconds] = process.hrtime();
    into[0] = seconds * 1e9 + nanoseconds;
  };
}

/** The native copier of header bytes, where it was built. */
export function nativeHeaderCopier(): HeaderCopierMaker | undefined {
  const addon = coreAddon();
  return addon && ((columns, memory) => new addon.HeaderCopier(columns, memory.bytes));
}

/** Keeps the calling thread on one CPU. Returns what is wrong if that can't be. */
export function pinThread(cpu: number): string | undefined {
  const addon = coreAddon();
  if (!addon) return `The engine is not pinned to CPU ${cpu}: the native part bricks_core was not built (bricks build).`;
  const failure = addon.setAffinity(cpu);
  return failure === 0 ? undefined : `The engine is not pinned to CPU ${cpu}: the system says ${getSystemErrorName(-failure)}. List the CPUs with: lscpu -e`;
}

/** Names the calling thread for ps, top and perf. */
export function nameThread(name: string): void {
  coreAddon()?.setThreadName(name);
}

/** Where the system can, the calling thread gets a CPU at once when it is woken, though another thread may be using it. */
export function wakePromptly(): void {
  coreAddon()?.setThreadPrompt();
}
