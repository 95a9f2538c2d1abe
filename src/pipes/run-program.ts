/** `bricks attach ... --exec`: a program that gets a pipe as a pcap stream on its standard input. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';
import { copyToStream, type StreamOptions, type StreamResult } from './pcap-stream';
import { attach, type PipeReader } from './pipe-reader';

/** Calls the listener with each signal; returns what ends that. */
export type PassOn = (listener: (signal: NodeJS.Signals) => void) => () => void;

export interface ReadingProgram {
  /** The program and its arguments: no shell looks at them. */
  readonly words: readonly string[];
  readonly restart: boolean;
  readonly passOn: PassOn | undefined;
}

export type Say = (text: string) => void;

/** A program that dies again and again is started ever later, up to the longest pause. */
const SHORTEST_PAUSE_MILLISECONDS = 500;
const LONGEST_PAUSE_MILLISECONDS = 30_000;
/** One that has run for so long died of something new. */
const HEALTHY_MILLISECONDS = 60_000;
/** Programs end at the end of their input; those that do not within this time get the signal themselves. */
const END_OF_INPUT_MILLISECONDS = 1000;

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A stream that was cut off must not look like one that is complete. @throws BricksError E_ATTACH_KILLED */
export function checkWriter(link: string, end: StreamResult['end']): void {
  if (end !== 'killed') return;
  throw new BricksError('E_ATTACH_KILLED', `${link} ended because the process that wrote it, or had opened it first, was killed.`, 'Everything in the pipe was read; whatever would have followed is missing. Find out why it was killed (out of memory?), restart it, and attach again.');
}

export function sayOthers(result: StreamResult, say: Say): void {
  if (result.otherLinkTypes > 0) say(`${result.otherLinkTypes} packets were left out because their link type differs from the first packet's: a pcap stream has only one.`);
}

/**
 * Starts the program, waits for the pipe unless its reader is given, and returns the exit code of the program. Each exit is reported where
 * there may be several. The reader is closed at the end.
 */
export async function runProgram(link: string, program: ReadingProgram, options: StreamOptions, say: Say, given?: PipeReader): Promise<number> {
  const tells = given !== undefined || program.restart;
  const isEnding = (): boolean => options.signal?.aborted ?? false;
  let reader = given;
  let packets = 0;
  let wait = SHORTEST_PAUSE_MILLISECONDS;
  try {
    for (;;) {
      const begin = performance.now();
      const child = new Child(program, link, options.signal);
      await child.started();
      reader ??= await child.attach(link, options);
      const result = reader && await child.feed(reader, { ...options, ...(options.count === undefined ? {} : { count: options.count - packets }) });
      const exit = await child.exit();
      packets += result?.packets ?? 0;
      if (result) sayOthers(result, say);
      const died = (result === undefined || result.end === 'reader') && exitCode(exit) !== 0 && !isEnding();
      const again = program.restart && died;
      if (performance.now() - begin > HEALTHY_MILLISECONDS) wait = SHORTEST_PAUSE_MILLISECONDS;
      if (tells) say(`${link}: ${program.words[0]} (process ${child.process}) ${exitText(exit)}${again ? `; restarting it in ${wait / 1000} s, without the packets it was given before` : ''}`);
      if (!again) {
        if (exitCode(exit) === 0 && result) checkWriter(link, result.end);
        return exitCode(exit);
      }
      // What it had been given may be what it died of.
      reader?.release();
      await pause(wait, undefined, options.signal ? { signal: options.signal } : {}).catch(() => undefined);
      if (isEnding()) return exitCode(exit);
      wait = Math.min(2 * wait, LONGEST_PAUSE_MILLISECONDS);
    }
  } finally {
    reader?.close();
  }
}

function exitCode({ code, signal }: Exit): number {
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}

function exitText({ code, signal }: Exit): string {
  if (signal) return `was killed by ${signal}`;
  return code === 0 ? 'has ended' : `exited with code ${code}`;
}

/** The program while it runs. */
class Child {
  /** Aborted when it has ended, or is to end. */
  readonly gone: AbortSignal;
  private readonly child: ChildProcess;
  private readonly going = new AbortController();
  private readonly exited: Promise<Exit>;
  private readonly stopPassing: (() => void) | undefined;
  private ended = false;
  private readonly onEnding = (): void => this.going.abort();

  constructor(private readonly program: ReadingProgram, link: string, private readonly ending: AbortSignal | undefined) {
    const [name, ...words] = program.words;
    this.gone = this.going.signal;
    this.child = spawn(name, words, { stdio: ['pipe', 'inherit', 'inherit'], env: { ...process.env, BRICKS_PIPE: link } });
    // Its exit says that it reads no more.
    this.child.stdin?.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      const done = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.ended = true;
        this.going.abort();
        resolve({ code, signal });
      };
      this.child.once('exit', done);
    });
    this.stopPassing = program.passOn?.((signal) => this.passOn(signal));
    if (ending?.aborted === true) this.onEnding();
    ending?.addEventListener('abort', this.onEnding);
  }

  get process(): number {
    return this.child.pid ?? 0;
  }

  /** @throws BricksError E_ATTACH_EXEC */
  async started(): Promise<void> {
    const [name] = this.program.words;
    try {
      await once(this.child, 'spawn');
    } catch (error) {
      this.forget();
      const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such program' : systemReason(error);
      throw new BricksError('E_ATTACH_EXEC', `${name} can't be started: ${reason}.`, 'Write the program and its arguments after --exec.');
    }
  }

  /** A signal that is to end us ends the input first. */
  private passOn(signal: NodeJS.Signals): void {
    if (signal === 'SIGUSR2') this.end(signal);
    else setTimeout(() => this.end(signal), END_OF_INPUT_MILLISECONDS).unref();
  }

  end(signal: NodeJS.Signals): void {
    if (!this.ended) this.child.kill(signal);
  }

  /** The pipe's reader, or nothing if the program ended before there was one. */
  async attach(link: string, options: StreamOptions): Promise<PipeReader | undefined> {
    // The reader outlives the program, where that is started again.
    const waiting = new AbortController();
    const giveUp = (): void => waiting.abort();
    this.gone.addEventListener('abort', giveUp);
    if (this.gone.aborted) giveUp();
    try {
      return await attach(link, { ...options, signal: waiting.signal });
    } catch (error) {
      if (this.gone.aborted) return undefined;
      this.end('SIGTERM');
      this.forget();
      throw error;
    } finally {
      this.gone.removeEventListener('abort', giveUp);
    }
  }

  /** Gives it what comes until it, or the pipe, has ended. */
  async feed(reader: PipeReader, options: StreamOptions): Promise<StreamResult> {
    const { stdin } = this.child;
    if (!stdin) throw new BricksError('E_ATTACH_EXEC', `${this.program.words[0]} has no standard input.`);
    try {
      const result = await copyToStream(reader, stdin, { ...options, signal: this.gone });
      // It ended while no packets came.
      return result.end === 'signal' && this.ended ? { ...result, end: 'reader' } : result;
    } finally {
      stdin.end();
    }
  }

  async exit(): Promise<Exit> {
    this.child.stdin?.end();
    const exit = await this.exited;
    this.forget();
    return exit;
  }

  private forget(): void {
    this.stopPassing?.();
    this.ending?.removeEventListener('abort', this.onEnding);
  }
}
