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

export class WatchEnd {
  private readonly over: Promise<LastNews>;
  /** Ends it: only the first news count. */
  end: (news: LastNews) => void = () => undefined;

  constructor(daemon: Daemon) {
    this.over = new Promise((resolve) => {
      this.end = resolve;
    });
    onEndSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => this.end({ ended: 'signal' }), endBySignal);
    void daemon.closed.then(() => this.end({ ended: 'engine', text: 'The daemon has closed the connection.' }));
  }

  /** Waits for it, and says why where that is not plain. `before` is done first. Returns the exit code. */
  async exitCode(before: () => Promise<void> | void = () => undefined): Promise<number> {
    const { ended, text } = await this.over;
    await before();
    if (text !== undefined) say(text);
    return ended === 'failed' ? EXIT_FAILURE : 0;
  }
}
