/**
 * What V8 tells of the code it has optimised. All of it is diagnosis: where V8 does not answer, a figure is missing and nothing else.
 *
 * V8 answers by functions of its own syntax (`%Name`), which is on only while such a function is compiled. It keeps the text and drops the
 * compiled code of what has not run for some collections, and would compile it anew with the syntax off: hence `renewed`.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Not known, and not optimised; 1 is optimised in a hurry (Maglev, where V8 has it), 2 optimised (TurboFan). */
export const UNKNOWN = -1;
export const SLOW = 0;

/** The best that V8 knows of: questions by meaning, since the bits of its status are others in each version. */
const QUESTIONS = [
  'return %ActiveTierIsTurbofan(code) ? 2 : %ActiveTierIsMaglev(code) ? 1 : 0;',
  'return %ActiveTierIsTurbofan(code) ? 2 : 0;',
];
/** Threads switch the syntax off for each other: one that meets that tries again. */
const ATTEMPTS = 5;
/** So often in a thread's life code may have been dropped. More would mean that something else is wrong. */
const RENEWALS = 1000;

type Question = (code: unknown) => number;

/** Asks V8 how well a function is optimised. Never throws. */
export class OptimisationProbe {
  private question = compiled();
  private renewals = 0;

  /** Whether V8 answers at all. */
  get available(): boolean {
    return this.question !== undefined;
  }

  /** `code` must be one of `methodsOf`: V8 ends the process where it is asked of something that is no code of its own. */
  tier(code: unknown): number {
    if (this.question === undefined) return UNKNOWN;
    try {
      return this.question(code);
    } catch {
      return this.renewed(code);
    }
  }

  private renewed(code: unknown): number {
    this.question = ++this.renewals > RENEWALS ? undefined : compiled();
    try {
      return this.question?.(code) ?? UNKNOWN;
    } catch {
      return UNKNOWN;
    }
  }
}

function compiled(): Question | undefined {
  for (const text of QUESTIONS) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        setFlagsFromString('--allow-natives-syntax');
        const question = new Function('code', text) as Question;
        question(compiled);
        return question;
      } catch {
        // Another thread was quicker, or this V8 has no such function.
      } finally {
        setFlagsFromString('--no-allow-natives-syntax');
      }
    }
  }
  return undefined;
}

/**
 * The methods of an object that are JavaScript of their own: what runs while it works. Bound functions, proxies and the language's own
 * are left out, of which V8 must not be asked.
 */
export function methodsOf(object: object): unknown[] {
  const found = new Set<unknown>();
  try {
    for (let level: object | null = object; level && level !== Object.prototype; level = Object.getPrototypeOf(level) as object | null) {
      for (const { value } of Object.values(Object.getOwnPropertyDescriptors(level)) as { value?: unknown }[]) {
        if (isOwnCode(value)) found.add(value);
      }
    }
  } catch {
    // A proxy that lets nobody look.
  }
  return [...found];
}

/** No JavaScript has this text for its body: it is what all functions without a text of their own show. */
function isOwnCode(value: unknown): boolean {
  return typeof value === 'function' && !/\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(value));
}

/**
 * Gives the map of Uint8Array a transition to that of Buffer. The first memory that a native port hands over does so too, and
 * V8 would throw away whatever it had compiled for byte arrays before.
 */
export function expectNativeMemory(): void {
  Object.setPrototypeOf(new Uint8Array(new ArrayBuffer(8)), Buffer.prototype);
}

/** Collects this thread's heap, so that what starting up has left is not collected in the middle of the work. */
export function collectNow(): void {
  try {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('typeof gc === "function" ? gc : undefined') as (() => void) | undefined;
    collect?.();
  } catch {
    // Then V8 collects when it likes.
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}
