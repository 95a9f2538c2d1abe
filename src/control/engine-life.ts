/** The thread of an engine, as its engine rules it: opened, set to run, changed, stopped, closed; and what becomes of it if it fails. */
import { BricksError, messageOf } from '../model/errors';
import type { TellUser } from '../model/outcome';
import type { CpuProfile } from '../v8/cpu-profile';
import { CommandEvent } from '../native/system';
import { awaitExpectedReaders, pipesWithout } from '../pipes';
import { countHung, takeBackUnread } from './final-counters';
import { CONTROL_STOP, CONTROL_WAKE, PAUSE, RUN, STOP, type EnginePlan, type EngineReport, type EngineRequest, type PlainError } from './engine-protocol';
import { startEngineThread } from './engine-thread';
import { EngineWatches } from './engine-watches';
import type { GraphCounters } from './former-counts';
import type { OpenGraph } from './idle-links';
import { OpenThread, discardGraph, threadLimit } from './open-thread';
import { prepareEngine, type PlanRequest } from './prepare-plan';
import { ThreadAnswers } from './thread-answers';
import { Watchdog } from './watchdog';

/** What an engine rules: a thread, or what would become of one. */
export interface Life {
  readonly running: boolean;
  /** While its links are open. */
  readonly thread: OpenGraph | undefined;
  /** Whether it ever ran. */
  readonly begun: boolean;
  /** What it has counted, if ever it had a graph. */
  readonly counters: GraphCounters | undefined;
  /** What was prepared for its pipes. */
  readonly pipes: unknown;
  /** Who looks at its packets, while its links are open. */
  readonly watches: EngineWatches | undefined;
  begin(request: PlanRequest): Promise<void>;
  change(request: PlanRequest): Promise<void>;
  run(): Promise<void>;
  rest(): Promise<void>;
  close(): Promise<void>;
  /** Calls a method of a brick's control half. */
  call(brick: number, method: string, values: readonly unknown[]): Promise<unknown>;
  /** Begins to profile its thread, a look each so many microseconds; without a number ends it, and returns the profile. @throws BricksError E_PROFILE */
  profile(every?: number): Promise<CpuProfile | undefined>;
}

/** What the engine hears of its thread. */
export interface LifeListener {
  readonly notice: TellUser;
  opened(): void;
  begun(thread: OpenThread): void;
  stopped(end: 'stopped' | 'ended'): void;
  /** `gone` resolves when its links are closed. */
  failed(error: BricksError, wasRunning: boolean, gone: Promise<void>): void;
  /** It is gone, or is waited for no longer. `told`: the caller that waited for a command has got the error. */
  lost(error: BricksError, wasRunning: boolean, told: boolean): void;
  closed(): void;
}

export class EngineLife implements Life {
  private open: OpenThread | undefined;
  private isRunning = false;
  begun = false;
  private readonly answers = new ThreadAnswers();
  private readonly watchdog: Watchdog;
  /** What an engine counted whose links are closed. */
  private last: GraphCounters | undefined;

  constructor(private readonly name: string, private readonly hangMilliseconds: number, private listener: LifeListener) {
    this.watchdog = new Watchdog(hangMilliseconds);
  }

  /** Another engine goes on with it. */
  listenWith(listener: LifeListener): void {
    this.listener = listener;
  }

  get running(): boolean {
    return this.isRunning;
  }

  /** While its links are open. */
  get thread(): OpenThread | undefined {
    return this.open;
  }

  get pipes(): unknown {
    return this.open?.linked.prepared.pipes;
  }

  get watches(): EngineWatches | undefined {
    return this.open?.watches;
  }

  /** What it has counted, if ever it had a graph. */
  get counters(): GraphCounters | undefined {
    return this.open?.counters ?? this.last;
  }

  /** Opens the links of a graph in its own thread. */
  async begin(request: PlanRequest): Promise<void> {
    const { plan: withoutEvent, linked } = await prepareEngine(request);
    const commands = new CommandEvent();
    const plan: EnginePlan = { ...withoutEvent, commands: commands.descriptor };
    const control = new Int32Array(plan.control);
    const watches = new EngineWatches(control, commands);
    const worker = startEngineThread(plan, watches.far);
    const thread = new OpenThread(worker, request.backend, control, commands, watches, linked);
    worker.on('message', (report: EngineReport) => this.take(thread, report));
    worker.on('error', (error) => this.fail(thread, new BricksError('E_INTERNAL', `The thread of engine ${this.name} failed: ${messageOf(error)}`)));
    worker.on('exit', () => {
      if (this.open === thread) this.fail(thread, new BricksError('E_INTERNAL', `The thread of engine ${this.name} exited unexpectedly.`));
    });
    this.open = thread;
    this.watch(thread);
    try {
      await this.answers.expect(['opened']);
      this.watchdog.stop();
      worker.unref();
      this.listener.opened();
    } catch (error) {
      await this.discard(thread);
      throw error;
    }
  }

  /** Puts another graph in the place of the one that is open, between two batches; links that both have stay open. If it throws, nothing has changed. */
  async change(request: PlanRequest): Promise<void> {
    const { open: thread } = this;
    if (!thread) return;
    const before = thread.linked;
    const { plan, linked } = await prepareEngine(request, { linked: before, control: thread.control.buffer as SharedArrayBuffer, begun: thread.begun });
    if (!this.isRunning) this.watch(thread);
    try {
      const report = await this.answers.expect(['changed', 'refused'], () => {
        if (this.isRunning) this.tellRunning(thread, PAUSE);
        thread.worker.postMessage({ kind: 'change', plan: { ...plan, commands: thread.commands.descriptor } } satisfies EngineRequest);
      });
      if (report.kind === 'refused') throw plainAsError(report.error);
    } catch (error) {
      await discardGraph(linked, thread.backend, before);
      throw error;
    } finally {
      if (!this.isRunning) this.watchdog.stop();
    }
    const counters = thread.counters;
    thread.replace(linked, counters);
    // Readers that have waited for pipes that are gone now get what was written to them.
    const gone = pipesWithout(before.prepared.pipes, linked.prepared.pipes);
    await awaitExpectedReaders(gone);
    takeBackUnread(counters.graph, counters.words, gone);
    thread.replace(linked, counters);
    await discardGraph(before, thread.backend, linked);
  }

  async profile(every?: number): Promise<CpuProfile | undefined> {
    const { open: thread } = this;
    if (!thread) return undefined;
    const report = await this.answers.expect(['profiled', 'refused'], () => {
      if (this.isRunning) this.tellRunning(thread, PAUSE);
      thread.worker.postMessage({ kind: 'profile', every } satisfies EngineRequest);
    });
    if (report.kind === 'refused') throw plainAsError(report.error);
    return report.kind === 'profiled' ? report.profile : undefined;
  }

  /** Lets packets flow. */
  async run(): Promise<void> {
    const { open: thread } = this;
    if (!thread) return;
    Atomics.store(thread.control, CONTROL_STOP, RUN);
    thread.worker.ref();
    await this.ask(thread, { kind: 'run' }, ['running']);
  }

  /** Stops it at the end of a batch. */
  async rest(): Promise<void> {
    const { open: thread } = this;
    if (!thread) return;
    await this.answers.expect(['stopped'], () => this.tellRunning(thread, STOP));
  }

  async call(brick: number, method: string, values: readonly unknown[]): Promise<unknown> {
    return this.open?.linked.controls.call(brick, method, [...values]);
  }

  /** Tells a running engine to stop or to pause. */
  private tellRunning(thread: OpenThread, word: number): void {
    Atomics.store(thread.control, CONTROL_STOP, word);
    thread.commands.signal();
    Atomics.add(thread.control, CONTROL_WAKE, 1);
    Atomics.notify(thread.control, CONTROL_WAKE);
  }

  /** Closes its links; everything that was sent has then reached its files and readers, as far as they take it. */
  async close(): Promise<void> {
    const thread = this.open;
    if (!thread) return;
    thread.worker.ref();
    try {
      await this.ask(thread, { kind: 'close' }, ['closed']);
      const { pipes } = thread.linked.prepared;
      await awaitExpectedReaders(pipes);
      const { counters } = thread;
      takeBackUnread(counters.graph, counters.words, pipes);
      this.last = counters;
    } finally {
      await this.discard(thread);
    }
  }

  private discard(thread: OpenThread): Promise<void> {
    thread.disposed ??= this.dispose(thread);
    return thread.disposed;
  }

  private async dispose(thread: OpenThread): Promise<void> {
    if (this.open === thread) this.open = undefined;
    this.listener.closed();
    this.watchdog.stop();
    await thread.end();
  }

  private ask(thread: OpenThread, request: EngineRequest, kinds: readonly EngineReport['kind'][]): Promise<EngineReport> {
    return this.answers.expect(kinds, () => thread.worker.postMessage(request));
  }

  private take(thread: OpenThread, report: EngineReport): void {
    if (this.open !== thread) return;
    if (report.kind === 'notice') this.listener.notice(report.text, report.fault, report.level);
    if (report.kind === 'failed') {
      this.fail(thread, plainAsError(report.error));
      return;
    }
    if (report.kind === 'running') this.runs(thread);
    if (report.kind === 'stopped') this.noteStopped(thread, report.end);
    if (report.kind === 'closed') thread.hasClosed = true;
    this.answers.take(report);
  }

  private runs(thread: OpenThread): void {
    this.isRunning = this.begun = true;
    thread.begun = true;
    this.watch(thread);
    this.listener.begun(thread);
  }

  private noteStopped(thread: OpenThread, end: 'stopped' | 'ended'): void {
    this.isRunning = false;
    this.watchdog.stop();
    thread.worker.unref();
    this.listener.stopped(end);
  }

  private fail(thread: OpenThread, error: BricksError): void {
    // It is ending, and has nothing left to do. Its pipes stay until their readers have come.
    if (thread.hasClosed) return;
    const wasRunning = this.isRunning;
    this.isRunning = false;
    const { counters } = thread;
    if (error.code === 'E_ENGINE_HUNG') countHung(counters.graph, counters.words, thread.control);
    takeBackUnread(counters.graph, counters.words, thread.linked.prepared.pipes);
    this.last = counters;
    const waiting = this.answers.next();
    const gone = this.discard(thread).catch(() => undefined);
    this.listener.failed(error, wasRunning, gone);
    void Promise.race([gone, threadLimit()]).then(() => {
      waiting?.reject(error);
      this.listener.lost(error, wasRunning, waiting !== undefined);
    });
  }

  /** Ends an engine whose batch does not end, be it while it warms up. */
  private watch(thread: OpenThread): void {
    this.watchdog.watch(thread.control, () => this.isRunning, (index) => {
      const label = thread.graph.bricks[index]?.label;
      this.fail(thread, new BricksError('E_ENGINE_HUNG', `The engine ${this.name} was ended: ${label ? `its brick ${label}` : 'one of its links'} has not returned for ${this.hangMilliseconds} ms.`, label ? 'Fix the brick, or raise hangMilliseconds.' : 'Check the device or the disk, or raise hangMilliseconds.'));
    });
  }
}

function plainAsError({ code, message, stack }: PlainError): BricksError {
  const error = new BricksError(code, message);
  if (stack) error.stack = stack;
  return error;
}
