/** Signals that end a program: the first one in an orderly way, a later one at once. */

/** A signal may come twice, to the program and to its group: repeats within this time are one. */
export const REPEATED_SIGNAL_MILLISECONDS = 1000;

export function onEndSignals(signals: readonly NodeJS.Signals[], first: (signal: NodeJS.Signals) => void, again: (signal: NodeJS.Signals) => void): void {
  let begin: number | undefined;
  for (const signal of signals) {
    process.on(signal, () => {
      const now = performance.now();
      if (begin === undefined) {
        begin = now;
        first(signal);
      } else if (now - begin >= REPEATED_SIGNAL_MILLISECONDS) again(signal);
    });
  }
}

/** Ends the program by the signal: not by process.exit, which waits for writing that does not return. */
export function endBySignal(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
