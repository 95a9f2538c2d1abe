/** What lines are, and what takes them. */
import { inTime } from '../model/in-time';

/** A line of text on its way to others. */
export interface Line {
  /** Without a newline. */
  readonly text: string;
  /** For Kafka: lines with the same key come in order. */
  readonly key?: string;
}

/** Takes lines, one batch after the other. */
export interface LineReceiver {
  /** Resolves when they are taken; rejects if they can't be, and then none of them counts as sent. */
  write(lines: readonly Line[]): Promise<void>;
  /** No more lines come. */
  close(): Promise<void>;
}

/** A receiver that is away is waited for so long; meanwhile records wait in their ring, say. */
export const PATIENCE_MILLISECONDS = 5000;

/** Closing is waited for only so long. */
const CLOSE_MILLISECONDS = 500;

export function textOf(lines: readonly Line[]): string {
  return lines.map(({ text }) => `${text}\n`).join('');
}

/** Resolves when a connection is closed, or when that takes too long or fails: nothing more can be done then. */
export async function closing(closed: Promise<unknown>): Promise<void> {
  await inTime(CLOSE_MILLISECONDS, closed).catch(() => undefined);
}
