/** A packet engine, as a program sees it: describes a graph, opens it in a thread of its own, starts and stops it. */
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Backend, LinkPlan } from '../core/backend';
import type { BrickDescription } from '../core/brick-description';
import { createSharedCounters, snapshotCounters } from '../core/counters';
import { BricksError, messageOf } from '../core/errors';
import { compileGraph, type BrickSpecification, type CompiledGraph } from '../core/graph';
import { checkOptions } from '../core/options';
import { FaultList, type EngineFault, type EngineOutcome } from '../core/outcome';
import { DEFAULT_BATCH_ROWS, DEFAULT_BATCH_ROWS_OF_MANY, MANY_SINKS, MAXIMUM_BATCH_ROWS } from '../core/packet-batch';
import { auditEngine, engineStatistics, type Audit, type EngineStatistics } from '../core/statistics';
import { discardPipes, preparePipes } from '../pipes';
import { loadExport } from '../plugins/load-module';
import { resolveBackend, resolveBrick } from '../plugins/container';
import { defaultBackend } from '../plugins/default-backend';
import type { BrickModule } from '../core/brick';
import { OrderEvent } from '../native/system';
import { countHung, takeBackUnread } from './closed-books';
import { ENGINE_OPTIONS, checkedBatch, checkedQueue, type LinkOptions, type PacketEngineEvents, type PacketEngineOptions } from './engine-options';
import { CONTROL_BRICK, CONTROL_HEARTBEAT, CONTROL_STOP, CONTROL_WAKE, CONTROL_WORDS, type EnginePlan, type EngineReport, type EngineRequest, type ModuleReference } from './engine-protocol';

interface Thread {
  readonly worker: Worker;
  readonly graph: CompiledGraph;
  readonly counters: SharedArrayBuffer;
  readonly control: Int32Array;
  readonly prepared: EnginePlan['prepared'];
  readonly backend: Backend;
  readonly orders: OrderEvent;
  /** Set when it is being done away with. */
  gone?: Promise<void>;
}

interface Waiting {
  readonly kinds: readonly EngineReport['kind'][];
  readonly resolve: (report: EngineReport) => void;
  readonly reject: (error: BricksError) => void;
}

const WATCH_MILLISECONDS = 1000;
/** What a failed thread gets to end: one that is stuck in the system may never. */
const TERMINATE_MILLISECONDS = 2000;

/** Engines of this process that have links: a program that leaves stops and closes them. */
const liveEngines = new Set<PacketEngine>();

export function engines(): PacketEngine[] {
  return [...liveEngines];
}

/** The faults of all engines that this process has had. */
const allFaults = new FaultList();

export function faultsOfProcess(): readonly EngineFault[] {
  return allFaults.all;
}

export class PacketEngine extends EventEmitter<PacketEngineEvents> {
  private readonly options: ReturnType<typeof checkOptions>;
  private specifications: BrickSpecification[] = [];
  private linkOptions: LinkOptions = {};
  private thread: Thread | undefined;
  private isRunning = false;
  private waiting: Waiting | undefined;
  private watchdog: NodeJS.Timeout | undefined;
  /** What an engine counted whose links are closed. */
  private last: { readonly graph: CompiledGraph; readonly words: Uint32Array } | undefined;
  /** Orders are carried out one after the other. */
  private tail: Promise<unknown> = Promise.resolve();

  /** @throws BricksError E_OPTION */
  constructor(readonly name: string, private readonly given: PacketEngineOptions = {}) {
    super();
    const { backend: _backend, backendOptions: _backendOptions, ...own } = given;
    void _backendOptions;
    if (typeof name !== 'string' || name === '') throw new BricksError('E_ARGUMENT', 'An engine needs a name, which is a text.', "For example: new PacketEngine('e0').");
    if (_backend !== undefined && typeof _backend !== 'string' && typeof (_backend as Partial<ModuleReference> | null)?.url !== 'string') {
      throw new BricksError('E_OPTION', `The engine ${name}: the option "backend" is ${String(_backend)}; it must be the name of a backend, or its module: { url, name }.`);
    }
    this.options = checkOptions(`The engine ${name}`, ENGINE_OPTIONS, own);
  }

  get running(): boolean {
    return this.isRunning;
  }

  /** Whether it has run ever since it was made, rests now, and has no order to carry out. */
  get done(): boolean {
    return this.begun && !this.isRunning && this.orders === 0;
  }
  private begun = false;
  private orders = 0;

  get linked(): boolean {
    return this.thread !== undefined;
  }

  /**
   * Binds a brick, with all bricks below it, to the engine and opens its links. May be called again to add more.
   * @throws BricksError that names brick and link
   */
  link(brick: BrickDescription, options: LinkOptions = {}): Promise<this> {
    if (typeof (brick as Partial<BrickDescription> | undefined)?.collect !== 'function') {
      return Promise.reject(new BricksError('E_ARGUMENT', `link takes a brick, not ${String(brick)}.`, 'For example: engine.link(new LoadBalancer().connectInput(...)).'));
    }
    return this.linkSpecifications(brick.collect(), options);
  }

  /** The same for bricks as orders bring them. */
  linkSpecifications(bricks: readonly BrickSpecification[], options: LinkOptions = {}): Promise<this> {
    return this.inOrder(async () => {
      if (this.isRunning) throw new BricksError('E_ENGINE_RUNNING', `The engine ${this.name} is running.`, 'Stop it before you link.');
      const known = new Set(this.specifications.map((brick) => brick.id));
      const all = [...this.specifications, ...bricks.filter((brick) => !known.has(brick.id))];
      const merged = { ...this.linkOptions, ...options };
      checkedQueue(merged.queue);
      const graph = await this.compile(all);
      const before = this.thread?.graph;
      await this.close();
      if (!before) this.faults.clear();
      try {
        await this.open(graph, merged);
      } catch (error) {
        // What was linked before stays so.
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
      if (this.isRunning) throw new BricksError('E_ENGINE_RUNNING', `The engine ${this.name} is running.`, 'Stop it before you unlink.');
      this.specifications = [];
      this.linkOptions = {};
      await this.close();
      return this;
    });
  }

  start(): Promise<this> {
    return this.inOrder(async () => {
      if (this.isRunning) return this;
      const thread = this.thread;
      if (!thread && this.specifications.length > 0) throw new BricksError('E_ENGINE_NOT_LINKED', `The engine ${this.name} has failed and its links are closed.`, 'Link it again: pe:link(brick).');
      if (!thread) throw new BricksError('E_ENGINE_NOT_LINKED', `The engine ${this.name} has no brick.`, 'Link one first: pe:link(brick).');
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
      if (this.isRunning) throw new BricksError('E_ENGINE_RUNNING', `The engine ${this.name} is running.`, 'Stop it before you delete it.');
      this.specifications = [];
      this.linkOptions = {};
      await this.close();
    });
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

  /** @throws BricksError E_ENGINE_NOT_LINKED */
  stats(): EngineStatistics {
    if (this.thread) return engineStatistics(this.name, this.isRunning, this.thread.graph, snapshotCounters(this.thread.counters), this.faults.all);
    if (this.last) return engineStatistics(this.name, false, this.last.graph, this.last.words, this.faults.all);
    throw new BricksError('E_ENGINE_NOT_LINKED', `The engine ${this.name} has no brick, so it has no statistics.`, 'Link one first: pe:link(brick).');
  }

  /** Checks the law of conservation; at any time, also on a running engine, or on one whose links are closed.
   *  @throws BricksError E_ENGINE_NOT_LINKED */
  audit(): Audit {
    if (this.thread) return auditEngine(this.thread.graph, snapshotCounters(this.thread.counters), this.faults.all);
    if (this.last) return auditEngine(this.last.graph, this.last.words, this.faults.all);
    throw new BricksError('E_ENGINE_NOT_LINKED', `The engine ${this.name} has no brick, so it has no books.`, 'Link one first: pe:link(brick).');
  }

  private inOrder<Result>(work: () => Promise<Result>): Promise<Result> {
    this.orders++;
    const result = this.tail.then(work).finally(() => this.orders--);
    this.tail = result.catch(() => undefined);
    return result.then(); // a promise of its own: one that is caught above would hide from Node that nobody waits for it
  }

  private async compile(bricks: readonly BrickSpecification[]): Promise<CompiledGraph> {
    const outside = new Map<BrickSpecification, BrickModule>();
    for (const brick of bricks) {
      if (brick.module) outside.set(brick, await loadBrick(brick.module));
    }
    return compileGraph(bricks, (brick) => (outside.get(brick) ?? resolveBrick(brick.kind)).declaration);
  }

  private async findBackend(): Promise<Backend> {
    const backend = this.given.backend ?? defaultBackend().backend.name;
    return typeof backend === 'string' ? resolveBackend(backend) : loadExport<Backend>(backend);
  }

  private async open(graph: CompiledGraph, options: LinkOptions): Promise<void> {
    const backend = await this.findBackend();
    const status = backend.status();
    if (!status.usable) throw new BricksError('E_BACKEND_UNUSABLE', `The backend ${backend.name} does not work here: ${status.reason}`);
    const backendOptions = checkOptions(`The backend ${backend.name}`, backend.options, this.given.backendOptions ?? {});
    const rows = checkedBatch(options.batch ?? (graph.sinks.length > MANY_SINKS ? DEFAULT_BATCH_ROWS_OF_MANY : DEFAULT_BATCH_ROWS));
    const linkPlan: LinkPlan = {
      engine: this.name,
      ...(this.options['ringSize'] === undefined ? {} : { ringSize: Number(this.options['ringSize']) }),
      sources: graph.sources,
      sinks: graph.sinks,
      backendOptions,
    };
    const pipes = preparePipes(linkPlan, (link) => link.kind === 'pipe' && !backend.handles(link));
    let prepared: EnginePlan['prepared'];
    try {
      prepared = { backend: backend.prepare?.(linkPlan), pipes, files: undefined };
    } catch (error) {
      discardPipes(pipes);
      throw error;
    }
    const counters = createSharedCounters(graph.counterSlots);
    const control = new SharedArrayBuffer(CONTROL_WORDS * 4);
    const orders = new OrderEvent();
    const plan: EnginePlan = {
      name: this.name,
      backend: backend.name,
      ...(typeof this.given.backend === 'object' ? { backendModule: this.given.backend } : {}),
      backendOptions,
      graph,
      batchRows: Math.min(rows, Number(this.options['bufferSize'] ?? MAXIMUM_BATCH_ROWS)),
      queue: options.queue ?? -1,
      cpu: Number(this.options['cpu']),
      whenFull: this.options['whenFull'] as EnginePlan['whenFull'],
      warmUpMilliseconds: Number(this.options['warmUpMilliseconds']),
      prepared,
      counters,
      control,
      orders: orders.descriptor,
    };
    const worker = new Worker(join(__dirname, 'engine-worker.js'), { workerData: plan, name: `bricks ${this.name}` });
    const thread: Thread = { worker, graph, counters, control: new Int32Array(control), prepared, backend, orders };
    worker.on('message', (report: EngineReport) => this.take(thread, report));
    worker.on('error', (error) => this.fail(thread, new BricksError('E_INTERNAL', `The thread of engine ${this.name} failed: ${messageOf(error)}`)));
    worker.on('exit', () => {
      if (this.thread === thread) this.fail(thread, new BricksError('E_INTERNAL', `The thread of engine ${this.name} ended by itself.`));
    });
    this.thread = thread;
    this.watch(thread);
    try {
      await this.expect(['opened'], () => undefined);
      clearInterval(this.watchdog);
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
    clearInterval(this.watchdog);
    // One that is stuck in the system may never end.
    const patience = new Promise<void>((resolve) => setTimeout(resolve, TERMINATE_MILLISECONDS).unref());
    const ended = await Promise.race([thread.worker.terminate().then(() => true), patience]);
    if (ended) thread.orders.close();
    thread.backend.discard?.(thread.prepared.backend);
    discardPipes(thread.prepared.pipes);
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
    this.watch(thread);
  }

  private rest(thread: Thread, end: 'stopped' | 'ended'): void {
    this.isRunning = false;
    clearInterval(this.watchdog);
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
    const patience = new Promise<void>((resolve) => setTimeout(resolve, TERMINATE_MILLISECONDS).unref());
    void Promise.race([gone, patience]).then(() => {
      for (const resolve of this.rested.splice(0)) resolve();
      if (waiting) waiting.reject(error);
      else if (wasRunning && this.listenerCount('error') > 0) this.emit('error', error);
      else if (wasRunning) {
        process.emitWarning(error.message, { type: 'BricksWarning', code: error.code });
        // Nobody listens: the program that goes on to its end must not end as if all were well.
        process.exitCode ??= 1;
      }
    });
  }

  /** Ends an engine whose batch does not end, be it while it warms up. */
  private watch(thread: Thread): void {
    const limit = Number(this.options['hangMilliseconds']);
    clearInterval(this.watchdog);
    if (limit === 0) return;
    const every = Math.min(WATCH_MILLISECONDS, Math.ceil(limit / 4));
    let heartbeat = Atomics.load(thread.control, CONTROL_HEARTBEAT);
    let last = performance.now();
    let silent = 0;
    this.watchdog = setInterval(() => {
      const now = performance.now();
      // A process that was stopped for a while has not hung: no look counts for more than twice its time.
      silent += Math.min(now - last, 2 * every);
      last = now;
      const current = Atomics.load(thread.control, CONTROL_HEARTBEAT);
      const brick = thread.graph.bricks[Atomics.load(thread.control, CONTROL_BRICK) - 1];
      if (current !== heartbeat || (!this.isRunning && !brick)) {
        heartbeat = current;
        silent = 0;
      } else if (silent > limit) {
        this.fail(thread, new BricksError('E_ENGINE_HUNG', `The engine ${this.name} was ended: ${brick ? `its brick ${brick.label}` : 'one of its links'} has not returned for ${limit} ms.`, brick ? 'Mend the brick, or raise hangMilliseconds.' : 'See what the device or the disk does, or raise hangMilliseconds.'));
      }
    }, every);
    this.watchdog.unref();
  }
}

async function loadBrick(reference: ModuleReference): Promise<BrickModule> {
  const module = await loadExport<Partial<BrickModule>>(reference);
  if (typeof module.create !== 'function' || typeof module.declaration !== 'object') {
    throw new BricksError('E_MODULE', `What ${reference.url} exports as "${reference.name}" is no brick.`, 'It needs a declaration and a function create.');
  }
  return module as BrickModule;
}
