import type { FlowLine } from '../flow-lines.js';

/** Takes lines, one batch after the other. */
export interface LineOutput {
  /** Resolves when they are taken; rejects if they can't be, and then none of them counts as sent. */
  write(lines: readonly FlowLine[]): Promise<void>;
  close(): Promise<void>;
}

/** A receiver that is away is waited for so long; meanwhile records wait in their ring. */
export const PATIENCE_MILLISECONDS = 5000;

/** Closing is waited for only so long. */
const CLOSE_MILLISECONDS = 500;

export function textOf(lines: readonly FlowLine[]): string {
  return lines.map(({ text }) => `${text}\n`).join('');
}

/** Rejects with `message` if a promise takes too long. */
export async function within<Value>(milliseconds: number, message: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), milliseconds);
    timer.unref();
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when a connection is closed, or when that takes too long or fails: nothing more can be done then. */
export async function closing(closed: Promise<unknown>): Promise<void> {
  await within(CLOSE_MILLISECONDS, '', closed).catch(() => undefined);
}
