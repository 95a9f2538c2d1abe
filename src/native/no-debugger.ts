/**
 * Keeps Node's debugger shut. On SIGUSR1 Node opens it on a port, where every program of the machine could run code in
 * a process of root. A listener of our own takes its place. Import this before everything else: a signal that comes
 * while Node itself starts opens the debugger all the same, and it is closed again here.
 */
import { close, url } from 'node:inspector';

const ASKED_FOR = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)].some((option) => /^--inspect(-brk|-wait)?(=|$)/.test(option));
/** Node opens it in turns of its own after the signal. */
const LOOK_AGAIN_MILLISECONDS = [0, 20, 200];

let onStatistics: () => void = () => undefined;

/** Sets what SIGUSR1 does, and SIGINFO (Ctrl-T) where the system has it: print statistics, as dd and tcpdump do. */
export function onStatisticsSignal(print: () => void): void {
  onStatistics = print;
}

function closeDebugger(): void {
  if (!ASKED_FOR && url() !== undefined) close();
}

process.on('SIGUSR1', () => onStatistics());
process.on('SIGINFO', () => onStatistics());
closeDebugger();
setImmediate(closeDebugger);
for (const milliseconds of LOOK_AGAIN_MILLISECONDS) setTimeout(closeDebugger, milliseconds).unref();
