/** How a program becomes a daemon: it starts itself again in its own session, and waits until that process is ready. */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { say } from '../program/messages';
import { written } from '../program/written';

/** What the daemon tells the program that has started it. */
export type Report = { readonly report: 'alive' } | { readonly report: 'ready'; readonly text: string };

/** The hidden option by which a program knows that it is to be the daemon. */
export const DETACHED = '--detached';
const BEAT_MILLISECONDS = 1000;
/** A script that keeps the daemon's main thread to itself keeps it from serving anybody. */
const SILENCE_MILLISECONDS = 30_000;
const EXIT_FAILURE = 1;

/** Starts the program `file` again as a daemon; resolves with the exit code of the start. */
export function startDetached(file: string, words: readonly string[]): Promise<number> {
  const daemon = spawn(process.execPath, [...process.execArgv, file, DETACHED, ...words], { detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  daemon.stdout?.pipe(process.stdout, { end: false });
  daemon.stderr?.pipe(process.stderr, { end: false });
  return new Promise((resolve, reject) => {
    let last = performance.now();
    let givenUp = false;
    const give = (signal: NodeJS.Signals): void => {
      givenUp = true;
      say(`${signal}: the start is given up`, 'warn');
      daemon.kill('SIGTERM');
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, give);
    const watch = setInterval(() => {
      if (performance.now() - last < SILENCE_MILLISECONDS) return;
      say(`The daemon (process ${daemon.pid}) has not answered for ${SILENCE_MILLISECONDS / 1000} s: its script keeps the main thread busy. It is ended.`, 'error');
      daemon.kill('SIGKILL');
    }, BEAT_MILLISECONDS);
    daemon.on('error', reject);
    daemon.on('message', (message) => {
      const report = message as Report;
      last = performance.now();
      if (report.report !== 'ready') return;
      clearInterval(watch);
      void readAll([daemon.stdout, daemon.stderr]).then(() => {
        say(report.text);
        daemon.unref();
        resolve(0);
      });
    });
    daemon.on('close', (code) => {
      clearInterval(watch);
      resolve(givenUp ? EXIT_FAILURE : code ?? EXIT_FAILURE);
    });
  });
}

/** Waits until what stands in the streams was read; for their end nobody can wait: what scripts have started may hold them open for ever. */
async function readAll(streams: readonly (Readable | null)[]): Promise<void> {
  const countRead = (): number => streams.reduce((sum, stream) => sum + ((stream as Socket | null)?.bytesRead ?? 0), 0);
  for (let before = -1; before !== countRead();) {
    before = countRead();
    // They are not read while what was read waits to be written.
    await Promise.all([written(process.stdout), written(process.stderr)]);
    // The second turn has polled since.
    for (let turn = 0; turn < 2; turn++) await new Promise((next) => setImmediate(next));
  }
}

/** The program that has started this one, while it waits. */
export class Launcher {
  private readonly timer = setInterval(() => this.tell({ report: 'alive' }), BEAT_MILLISECONDS).unref();

  /** Lets it go. */
  ready(text: string): void {
    clearInterval(this.timer);
    this.tell({ report: 'ready', text }, () => { if (process.connected) process.disconnect(); });
  }

  /** It may have been killed meanwhile, which is no reason not to go on. */
  private tell(report: Report, then: () => void = () => undefined): void {
    if (process.connected) process.send?.(report, undefined, undefined, then);
  }
}
