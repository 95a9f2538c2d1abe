/**
 * The one error that users see: what was asked and what is wrong (`message`), what to do (`remedy`),
 * and a code that scripts may test. Every code stands in docs/reference/errors.md.
 */
export class BricksError extends Error {
  readonly code: string;
  readonly remedy: string;

  constructor(code: string, message: string, remedy = '') {
    super(remedy ? `${message} ${remedy}` : message);
    this.name = 'BricksError';
    this.code = code;
    this.remedy = remedy;
  }
}

/** True for a BricksError, also one that came from another thread. */
export function isBricksError(error: unknown): error is BricksError {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'BricksError' && typeof (error as { code?: unknown }).code === 'string';
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error || isBricksError(error) ? error.message : String(error);
}

/** The known word nearest to a misspelt one, or nothing when none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[j] + 1, current[j - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}
