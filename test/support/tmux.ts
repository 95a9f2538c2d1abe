/** A real terminal: a tmux server of its own, with one window. */
import { execFileSync } from 'node:child_process';

export function hasTmux(): boolean {
  try {
    execFileSync('tmux', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let servers = 0;

export class TmuxTerminal {
  private readonly server = `bricks-test-${process.pid}-${++servers}`;

  /** `command` is run by a shell, and tells its exit code when it has ended. */
  constructor(command: string, environment: Readonly<Record<string, string>>, directory: string, columns = 120, rows = 50) {
    const settings = Object.entries(environment).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    this.tmux('new-session', '-d', '-x', `${columns}`, '-y', `${rows}`, '-c', directory, ...settings, `sh -c '${command}; echo "ended with $?"; exec sleep 1000'`);
  }

  /** Types text as it stands; names of keys (`C-c`, `Enter`, `Up`) by `press`. */
  type(text: string): void {
    this.tmux('send-keys', '-l', '--', text);
  }

  press(...keys: string[]): void {
    this.tmux('send-keys', ...keys);
  }

  enter(line: string): void {
    this.type(line);
    this.press('Enter');
  }

  /** What stands on the screen, and above it. */
  get screen(): string {
    return this.tmux('capture-pane', '-J', '-p', '-S', '-500').replace(/ +$/gm, '').trimEnd();
  }

  /** What a program that fills the screen shows: every line of it, with the codes of its colours if `styled`. */
  lines(styled = false): string[] {
    return this.tmux('capture-pane', '-p', ...(styled ? ['-e'] : [])).replace(/\n$/, '').split('\n');
  }

  resize(columns: number, rows: number): void {
    this.tmux('resize-window', '-x', `${columns}`, '-y', `${rows}`);
  }

  /** Waits until the screen matches. */
  async shows(pattern: RegExp): Promise<void> {
    await this.until(() => pattern.test(this.screen), String(pattern));
  }

  /** Waits until this holds. */
  async until(holds: () => boolean, what: string): Promise<void> {
    for (const start = Date.now(); !holds();) {
      if (Date.now() - start > 30_000) throw new Error(`the terminal does not show ${what}:\n${this.screen}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  close(): void {
    try {
      this.tmux('kill-server');
    } catch {
      // it has ended
    }
  }

  private tmux(...words: string[]): string {
    return execFileSync('tmux', ['-L', this.server, '-f', '/dev/null', ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
}
