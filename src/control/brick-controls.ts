/** The control halves of an engine's bricks, each in its own thread: one that throws, hangs or floods harms no packet. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { AnyDefinition } from '../model/brick';
import { BricksError, isOutOfMemory, messageOf } from '../model/errors';
import type { CompiledBrick, CompiledGraph } from '../model/graph';
import { inTime } from '../model/in-time';
import type { NoticeLevel } from '../model/outcome';
import { loadBrickClass } from '../plugins/load-brick';
import type { ControlPlan, ControlReport, ControlRequest } from './control-protocol';
import { noMethodsError, unknownBrickError } from './engine-rules';
import { createMailbox } from './mailbox';

/** What the engine's thread has to know of a brick's control half. */
export interface ControlLink {
  /** Index of the brick in the graph. */
  readonly node: number;
  readonly shared: unknown;
  readonly toEngine: SharedArrayBuffer;
  readonly fromEngine: SharedArrayBuffer;
}

/** A filter reads a file of millions of rules meanwhile, perhaps on a busy machine. */
const START_MILLISECONDS = 300_000;
const STOP_MILLISECONDS = 2000;
/** What a control half may ask for instead. */
const STOP_MILLISECONDS_MAXIMUM = 60_000;
const CALL_MILLISECONDS = 10_000;
/** How often a control half is asked whether it is there, and after how many silent times that is reported. */
const PING_MILLISECONDS = 1000;
const SILENT_PINGS = 5;

class ControlThread {
  private readonly worker: Worker;
  private readonly calls = new Map<number, { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }>();
  private lastCall = 0;
  private silent = 0;
  private over: string | undefined;
  private started: ((report: ControlReport) => void) | undefined;
  private stopped: (() => void) | undefined;
  private stopMilliseconds = STOP_MILLISECONDS;
  private readonly pings: NodeJS.Timeout;

  constructor(readonly half: Omit<ControlLink, 'node'>, private readonly plan: ControlPlan, private readonly tell: (text: string, level?: NoticeLevel) => void) {
    this.worker = new Worker(join(__dirname, '..', 'control', 'control-worker.js'), { workerData: plan, name: `bricks ${plan.label}` });
    this.worker.unref();
    this.worker.on('message', (report: ControlReport) => this.take(report));
    // Errors from other threads are of another realm in some hosts.
    this.worker.on('error', (error: { readonly message?: string }) => this.end(error.message ?? String(error)));
    this.worker.on('exit', () => this.end('it ended'));
    this.pings = setInterval(() => this.ping(), PING_MILLISECONDS);
    this.pings.unref();
  }

  async start(): Promise<void> {
    let limit: NodeJS.Timeout | undefined;
    const report = await new Promise<ControlReport>((resolve) => {
      this.started = resolve;
      limit = setTimeout(() => resolve({ kind: 'failed', error: `it has not started within ${START_MILLISECONDS / 1000} s` }), START_MILLISECONDS);
    });
    clearTimeout(limit);
    this.started = undefined;
    if (report.kind === 'started') this.stopMilliseconds = Math.min(STOP_MILLISECONDS_MAXIMUM, report.stopMilliseconds ?? STOP_MILLISECONDS);
    if (report.kind !== 'failed') return;
    if (report.code !== undefined) throw new BricksError(report.code, `${this.plan.label}: ${report.error}`);
    throw new BricksError('E_BRICK_CONTROL', `The control half of ${this.plan.label} failed: ${report.error}`);
  }

  call(method: string, values: readonly unknown[]): Promise<unknown> {
    const { label } = this.plan;
    if (this.over !== undefined) return Promise.reject(new BricksError('E_BRICK_CALL', `The control half of ${label} is not running: ${this.over}.`, 'Link the engine again.'));
    const number = ++this.lastCall;
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        this.calls.delete(number);
        reject(new BricksError('E_BRICK_CALL', `${label}:${method} has not returned for ${CALL_MILLISECONDS / 1000} s.`, 'Check what the control half is doing.'));
      }, CALL_MILLISECONDS);
      const settle = <Value>(done: (value: Value) => void) => (value: Value): void => {
        clearTimeout(limit);
        done(value);
      };
      this.calls.set(number, { resolve: settle(resolve), reject: settle(reject) });
      try {
        this.send({ kind: 'call', number, method, values });
      } catch (error) {
        this.calls.delete(number);
        settle(reject)(new BricksError('E_BRICK_CALL', `The values for ${label}:${method} can't be passed on: ${messageOf(error)}.`));
      }
    });
  }

  /** Lets it end, for a bounded time. */
  async stop(): Promise<void> {
    clearInterval(this.pings);
    if (this.over === undefined) {
      const ended = new Promise<void>((resolve) => (this.stopped = resolve));
      this.send({ kind: 'stop' });
      this.worker.ref();
      await inTime(this.stopMilliseconds, ended);
    }
    this.over ??= 'it was stopped';
    await this.worker.terminate();
    this.rejectCalls();
  }

  private send(request: ControlRequest): void {
    this.worker.postMessage(request);
  }

  private ping(): void {
    if (this.over !== undefined || this.started !== undefined) return;
    if (++this.silent === SILENT_PINGS) this.tell(`The control half of ${this.plan.label} has not answered for ${(SILENT_PINGS * PING_MILLISECONDS) / 1000} s. The brick goes on with what it last got.`);
    this.send({ kind: 'ping' });
  }

  private take(report: ControlReport): void {
    this.silent = 0;
    if (report.kind === 'started' || report.kind === 'failed') this.started?.(report);
    else if (report.kind === 'log') this.tell(`${this.plan.label}: ${report.text}`, report.level);
    else if (report.kind === 'stopped') this.stopped?.();
    else if (report.kind === 'reply') {
      const call = this.calls.get(report.number);
      this.calls.delete(report.number);
      if (report.error === undefined) call?.resolve(report.value);
      else call?.reject(new BricksError(report.code ?? 'E_BRICK_CALL', report.error));
    }
  }

  private end(why: string): void {
    if (this.over !== undefined) return;
    this.over = why;
    clearInterval(this.pings);
    this.stopped?.();
    if (this.started) this.started({ kind: 'failed', error: why });
    else this.tell(`The control half of ${this.plan.label} failed: ${why}. The brick goes on with what it last got.`);
    this.rejectCalls();
  }

  private rejectCalls(): void {
    for (const { reject } of this.calls.values()) reject(new BricksError('E_BRICK_CALL', `The control half of ${this.plan.label} has ended: ${this.over}.`));
    this.calls.clear();
  }
}

/** The control halves of the graph before that go on: by the index of their brick in the new one, the index in the old one. */
export interface ControlsBefore {
  readonly controls: BrickControls;
  readonly staying: ReadonlyMap<number, number>;
}

export class BrickControls {
  private constructor(private readonly engine: string, private readonly threads: ReadonlyMap<number, ControlThread>, private readonly graph: CompiledGraph) {}

  /** Starts them all, but those that go on; where one fails to, none is left of those that were started. @throws BricksError E_BRICK_CONTROL, or what a control half throws */
  static async start(engine: string, graph: CompiledGraph, tell: (text: string, level?: NoticeLevel) => void, before: ControlsBefore | undefined = undefined): Promise<BrickControls> {
    const threads = new Map<number, ControlThread>();
    const started: ControlThread[] = [];
    for (const [node, brick] of graph.bricks.entries()) {
      if (!brick.declaration.control) continue;
      const known = before?.controls.threads.get(before.staying.get(node) ?? -1);
      const thread = known ?? await makeThread(engine, brick, graph, tell);
      threads.set(node, thread);
      if (!known) started.push(thread);
    }
    const controls = new BrickControls(engine, threads, graph);
    try {
      await Promise.all(started.map((thread) => thread.start()));
    } catch (error) {
      await controls.stop(before?.controls);
      throw error;
    }
    return controls;
  }

  get links(): ControlLink[] {
    return [...this.threads].map(([node, { half }]) => ({ node, ...half }));
  }

  /** Calls a method of a brick's control half. @throws BricksError E_BRICK_CALL, or what the method says */
  call(id: number, method: string, values: readonly unknown[]): Promise<unknown> {
    const node = this.graph.bricks.findIndex(({ specification }) => specification.id === id);
    if (node < 0) return Promise.reject(unknownBrickError(this.engine, id, this.graph));
    const thread = this.threads.get(node);
    if (!thread) return Promise.reject(noMethodsError(this.graph.bricks[node].label));
    return thread.call(method, values);
  }

  /** Stops them, but those that another graph has too. */
  async stop(other: BrickControls | undefined = undefined): Promise<void> {
    const kept = new Set(other?.threads.values());
    await Promise.all([...this.threads.values()].filter((thread) => !kept.has(thread)).map((thread) => thread.stop()));
  }
}

/** @throws BricksError E_MEMORY */
function sharedOf({ options, label }: CompiledBrick, { shared }: AnyDefinition): unknown {
  try {
    return shared?.(options);
  } catch (error) {
    if (!isOutOfMemory(error)) throw error;
    const sized = Object.keys(options).filter((name) => /^max|bytes$/i.test(name));
    throw new BricksError('E_MEMORY', `There is not enough memory for the tables of the brick ${label}.`, sized.length > 0 ? `Lower ${sized.join(' or ')}.` : 'End other programs, or use a machine with more.');
  }
}

async function makeThread(engine: string, brick: CompiledBrick, graph: CompiledGraph, tell: (text: string, level?: NoticeLevel) => void): Promise<ControlThread> {
  const { specification: { module, kind }, options, label } = brick;
  const { definition } = await loadBrickClass(module, kind);
  const half: Omit<ControlLink, 'node'> = { shared: sharedOf(brick, definition), toEngine: createMailbox(), fromEngine: createMailbox() };
  const others = graph.bricks.filter((other) => other !== brick && other.specification.kind === kind).flatMap(({ outputs }) => outputs);
  return new ControlThread(half, { engine, label, kind, module, options, outputs: brick.outputs, otherOutputs: others, ...half }, tell);
}
