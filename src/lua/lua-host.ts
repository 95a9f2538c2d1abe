/** Runs Lua scripts and the lines of a Lua shell, in their own thread. */
import { join, relative, resolve } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { Answer, RegistryCommand } from '../control/registry-commands';
import { BricksError, isBricksError, messageOf } from '../model/errors';
import { packageRoot, packageVersion } from '../native/load-addon';
import type { AnswerMessage, CallName, CommandMessage, Rehearsal, Reply, Request, WorkerSettings } from './messages';
import { loadNativeLua } from './native-lua';
import type { NativeLua, NativeOutcome } from './native-lua';

export interface LuaHostOptions {
  /** The `arg` table of scripts. */
  readonly args?: readonly string[];
  /** File descriptors that scripts, and the commands that they run, read from, print to and write errors to; those of the process unless told otherwise. */
  readonly input?: number;
  readonly output?: number;
  readonly error?: number;
  /** Bytes that a script may hold, so that one that runs away does not starve the engines; 1 GiB unless told otherwise. */
  readonly memoryLimit?: number;
  /** A daemon says no goodbye. */
  readonly daemon?: boolean;
  /** Where `require` finds our own scripts; the package's `scripts` folder unless told otherwise. */
  readonly scripts?: string;
  /** What the first brick is numbered: where several Lua states share engines, each needs its own numbers. 1 unless told otherwise. */
  readonly firstBrick?: number;
  /** The script is only to show what it would do: it waits for nothing, writes no file, and `onSkipped` hears what it would have done. */
  readonly rehearsal?: Rehearsal & { readonly onSkipped: (what: string) => void };
}

/** What went wrong in a script. */
export interface LuaFailure {
  /** As Lua says it, with file and line in front. */
  readonly message: string;
  /** The functions of the script that were at work, innermost first; empty for a syntax error. */
  readonly traceback: string;
  readonly file?: string;
  readonly line?: number;
  readonly interrupted: boolean;
}

/** `exitCode` is there when the script called os.exit (or BRICKS.shutdown). */
export type RunResult = { readonly ok: true; readonly exitCode?: number } | { readonly ok: false; readonly failure: LuaFailure };

/** `incomplete`: the statement goes on; ask for another line and give all of them. */
export type LineResult = ({ readonly incomplete: false } & RunResult) | { readonly incomplete: true };

/** What has methods in Lua. */
export type ObjectKind = 'Brick' | 'PktEngine' | 'string';

/** What a Lua state knows of links. */
export interface KnownLinks {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly engines: readonly string[];
  /** The kind of the brick that was asked for. */
  readonly kind?: string;
}

/** A failure as it is shown to a user. Where only the main chunk was at work, its line stands in the message already. */
export function formatFailure({ message, traceback, line }: LuaFailure): string {
  const [, ...calls] = traceback.split('\n');
  const known = calls.length === 1 && message.includes(`:${line}: `);
  return traceback && !known ? `${message}\n${traceback}` : message;
}

const MEMORY_LIMIT = 2 ** 30;

const openHosts = new Set<LuaHost>();

/** One Lua state with its thread: make one for each script and each shell. */
export class LuaHost {
  readonly #native: NativeLua;
  readonly #worker: Worker;
  readonly #commands: MessagePort;
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  readonly #ready: Promise<number>;
  readonly #gone: Promise<void>;
  readonly #args: readonly string[];
  readonly #waiting = new Map<number, { resolve(outcome: NativeOutcome): void; reject(error: Error): void }>();
  #stateId = 0;
  #calls = 0;
  /** The call at work; 0 when idle. */
  #current = 0;
  /** Calls that wait for their turn. */
  #queued = 0;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** @throws BricksError E_NATIVE_MISSING where Lua was not built */
  constructor(execute: (command: RegistryCommand) => Promise<Answer>, options: LuaHostOptions = {}) {
    this.#native = loadNativeLua();
    this.#args = options.args ?? [];
    const { port1, port2 } = new MessageChannel();
    this.#commands = port1;
    const root = packageRoot();
    const { rehearsal } = options;
    const settings: WorkerSettings = {
      commands: port2,
      bell: this.#bell,
      descriptors: [options.input ?? 0, options.output ?? 1, options.error ?? 2],
      memoryLimit: options.memoryLimit ?? MEMORY_LIMIT,
      daemon: options.daemon ?? false,
      version: packageVersion(),
      scripts: options.scripts ?? join(root, 'scripts'),
      firstBrick: options.firstBrick ?? 1,
      ...(rehearsal === undefined ? {} : { rehearsal: { seconds: rehearsal.seconds, runCommands: rehearsal.runCommands } }),
    };
    this.#worker = new Worker(join(__dirname, '..', 'lua', 'lua-worker.js'), { workerData: settings, transferList: [port2], name: 'lua' });
    port1.on('message', ({ number, command }: CommandMessage) => void this.#answer(number, command, execute));
    let isReady: (id: number) => void;
    let isBroken: (error: Error) => void;
    this.#ready = new Promise((accept, refuse) => {
      isReady = accept;
      isBroken = refuse;
    });
    this.#ready.catch(() => undefined); // those who run something see it
    this.#worker.on('message', (reply: Reply) => {
      if ('ready' in reply) {
        this.#stateId = reply.ready;
        if (this.#closed) this.#stop();
        isReady(reply.ready);
      } else if ('skipped' in reply) {
        rehearsal?.onSkipped(reply.skipped);
      } else if ('broken' in reply) {
        isBroken(new BricksError('E_LUA', `Lua could not be started: ${reply.broken}`));
      } else {
        this.#waiting.get(reply.call)?.resolve(reply.outcome);
      }
    });
    const fail = (error: Error): void => {
      isBroken(error);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    this.#worker.on('error', (error) => fail(new BricksError('E_LUA', `The Lua thread ended: ${messageOf(error)}`)));
    this.#gone = new Promise((accept) => {
      this.#worker.on('exit', () => {
        fail(new BricksError('E_LUA', 'The Lua thread has ended.'));
        openHosts.delete(this);
        port1.close();
        accept();
      });
    });
    openHosts.add(this);
    this.#restUnlessBusy();
  }

  /** Runs a script to its end. Never rejects for what the script does wrong. `text` is what stands in it, where that was read before. */
  async runScript(path: string, args: readonly string[] = this.#args, text?: string): Promise<RunResult> {
    const file = resolve(path);
    const near = relative('.', file);
    // Lua shortens long names in its messages: the shorter way to write it says more.
    const name = near.length < path.length && !near.startsWith('..') ? near : path;
    return resultOf(await this.#call('script', [file, name, [...args], text]));
  }

  /** Runs a script whose text is given, under the name that errors are to show. */
  async runText(text: string, name: string, args: readonly string[] = []): Promise<RunResult> {
    return resultOf(await this.#call('source', [text, name, [...args]]));
  }

  /**
   * Evaluates a statement of the shell: all its lines so far. Values of `= expression` are printed, and of what is an
   * expression and no statement; on a terminal, which has so many columns, also of calls that stand alone. `first` is the number of its
   * first line, for messages.
   */
  async runLine(text: string, columns = 0, first = 1): Promise<LineResult> {
    const outcome = await this.#call('line', [text, columns, first]);
    if (!outcome.failure && (outcome.value as { incomplete?: boolean } | undefined)?.incomplete) return { incomplete: true };
    return { incomplete: false, ...resultOf(outcome) };
  }

  /** Prints the help on a word. */
  async help(word: string, columns?: number): Promise<RunResult> {
    return resultOf(await this.#call('help', columns === undefined ? [word] : [word, columns]));
  }

  /** The ways in which the last word of a line may go on; none while something runs. `of`: it is the name of a method of such an object. */
  async complete(line: string, of?: ObjectKind): Promise<string[]> {
    if (this.#current !== 0) return [];
    const { value } = await this.#call('complete', of === undefined ? [line] : [line, of]);
    return listOf(value);
  }

  /** Names of the links and engines that there are, and the kind of the brick that a variable holds; none while something runs. */
  async links(path = ''): Promise<KnownLinks> {
    const { value } = this.#current === 0 ? await this.#call('links', [path]) : {};
    const { inputs, outputs, engines, kind } = (value ?? {}) as Record<string, unknown>;
    return { inputs: listOf(inputs), outputs: listOf(outputs), engines: listOf(engines), ...(typeof kind === 'string' ? { kind } : {}) };
  }

  /** Bricks that were given links and no engine, as `LoadBalancer from eth3`. */
  async looseBricks(): Promise<string[]> {
    const { value } = await this.#call('loose', []);
    return listOf(value);
  }

  /** Bytes that the Lua state holds. */
  async memory(): Promise<number> {
    return (await this.#call('memory', [])).value as number;
  }

  /** Whether a script or a line is at work. */
  get busy(): boolean {
    return this.#current !== 0;
  }

  /** Ends what runs now, or is just about to, with the failure "interrupted"; returns false when nothing runs. */
  interrupt(): boolean {
    const call = this.#current === 0 && this.#queued > 0 ? this.#calls + 1 : this.#current;
    if (call === 0) return false;
    if (this.#stateId !== 0) this.#wake(call);
    else this.#ready.then(() => this.#wake(call), () => undefined);
    return true;
  }

  /** Ends what runs, and the thread. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      if (this.#stateId !== 0) this.#stop();
      else this.#ready.catch(() => void this.#worker.terminate());
    }
    this.#worker.ref();
    await this.#gone;
  }

  #stop(): void {
    this.#wake(Infinity);
    this.#worker.postMessage({ close: true } satisfies Request);
  }

  #wake(call: number): void {
    this.#native.interrupt(this.#stateId, call);
    this.#ring();
  }

  #ring(): void {
    Atomics.add(this.#bell, 0, 1);
    Atomics.notify(this.#bell, 0);
  }

  /** For the end of the process, which would wait for the thread. */
  static stopAll(): void {
    for (const host of openHosts) {
      if (host.#stateId !== 0) host.#wake(Infinity);
    }
  }

  /** An idle shell does not keep the process. */
  #restUnlessBusy(): void {
    if (this.#current === 0) {
      this.#worker.unref();
      this.#commands.unref();
    } else {
      this.#worker.ref();
      this.#commands.ref();
    }
  }

  /** One call after the other, in the order in which they came. */
  #call(name: CallName, values: readonly unknown[]): Promise<NativeOutcome> {
    this.#queued++;
    const turn = this.#last.then(() => this.#perform(name, values));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #perform(name: CallName, values: readonly unknown[]): Promise<NativeOutcome> {
    this.#queued--;
    if (this.#closed) throw new BricksError('E_LUA', 'The Lua host is closed.');
    const call = ++this.#calls;
    this.#current = call;
    this.#restUnlessBusy();
    try {
      await this.#ready;
      // Closed meanwhile: the Lua thread has been told so, and takes nothing more.
      if (this.#closed) return { interrupted: true, failure: { message: 'interrupted', traceback: '' } };
      return await new Promise<NativeOutcome>((accept, refuse) => {
        this.#waiting.set(call, { resolve: accept, reject: refuse });
        this.#worker.postMessage({ call, name, values } satisfies Request);
      });
    } finally {
      this.#waiting.delete(call);
      this.#current = 0;
      this.#restUnlessBusy();
    }
  }

  async #answer(number: number, command: RegistryCommand, execute: (command: RegistryCommand) => Promise<Answer>): Promise<void> {
    let answer: Answer;
    try {
      answer = await execute(command);
    } catch (error) {
      answer = { ok: false, code: isBricksError(error) ? error.code : 'E_INTERNAL', message: messageOf(error) };
    }
    try {
      this.#commands.postMessage({ number, answer } satisfies AnswerMessage);
    } catch (error) {
      const message = `The result of ${command.command} can't be sent to the script: ${messageOf(error)}`;
      this.#commands.postMessage({ number, answer: { ok: false, code: 'E_INTERNAL', message } } satisfies AnswerMessage);
    }
    this.#ring();
  }
}

/** Empty tables of Lua don't say that they are lists. */
function listOf(value: unknown): string[] {
  return Array.isArray(value) ? (value as string[]) : [];
}

function resultOf(outcome: NativeOutcome): RunResult {
  const { failure, exitCode } = outcome;
  if (!failure) return exitCode === undefined ? { ok: true } : { ok: true, exitCode };
  // The message names the line that is wrong also where no function was at work: syntax errors.
  const position = /^(?!\.\.\.)([^\n]*?):(\d+): /.exec(failure.message);
  const file = position ? position[1] : failure.file;
  const line = position ? Number(position[2]) : failure.line;
  return {
    ok: false,
    failure: {
      message: failure.message,
      traceback: failure.traceback,
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
      interrupted: outcome.interrupted,
    },
  };
}

process.on('exit', () => LuaHost.stopAll());
