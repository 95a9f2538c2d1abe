import type { ErrorCode } from './error-codes';
import { readable } from './file-name';

/**
 * The one error that users see: what was asked and what is wrong (`message`), what to do (`remedy`),
 * and a code that scripts may test. Our codes stand in src/model/error-codes.ts and docs/reference/errors.md; a plugin's own begin with `X_`.
 */
export class BricksError extends Error {
  /** What is wrong, as a word that scripts may test: `E_OPTION`. */
  readonly code: ErrorCode;
  /** What to do; it stands at the end of the message too. Empty where there is nothing to say. */
  readonly remedy: string;

  constructor(code: ErrorCode, message: string, remedy = '') {
    super(readable(remedy ? `${message} ${remedy}` : message));
    this.name = 'BricksError';
    this.code = code;
    this.remedy = remedy;
  }
}

/** True for a BricksError, also one that came from another thread. */
export function isBricksError(error: unknown): error is BricksError {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'BricksError' && typeof (error as { code?: unknown }).code === 'string';
}

const TOO_MANY_FILES = /\bE[MN]FILE\b|too many open files/i;

/** What V8 says where memory cannot be had. */
const NO_ARRAY = /Array buffer allocation failed/;
const NO_MEMORY = /gives no more memory|\bENOMEM\b|cannot allocate memory/i;

/** Whether something failed because the system gives no more memory. */
export function isOutOfMemory(error: unknown): boolean {
  return NO_MEMORY.test(messageOf(error));
}

/** The message of anything that was thrown. Where the system has no descriptors left it says what to do. */
export function messageOf(error: unknown): string {
  // Native parts may bring errors of another realm, which are no Error here.
  const { message } = (error ?? {}) as { readonly message?: unknown };
  const text = typeof message === 'string' ? message : String(error);
  if (NO_ARRAY.test(text)) return 'the system gives no more memory';
  return TOO_MANY_FILES.test(text) && !text.includes('ulimit') ? `${text} (raise the limit of open files: ulimit -n 65536)` : text;
}

/** The known word nearest to a misspelt one, or nothing when none is near: a third of the letters may differ, and one in short words. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    const most = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (distance > most || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** What to do about a name that nothing has: the nearest one, or all of them. `all` is how these are called: `Its options are`. */
export function namesInstead(word: string, known: readonly string[], all = 'There are'): string {
  const guess = nearest(word, known);
  return guess ? `Did you mean "${guess}"?` : `${all}: ${known.join(', ')}.`;
}

/** The same for bricks, of which plugins bring more. */
export function bricksInstead(kind: string, known: readonly string[]): string {
  return `${namesInstead(kind, known)}${nearest(kind, known) ? '' : ' If it comes with a plugin, install that: npm search packet-bricks-plugin.'}`;
}

/** Letters to put in, take out, change, or exchange with their neighbour. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[j] + 1, current[j - 1] + 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) current[j] = Math.min(current[j], before[j - 2] + 1);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length];
}
