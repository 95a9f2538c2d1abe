/** Separate programs that are also commands of `bricks`: `bricks kill-server`, for a clone, where they are in nobody's PATH. */
export const PROGRAM_WORDS = ['server', 'kill-server', 'load-balance', 'duplicate'] as const;
