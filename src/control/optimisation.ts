/** What V8 tells of the code it has optimised. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const OPTIMISED = 1 << 4;

/** Whether V8 has optimised a function; always true where it can't be asked. */
export function optimisationProbe(): (code: unknown) => boolean {
  try {
    setFlagsFromString('--allow-natives-syntax');
    const status = new Function('code', 'return %GetOptimizationStatus(code)') as (code: unknown) => number;
    status(optimisationProbe);
    return (code) => (status(code) & OPTIMISED) !== 0;
  } catch {
    return () => true;
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

/** The methods of an object: what runs while it works. */
export function methodsOf(object: object): unknown[] {
  const found = new Set<unknown>();
  for (let level: object | null = object; level && level !== Object.prototype; level = Object.getPrototypeOf(level) as object | null) {
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(level)) as { value?: unknown }[]) {
      if (typeof value === 'function') found.add(value);
    }
  }
  return [...found];
}

/** Collects this thread's heap, so that what starting up has left is not collected in the middle of the work. */
export function collectNow(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('typeof gc === "function" ? gc : undefined') as (() => void) | undefined;
  setFlagsFromString('--no-expose-gc');
  collect?.();
}
