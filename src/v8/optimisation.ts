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

/**
 * Gives the map of Uint8Array a transition to that of Buffer. The first memory that a native port hands over does so too, and
 * V8 would throw away whatever it had compiled for byte arrays before.
 */
export function expectNativeMemory(): void {
  Object.setPrototypeOf(new Uint8Array(new ArrayBuffer(8)), Buffer.prototype);
}

/** V8 looks whether to optimise a function each time it has run so many bytes of bytecode; and how many while it warms up. */
const USUAL_BUDGET = 67_584;
const EAGER_BUDGET = 16_384;

/** Has V8 optimise sooner, in all threads, until it is told otherwise: what is seldom called is optimised too then. */
export function optimiseEagerly(eagerly: boolean): void {
  setFlagsFromString(`--interrupt-budget=${eagerly ? EAGER_BUDGET : USUAL_BUDGET}`);
}

/** Collects this thread's heap, so that what starting up has left is not collected in the middle of the work. */
export function collectNow(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('typeof gc === "function" ? gc : undefined') as (() => void) | undefined;
  setFlagsFromString('--no-expose-gc');
  collect?.();
}
