/** Daemons, as users start them. */
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { connect, type Daemon } from 'packet-bricks';
import { Workplace, type Outcome, type RunOptions, type Running } from '../support/program';

const program = (name: string): string => require.resolve(`packet-bricks/bundle/cli/${name}`);

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly engine?: string;
  readonly code?: string;
  readonly source?: string;
  readonly pid: number;
}

/** A folder for the daemons of a test file, which are ended with it. */
export class DaemonPlace extends Workplace {
  readonly run_: string;

  constructor() {
    super();
    mkdirSync(this.path('daemons'), { mode: 0o700 });
    this.run_ = this.path('daemons', 'bricks');
  }

  override get environment(): NodeJS.ProcessEnv {
    return { ...super.environment, BRICKS_RUN_DIR: this.run_ };
  }

  /** Starts a daemon with `bricks -d`; resolves when that has ended. */
  daemon(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return this.run(['-d', '--backend', 'loopback', ...args], options);
  }

  /** One that stays in the foreground. */
  server(args: readonly string[], options: RunOptions = {}): Running {
    return this.start(['--foreground', '--backend', 'loopback', ...args], { program: program('bricks-server'), input: '', ...options });
  }

  other(name: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Outcome> {
    return this.run(args, { program: program(name), ...options });
  }

  kill(...args: string[]): Promise<Outcome> {
    return this.other('bricks-kill-server', args);
  }

  connect(name = 'bricks'): Promise<Daemon> {
    return connect({ address: `unix:${this.file(`${name}.sock`)}` });
  }

  file(name: string): string {
    return `${this.run_}/${name}`;
  }

  /** What is in the runtime directory. */
  get files(): string[] {
    return existsSync(this.run_) ? readdirSync(this.run_).sort() : [];
  }

  pid(name = 'bricks'): number {
    return Number(readFileSync(this.file(`${name}.pid`), 'utf8'));
  }

  log(name: string): LogLine[] {
    return readFileSync(this.path(name), 'utf8').split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
  }

  /** Resolves when a log has such a line. */
  async logged(name: string, pattern: RegExp): Promise<LogLine> {
    for (;;) {
      const found = existsSync(this.path(name)) ? this.log(name).find(({ msg }) => pattern.test(msg)) : undefined;
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** For afterAll: also daemons that a test has left. */
  override dispose(): void {
    for (const file of this.files.filter((name) => name.endsWith('.pid'))) {
      try {
        process.kill(this.pid(file.slice(0, -4)), 'SIGKILL');
      } catch {
        // It has gone, as it should.
      }
    }
    super.dispose();
  }
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export const ENGINE = 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("in}0"):connect_output("out{0")):start()\n';
