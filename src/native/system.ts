/** What an engine's thread asks of the system, with stand-ins where the native part was not built. */
import { getSystemErrorName } from 'node:util';
import { coreAddon } from './core-addon';

/** Waits for descriptors, for a word in shared memory, or for a while. */
export interface Waiter {
  /** At most `milliseconds`, which may be a fraction. */
  wait(milliseconds: number): void;
}

const SHORTEST_POLL_MILLISECONDS = 0.25;
const LONGEST_POLL_MILLISECONDS = 10;

/** What a waiter waits for. */
export interface Awaited {
  readonly port: { readonly descriptor: number; nextDue?(): number; sleep?(milliseconds: number): void };
  readonly ended: boolean;
}

/**
 * A waiter for an engine's sources, as they are at each wait. One with the descriptor -1 can only be asked.
 * Left out are those that have ended, whose descriptors are readable for ever, or another file's by now, and
 * those that have packets whose time has not come: the engine knows how long that is.
 * It also returns, at once or within some milliseconds, when the word of `control` changes.
 */
export function createWaiter(sources: readonly Awaited[], control: Int32Array, word: number): Waiter {
  const addon = coreAddon();
  const waitable = new Int32Array(sources.length);
  let seen = Atomics.load(control, word);
  let pause = SHORTEST_POLL_MILLISECONDS;
  let lastReturn = 0;
  return {
    wait(milliseconds: number): void {
      const now = Atomics.load(control, word);
      if (now !== seen) {
        seen = now;
        return;
      }
      let count = 0;
      let asked = 0;
      let sleeper: Awaited['port'] | undefined;
      for (const { port, ended } of sources) {
        if (ended || (port.nextDue !== undefined && port.nextDue() !== Infinity)) continue;
        const { descriptor } = port;
        if (addon && descriptor >= 0) waitable[count++] = descriptor;
        else {
          asked++;
          sleeper = port;
        }
      }
      // It is told of its own packets only, so that it can't sleep for others.
      if (asked === 1 && count === 0 && sleeper?.sleep) {
        sleeper.sleep(milliseconds);
        return;
      }
      let limit = milliseconds;
      if (asked > 0) {
        // Nobody tells when such a source has something: ask often while it is busy, seldom while it is not.
        pause = performance.now() - lastReturn < 1 ? Math.min(LONGEST_POLL_MILLISECONDS, pause * 1.5) : SHORTEST_POLL_MILLISECONDS;
        limit = Math.min(limit, pause);
      }
      if (addon && count > 0) addon.waitReadable(waitable, count, limit * 1000);
      else Atomics.wait(control, word, seen, limit);
      lastReturn = performance.now();
    },
  };
}

/** Keeps the calling thread on one CPU. Answers what is wrong if that can't be. */
export function pinThread(cpu: number): string | undefined {
  const addon = coreAddon();
  if (!addon) return `The engine is not kept on CPU ${cpu}: the native part bricks_core was not built (bricks build).`;
  const failure = addon.setAffinity(cpu);
  return failure === 0 ? undefined : `The engine is not kept on CPU ${cpu}: the system says ${getSystemErrorName(-failure)}. See the CPUs there are with: lscpu -e`;
}

/** Names the calling thread for ps, top and perf. */
export function nameThread(name: string): void {
  coreAddon()?.setThreadName(name);
}

export function processAlive(process_: number): boolean {
  const addon = coreAddon();
  if (addon) return addon.processAlive(process_);
  try {
    return process.kill(process_, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
