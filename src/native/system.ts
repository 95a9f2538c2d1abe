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

/**
 * A waiter for the descriptors of an engine's sources; -1 stands for a source that can only be asked.
 * It also returns, at once or within some milliseconds, when the word of `control` changes.
 */
export function createWaiter(descriptors: readonly number[], control: Int32Array, word: number): Waiter {
  const addon = coreAddon();
  const waitable = addon ? Int32Array.from(descriptors.filter((descriptor) => descriptor >= 0)) : new Int32Array(0);
  const mustAsk = waitable.length < descriptors.length;
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
      let limit = milliseconds;
      if (mustAsk) {
        // Nobody tells when such a source has something: ask often while it is busy, seldom while it is not.
        pause = performance.now() - lastReturn < 1 ? Math.min(LONGEST_POLL_MILLISECONDS, pause * 1.5) : SHORTEST_POLL_MILLISECONDS;
        limit = Math.min(limit, pause);
      }
      if (addon && waitable.length > 0) addon.waitReadable(waitable, waitable.length, limit * 1000);
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
