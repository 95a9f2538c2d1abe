/** A Lua shell of a daemon, as a shell here works on it. */
import type { Daemon } from '../client/daemon';
import type { LineResult, RunResult } from '../lua/lua-host';
import type { Completion } from '../program/completion';
import type { ShellHost } from '../program/shell-host';
import { MOST_LINES } from '../protocol/commands/shell';

const AGAIN_MILLISECONDS = 10;

export class RemoteShell implements ShellHost {
  private working = 0;
  private calls = 0;

  private constructor(private readonly daemon: Daemon, private readonly shell: number) {}

  /** Opens one; what it prints goes to `write`. @throws BricksError */
  static async open(daemon: Daemon, write: (output: string | Uint8Array) => void): Promise<RemoteShell> {
    const { shell } = await daemon.call('shell.open');
    await daemon.listen('shell.output', { shell }, (output) => write('text' in output ? output.text : Buffer.from(output.base64, 'base64')));
    return new RemoteShell(daemon, shell);
  }

  get busy(): boolean {
    return this.working > 0;
  }

  runLine(text: string, columns?: number, first = 1): Promise<LineResult> {
    return this.work(this.daemon.call('shell.line', { shell: this.shell, text, columns, ...(first > 1 && first <= MOST_LINES ? { first } : {}) }));
  }

  /** Runs a script, whose text is given. */
  runScript(text: string, name: string, args: readonly string[]): Promise<RunResult> {
    return this.work(this.daemon.call('shell.script', { shell: this.shell, text, name, arguments: args }));
  }

  help(word: string, columns?: number): Promise<RunResult> {
    return this.work(this.daemon.call('shell.help', { shell: this.shell, word, columns }));
  }

  async complete(text: string, behind: string): Promise<Completion> {
    const { hits, word } = await this.daemon.call('shell.complete', { shell: this.shell, text, behind });
    return { hits: [...hits], word };
  }

  interrupt(): void {
    // A connection that is gone has ended what ran there.
    void this.interruptCall(this.calls).catch(() => undefined);
  }

  /** What was just sent may not have begun there. */
  private async interruptCall(call: number): Promise<void> {
    while (this.busy && this.calls === call) {
      if (await this.daemon.call('shell.interrupt', { shell: this.shell })) return;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MILLISECONDS));
    }
  }

  private async work<Result>(call: Promise<Result>): Promise<Result> {
    this.working++;
    this.calls++;
    try {
      return await call;
    } finally {
      this.working--;
    }
  }
}
