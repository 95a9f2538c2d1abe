/** How `bricks tap` and `bricks trace` end: by the last news, by a signal, or because the daemon is gone. */
import type { Daemon } from '../client/daemon';
import { endBySignal, onEndSignals } from '../program/end-signals';
import { say } from '../program/messages';
import { EXIT_FAILURE } from './exit-codes';

/** The last news of a topic. */
interface LastNews {
  readonly ended?: string;
  readonly text?: string;
}

/** After so long without a word it says why that may be. */
export const QUIET_MILLISECONDS = 2000;

export class WatchEnd {
  private readonly over: Promise<LastNews>;
  /** The engine looks. One that is stopped does not. */
  begun = false;
  /** Ends it: only the first news count. */
  end: (news: LastNews) => void = () => undefined;

  /** `engine`: the one that was named. */
  constructor(private readonly daemon: Daemon, engine: string | undefined) {
    this.over = new Promise((resolve) => {
      this.end = resolve;
    });
    onEndSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => this.end({ ended: 'signal' }), endBySignal);
    setTimeout(() => void this.sayStopped(engine), QUIET_MILLISECONDS).unref();
    void daemon.closed.then(() => this.end({ ended: 'engine', text: 'The daemon has closed the connection.' }));
  }

  private async sayStopped(engine: string | undefined): Promise<void> {
    if (this.begun) return;
    const engines = await this.daemon.call('engine.list').catch(() => []);
    const stopped = engines.filter(({ name, linked, running }) => linked && !running && (engine ?? name) === name).map(({ name }) => name);
    if (stopped.length > 0) say(`Nothing is seen of an engine that is stopped, until it is started: ${stopped.join(', ')}.`);
  }

  /** Waits for it, and says why where that is not plain. `before` is done first. Returns the exit code. */
  async exitCode(before: () => Promise<void> | void = () => undefined): Promise<number> {
    const { ended, text } = await this.over;
    await before();
    if (text !== undefined) say(text);
    return ended === 'failed' ? EXIT_FAILURE : 0;
  }
}
