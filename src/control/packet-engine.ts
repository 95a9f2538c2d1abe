/** A packet engine, as a program sees it: describes a graph, opens it in a thread of its own, starts and stops it. */
import { EventEmitter } from 'node:events';
import type { BrickDescription } from '../model/brick-description';
import { snapshotCounters } from '../model/counters';
import { BricksError, messageOf } from '../model/errors';
import type { BrickSpecification, CompiledGraph } from '../model/graph';
import type { checkOptions } from '../model/options';
import { FaultList, type EngineFault, type EngineOutcome } from '../model/outcome';
import { auditEngine, engineStatistics, type Audit, type EngineStatistics } from './statistics';
import { awaitExpectedReaders } from '../pipes';
import { OrderEvent } from '../native/system';
import { BrickControls } from './brick-controls';
import { refuseInBrickThread } from './brick-thread';
import { compileBricks } from './compile-bricks';
import { backendOf, preparePlan, settingsOf } from './prepare-plan';
import { linksThatWait, outputsAtWrongEnd, unwrittenPipes, type OpenGraph } from './idle-links';
import { allFaults, idle, liveEngines, noteOrder, noteStart, openGraphs } from './process-engines';
import { Watchdog } from './watchdog';
import { countHung, takeBackUnread } from './closed-books';
import { checkedEngineOptions, checkedLinkOptions, type LinkOptions, type PacketEngineEvents, type PacketEngineOptions } from './engine-options';
import { CONTROL_STOP, CONTROL_WAKE, type EnginePlan, type EngineReport, type EngineRequest } from './engine-protocol';
import { noBrickError, refuseWhileRunning } from './engine-rules';
import { startEngineThread } from './engine-thread';
import { endThread, threadLimit, type OpenThread as Thread } from './open-thread';

interface Books {
  readonly graph: CompiledGraph;
  readonly words: Uint32Array;
}

interface Waiting {
  readonly kinds: readonly EngineReport['kind'][];
  readonly resolve: (report: EngineReport) => void;
  readonly reject: (error: BricksError) => void;
}

/** What a set-up gets to bring its other engines up before an engine says that it waits for nothing. */
const IDLE_LOOK_MILLISECONDS = 1000;

/** An engine: moves packets through a graph of bricks, in a thread of its own. Methods that return a promise are carried out one after the other. */
export class PacketEngine extends EventEmitter<PacketEngineEvents> {
  /** The name that it was given. */
  readonly name: string;
  private readonly options: ReturnType<typeof checkOptions>;
  private specifications: BrickSpecification[] = [];
  private linkOptions: LinkOptions = {};
  private thread: Thread | undefined;
  private isRunning = false;
  private waiting: Waiting | undefined;
  private readonly watchdog: Watchdog;
  /** What an engine counted whose links are closed. */
  private last: Books | undefined;
  /** Orders are carried out one after the other. */
  private tail: Promise<unknown> = Promise.resolve();

  /** An engine of this name, with nothing linked yet. @throws BricksError E_OPTION, E_ENGINE_THREAD */
  constructor(name: string, private readonly given: PacketEngineOptions = {}) {
    super();
    refuseInBrickThread(name);
    this.name = name;
    this.options = checkedEngineOptions(name, given);
    this.watchdog = new Watchdog(Number(this.options['hangMilliseconds']));
    idle.add(this);
  }

  /** Whether packets flow. */
  get running(): boolean {
    return this.isRunning;
  }

  /** Whether it has run ever since it was made, rests now, and has no order to carry out. */
  get done(): boolean {
    return this.begun && !this.isRunning && this.orders === 0;
  }
  private begun = false;
  private orders = 0;

  /** Its graph while its links are open. */
  get openGraph(): OpenGraph | undefined {
    return this.thread;
  }

  /** Whether its links are open. */
  get linked(): boolean {
    return this.thread !== undefined;
  }

  /**
   * Binds a brick, with all bricks below it, to the engine and opens its links. May be called again to add more.
   * @throws BricksError that names brick and link
   */
  link(brick: BrickDescription, options: LinkOptions = {}): Promise<this> {
    if (typeof (brick as Partial<BrickDescription> | undefined)?.collect !== 'function') {
      return Promise.reject(new BricksError('E_ARGUMENT', `link takes a brick, got ${String(brick)}.`, 'For example: engine.link(new LoadBalancer().connectInput(...)).'));
    }
    brick.reachBy((one, method, values) => this.call(one, method, ...values));
    return this.linkSpecifications(brick.collect(), options);
  }

  /** The same for bricks as orders bring them. */
  linkSpecifications(bricks: readonly BrickSpecification[], options: LinkOptions = {}): Promise<this> {
    return this.inOrder(async () => {
      refuseWhileRunning(this, 'link');
      const known = new Set(this.specifications.map((brick) => brick.id));
      const all = [...this.specifications, ...bricks.filter((brick) => !known.has(brick.id))];
      const merged = { ...this.linkOptions, ...checkedLinkOptions(this.name, options) };
      const graph = await compileBricks(all);
      const before = this.thread?.graph;
      await this.close();
      if (!before) this.faults.clear();
      try {
        await this.open(graph, merged);
      } catch (error) {
        // What was linked before stays so; who made it hears of the error.
        idle.delete(this);
        if (before) await this.open(before, this.linkOptions);
        throw error;
      }
      this.specifications = all;
      this.linkOptions = merged;
      return this;
    });
  }

  /** Undoes `link`: closes all links. */
  unlink(): Promise<this> {
    return this.inOrder(async () => {
      refuseWhileRunning(this, 'unlink');
      idle.delete(this);
      this.specifications = [];
      this.linkOptions = {};
      await this.close();
      return this;
    });
  }

  /** Lets packets flow. @throws BricksError E_ENGINE_NOT_LINKED */
  start(): Promise<this> {
    return this.inOrder(async () => {
      if (this.isRunning) return this;
      const thread = this.thread;
      if (!thread && this.specifications.length > 0) throw new BricksError('E_ENGINE_NOT_LINKED', `The engine ${this.name} has failed and its links are closed.`, 'Link it again: pe:link(brick).');
      if (!thread) throw noBrickError(this.name);
      // On a busy machine its thread may take a while to say that it runs: it is not forgotten.
      idle.delete(this);
      Atomics.store(thread.control, CONTROL_STOP, 0);
      thread.worker.ref();
      await this.ask(thread, { kind: 'run' }, ['running']);
      return this;
    });
  }

  /** Stops at the end of a batch; everything received has then been sent or counted. */
  stop(): Promise<this> {
    return this.inOrder(async () => {
      const thread = this.thread;
      if (!this.isRunning || !thread) return this;
      await this.expect(['rested'], () => {
        Atomics.store(thread.control, CONTROL_STOP, 1);
        thread.orders.signal();
        Atomics.add(thread.control, CONTROL_WAKE, 1);
        Atomics.notify(thread.control, CONTROL_WAKE);
      });
      return this;
    });
  }

  /** Closes the engine for good. */
  delete(): Promise<void> {
    return this.inOrder(async () => {
      refuseWhileRunning(this, 'delete it');
      idle.delete(this);
      this.specifications = [];
      this.linkOptions = {};
      await this.close();
    });
  }

  /**
   * Calls a method of the control half of one of its bricks; resolves with what it returns.
   * @throws BricksError E_BRICK_CALL, E_ENGINE_NOT_LINKED, or what the method says
   */
  async call(brick: { readonly id: number }, method: string, ...values: unknown[]): Promise<unknown> {
    const { thread } = this;
    if (!thread) throw noBrickError(this.name);
    return thread.controls.call(brick.id, method, values);
  }

  /** What has become of its work since it was linked: files are written to their end only when `unlink` or `delete` is done. */
  get outcome(): EngineOutcome {
    return this.faults.outcome;
  }
  private readonly faults = new FaultList();

  /** Resolves when the engine rests: it was stopped, all its sources have ended, or it failed. Tells which faults there were. */
  async finished(): Promise<EngineOutcome> {
    while (this.isRunning) {
      await new Promise<void>((resolve) => this.rested.push(resolve));
    }
    return this.outcome;
  }
  private rested: (() => void)[] = [];

  /** Whether it was ever linked, so that it has statistics. */
  get hasCounted(): boolean {
    return this.thread !== undefined || this.last !== undefined;
  }

  /** What has passed it since it was linked; at any time. @throws BricksError E_ENGINE_NOT_LINKED */
  stats(): EngineStatistics {
    const { graph, words } = this.books();
    return engineStatistics(this.name, this.isRunning, graph, words, this.faults.all);
  }

  /** Checks the law of conservation; at any time, also on a running engine, or on one whose links are closed.
   *  @throws BricksError E_ENGINE_NOT_LINKED */
  audit(): Audit {
    const { graph, words } = this.books();
    return auditEngine(graph, words, this.faults.all);
  }

  private books(): Books {
    const books = this.thread ? { graph: this.thread.graph, words: snapshotCounters(this.thread.counters) } : this.last;
    if (!books) throw noBrickError(this.name, ', so it has counted nothing');
    return books;
  }

  private inOrder<Result>(work: () => Promise<Result>): Promise<Result> {
    this.orders++;
    const done = noteOrder();
    const result = this.tail.then(work).finally(() => {
      this.orders--;
      done();
    });
    this.tail = result.catch(() => undefined);
    return result.then(); // a promise of its own: one that is caught above would hide from Node that nobody waits for it
  }

  private async open(graph: CompiledGraph, options: LinkOptions): Promise<void> {
    const { backend, module } = await backendOf(this.given, graph);
    const status = backend.status();
    if (!status.usable) throw new BricksError('E_BACKEND_UNUSABLE', `The backend ${backend.name} does not work here: ${status.reason}`);
    const choices = { name: this.name, given: this.given, checked: this.options, graph, backend };
    const settings = settingsOf(choices, options);
    const unwritten = unwrittenPipes({ graph, backend });
    const controls = await BrickControls.start(this.name, graph, (text) => this.tell(text));
    let unordered: ReturnType<typeof preparePlan>;
    try {
      unordered = preparePlan({ ...choices, backendModule: module, settings, controls: controls.links });
    } catch (error) {
      await controls.stop();
      throw error;
    }
    const { prepared, counters, control } = unordered;
    const orders = new OrderEvent();
    const plan: EnginePlan = { ...unordered, orders: orders.descriptor };
    const worker = startEngineThread(plan);
    const thread: Thread = { worker, graph, counters, control: new Int32Array(control), prepared, backend, orders, unwritten, controls };
    worker.on('message', (report: EngineReport) => this.take(thread, report));
    worker.on('error', (error) => this.fail(thread, new BricksError('E_INTERNAL', `The thread of engine ${this.name} failed: ${messageOf(error)}`)));
    worker.on('exit', () => {
      if (this.thread === thread) this.fail(thread, new BricksError('E_INTERNAL', `The thread of engine ${this.name} exited unexpectedly.`));
    });
    this.thread = thread;
    this.watch(thread);
    try {
      await this.expect(['opened'], () => undefined);
      this.watchdog.stop();
      worker.unref();
      liveEngines.add(this);
    } catch (error) {
      await this.discard(thread);
      throw error;
    }
  }

  private async close(): Promise<void> {
    const thread = this.thread;
    if (!thread) return;
    thread.worker.ref();
    try {
      await this.ask(thread, { kind: 'close' }, ['closed']);
      await awaitExpectedReaders(thread.prepared.pipes);
      const words = snapshotCounters(thread.counters);
      takeBackUnread(thread.graph, words, thread.prepared.pipes);
      this.last = { graph: thread.graph, words };
    } finally {
      await this.discard(thread);
    }
  }

  private discard(thread: Thread): Promise<void> {
    thread.gone ??= this.doAwayWith(thread);
    return thread.gone;
  }

  private async doAwayWith(thread: Thread): Promise<void> {
    if (this.thread === thread) this.thread = undefined;
    liveEngines.delete(this);
    this.watchdog.stop();
    await endThread(thread);
  }

  private ask(thread: Thread, request: EngineRequest, kinds: readonly EngineReport['kind'][]): Promise<EngineReport> {
    return this.expect(kinds, () => thread.worker.postMessage(request));
  }

  private expect(kinds: readonly EngineReport['kind'][], begin: () => void): Promise<EngineReport> {
    return new Promise((resolve, reject) => {
      this.waiting = { kinds, resolve, reject };
      begin();
    });
  }

  private take(thread: Thread, report: EngineReport): void {
    if (this.thread !== thread) return;
    if (report.kind === 'notice') {
      if (report.fault) this.addFault({ ...report.fault, message: report.text, code: '' });
      this.tell(report.text);
    }
    if (report.kind === 'failed') {
      const error = new BricksError(report.error.code, report.error.message);
      if (report.error.stack) error.stack = report.error.stack;
      this.fail(thread, error);
      return;
    }
    if (report.kind === 'running') this.begin(thread);
    if (report.kind === 'rested') this.rest(thread, report.end);
    const waiting = this.waiting;
    if (waiting?.kinds.includes(report.kind)) {
      this.waiting = undefined;
      waiting.resolve(report);
    }
  }

  private tell(text: string): void {
    if (!this.emit('notice', text)) process.emitWarning(`${this.name}: ${text}`, { type: 'BricksWarning' });
  }

  private addFault(fault: EngineFault): void {
    this.faults.add(fault);
    allFaults.add(fault);
  }

  private begin(thread: Thread): void {
    this.isRunning = true;
    this.begun = true;
    noteStart(this);
    this.watch(thread);
    const wrongEnd = outputsAtWrongEnd(thread, openGraphs());
    if (wrongEnd !== undefined) this.tell(wrongEnd);
    setTimeout(() => this.lookForIdleLinks(thread), IDLE_LOOK_MILLISECONDS).unref();
  }

  private rest(thread: Thread, end: 'stopped' | 'ended'): void {
    this.isRunning = false;
    this.watchdog.stop();
    thread.worker.unref();
    for (const resolve of this.rested.splice(0)) resolve();
    if (end === 'ended') this.emit('ended');
  }

  private fail(thread: Thread, error: BricksError): void {
    const wasRunning = this.isRunning;
    this.isRunning = false;
    if (wasRunning) this.addFault({ kind: 'engineFailed', link: '', message: error.message, code: error.code });
    const words = snapshotCounters(thread.counters);
    if (error.code === 'E_ENGINE_HUNG') countHung(thread.graph, words, thread.control);
    takeBackUnread(thread.graph, words, thread.prepared.pipes);
    this.last = { graph: thread.graph, words };
    const waiting = this.waiting;
    this.waiting = undefined;
    const gone = this.discard(thread).catch(() => undefined);
    // The next order finds its links closed, and so does who hears of the failure, unless the thread can't be ended.
    void this.inOrder(() => gone);
    void Promise.race([gone, threadLimit()]).then(() => {
      for (const resolve of this.rested.splice(0)) resolve();
      if (waiting) waiting.reject(error);
      else if (wasRunning && this.listenerCount('error') > 0) this.emit('error', error);
      else if (wasRunning) {
        process.emitWarning(Object.assign(new Error(error.message), { name: 'BricksWarning', code: error.code, stack: error.stack ?? '' }));
        // Nobody listens: the program that goes on to its end must not end as if all were well.
        process.exitCode ??= 1;
      }
    });
  }

  /** Ends an engine whose batch does not end, be it while it warms up. */
  private watch(thread: Thread): void {
    this.watchdog.watch(thread.control, () => this.isRunning, (index) => {
      const label = thread.graph.bricks[index]?.label;
      this.fail(thread, new BricksError('E_ENGINE_HUNG', `The engine ${this.name} was ended: ${label ? `its brick ${label}` : 'one of its links'} has not returned for ${this.options['hangMilliseconds']} ms.`, label ? 'Fix the brick, or raise hangMilliseconds.' : 'Check the device or the disk, or raise hangMilliseconds.'));
    });
  }

  /** Says which of its links will bring nothing, or bring it to nobody. */
  private lookForIdleLinks(thread: Thread): void {
    if (!this.isRunning || this.thread !== thread) return;
    for (const text of linksThatWait(thread, thread.prepared.backend, this.stats().links, openGraphs())) this.tell(text);
  }
}
