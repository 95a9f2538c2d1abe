/** The program `bricks`, as a user runs it. */
import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams, type SpawnOptions } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const PROGRAM = require.resolve('packet-bricks/bundle/cli/bricks');
export const SCRIPTS = join(__dirname, '../../scripts');

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Words before the program: `ip netns exec x`. */
  readonly wrap?: readonly string[];
  readonly directory?: string;
  /** Another program than `bricks`. */
  readonly program?: string;
}

/** A folder of its own for each test file: captures, scripts, pipes, history. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), 'bricks-program-'));
  private readonly running = new Set<Running>();

  constructor() {
    mkdirSync(join(this.folder, 'run'), { mode: 0o700 });
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Writes a script, and returns its name. */
  script(name: string, text: string): string {
    writeFileSync(this.path(name), text);
    return name;
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, BRICKS_RUN_DIRECTORY: this.path('run'), BRICKS_HISTORY: this.path('history'), BRICKS_SECONDS: '', BRICKS_INPUT: '' };
  }

  start(args: readonly string[], options: RunOptions = {}): Running {
    const words = [...(options.wrap ?? []), process.execPath, options.program ?? PROGRAM, ...args];
    const settings: SpawnOptions = { cwd: options.directory ?? this.folder, env: { ...this.environment, ...options.environment }, stdio: 'pipe' };
    const running = new Running(spawn(words[0], words.slice(1), settings) as ChildProcessWithoutNullStreams);
    this.running.add(running);
    if (options.input !== undefined) running.child.stdin.end(options.input);
    return running;
  }

  /** Runs the program to its end. Standard input is empty unless told otherwise. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return this.start(args, { input: '', ...options }).ended;
  }

  /** For afterAll. */
  dispose(): void {
    for (const { child } of this.running) if (child.exitCode === null) child.kill('SIGKILL');
    // What was just killed may still be writing: an error of that would hide the one of the test.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

export class Running {
  stdout = '';
  stderr = '';
  readonly ended: Promise<Outcome>;
  private waiting: (() => void)[] = [];

  constructor(readonly child: ChildProcessWithoutNullStreams) {
    const wake = (): void => this.waiting.splice(0).forEach((resolve) => resolve());
    child.stdout.setEncoding('utf8').on('data', (text: string) => { this.stdout += text; wake(); });
    child.stderr.setEncoding('utf8').on('data', (text: string) => { this.stderr += text; wake(); });
    child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        wake();
      });
    });
  }

  /** Resolves when the program has said something that matches; rejects when it ends without. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.ended;
        const late = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
        if (late) return late;
        throw new Error(`the program ended with ${this.child.exitCode ?? this.child.signalCode} and did not say ${pattern}:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  type(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Resolves when a child has ended. */
export function endOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', resolve));
}
