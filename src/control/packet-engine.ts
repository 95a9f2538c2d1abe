/** A packet engine, as a program sees it: describes a graph, opens it in its own thread, starts and stops it. */
import { EventEmitter } from 'node:events';
import type { BrickDescription } from '../model/brick-description';
import { BricksError } from '../model/errors';
import type { BrickSpecification, CompiledGraph } from '../model/graph';
import { editGraph, type GraphEdit } from '../model/graph-edits';
import type { checkOptions } from '../model/options';
import { FaultList, type EngineFault, type EngineOutcome, type NoticeLevel } from '../model/outcome';
import { auditEngine, engineStatistics, type Audit, type EngineStatistics } from './statistics';
import { withRings } from '../pipes';
import { refuseInBrickThread } from './brick-thread';
import { withCaller } from './caller';
import { compileBricks } from './compile-bricks';
import { EngineLife, type Life, type LifeListener } from './engine-life';
import { backendOf, settingsOf, type PlanRequest } from './prepare-plan';
import { tellOfLinks, type OpenGraph } from './idle-links';
import { allFaults, idle, liveEngines, noteDeleted, noteMade, noteCommand, noteReplaced, noteStart, openGraphs } from './process-engines';
import { checkedEngineOptions, checkedLinkOptions, type LinkOptions, type PacketEngineEvents, type PacketEngineOptions } from './engine-options';
import type { GraphCounters } from './former-counts';
import { describeGraph, type GraphDescription } from './graph-description';
import { newOutputs, noBrickError, refuseOfFormer, refuseOthersThanBricks, refuseWhileRunning, staysOpen, warnOfFailure } from './engine-rules';
import { sameBricks, withoutRepetition, type EngineSetUp } from './engine-set-up';
import { currentReading } from './module-reading';
import { PlannedLife } from './planned-life';
import { profileEngine, type EngineProfile, type ProfileOptions } from './profile-engine';
import type { EngineWatches } from './engine-watches';

/** An engine: moves packets through a graph of bricks, in its own thread. Methods that return a promise are carried out one after the other. */
export class PacketEngine extends EventEmitter<PacketEngineEvents> {
  /** The name that it was given. */
  readonly name: string;
  private readonly options: ReturnType<typeof checkOptions>;
  private specifications: BrickSpecification[] = [];
  private linkOptions: LinkOptions = {};
  private life: Life;
  /** Of one that is only planned at first. */
  private readonly debut = currentReading()?.take(this);
  private replaced = false;
  /** Commands are carried out one after the other. */
  private tail: Promise<unknown> = Promise.resolve();

  /** An engine of this name, with nothing linked yet. @throws BricksError E_OPTION, E_ENGINE_THREAD */
  constructor(name: string, private readonly given: PacketEngineOptions = {}) {
    super();
    refuseInBrickThread(name);
    this.name = name;
    this.options = checkedEngineOptions(name, given);
    this.life = this.debut ? new PlannedLife(this.debut, this.listener) : new EngineLife(name, Number(this.options['hangMilliseconds']), this.listener);
    if (!this.debut) noteMade(this);
  }

  /** Whether it has run, or would have. */
  get hasRun(): boolean {
    return this.life.begun;
  }

  /** Of one that is only planned: whether it was started. What it is asked from now on waits until it has taken over. */
  endPlan(): boolean {
    this.tail = this.tail.then(() => this.debut?.begun);
    return this.hasRun;
  }

  /** A planned engine goes on in place of another one, which has the same bricks and takes no more commands. */
  takeOver(other: PacketEngine): void {
    for (const [from, to] of sameBricks(this.specifications, other.specifications)) this.debut?.described.get(from)?.renumber(to);
    this.life = other.life;
    if (this.life instanceof EngineLife) this.life.listenWith(this.listener);
    ({ specifications: this.specifications, linkOptions: this.linkOptions, faults: this.faults } = other);
    other.replaced = true;
    noteReplaced(other, this);
    void other.tail.then(() => this.debut?.begin());
  }

  /** Whether packets flow. */
  get running(): boolean {
    return this.life.running;
  }

  /** Whether it has run ever since it was made, rests now, and has no command to carry out. */
  get done(): boolean {
    return this.hasRun && !this.running && this.commands === 0;
  }
  private commands = 0;

  /** Its graph while its links are open. */
  get openGraph(): OpenGraph | undefined {
    return this.life.thread;
  }

  /** Whether the brick of this number is linked to it. */
  has(brick: number): boolean {
    return this.specifications.some(({ id }) => id === brick);
  }

  /** What it was made of. */
  get setUp(): EngineSetUp {
    const { name, given, options, specifications, linkOptions } = this;
    return { name, given, options, specifications, linkOptions };
  }

  /** Its bricks and links while they are open, with its options, as plain data. */
  describeGraph(): GraphDescription {
    return describeGraph(this.setUp, this.running, this.openGraph?.graph);
  }

  /** Whether its links are open. */
  get linked(): boolean {
    return this.life.thread !== undefined;
  }

  /**
   * Binds a brick, with all bricks below it, to the engine and opens its links. May be called again to add more, also while it runs.
   * @throws BricksError that names brick and link; then nothing has changed
   */
  async link(brick: BrickDescription, options: LinkOptions = {}): Promise<this> {
    return this.linkSpecifications(this.collect('link', [brick]), options);
  }

  /**
   * Puts these bricks, with all below them, in the place of those that the engine has, also while it runs: no packet is lost by it. Links that it had
   * and has again stay open, and bricks that it had and has again remember what they knew.
   * @throws BricksError that names brick and link; then nothing has changed
   */
  async relink(bricks: BrickDescription | readonly BrickDescription[], options: LinkOptions = {}): Promise<this> {
    return this.relinkSpecifications(this.collect('relink', Array.isArray(bricks) ? bricks as readonly BrickDescription[] : [bricks as BrickDescription]), options);
  }

  /**
   * Gives a brick more outputs, behind those that it has, also while it runs. Options that are lists over the outputs get what a last argument says
   * of them, for all new ones or each: `engine.addOutputs(balancer, 'eth3{4', { weights: 2 })`.
   * @throws BricksError E_ARGUMENT, E_OPTION, or what `link` throws
   */
  addOutputs(brick: BrickDescription, ...links: string[] | [...links: string[], options: Readonly<Record<string, unknown>>]): Promise<this> {
    return this.edit({ edit: 'addOutputs', brick: brick.id, ...newOutputs(links) }, brick);
  }

  /** Takes outputs from a brick: what was sent to them arrives, and they are closed. @throws BricksError E_ARGUMENT, or what `link` throws */
  removeOutputs(brick: BrickDescription, ...links: string[]): Promise<this> {
    return this.edit({ edit: 'removeOutputs', brick: brick.id, links }, brick);
  }

  /** Changes options of a brick, those that are given: `engine.setOptions(filter, 'tcp port 80')`. @throws BricksError E_OPTION, or what `link` throws */
  setOptions(brick: BrickDescription, options: unknown): Promise<this> {
    return this.edit({ edit: 'setOptions', brick: brick.id, options }, brick);
  }

  /**
   * Inserts a brick without inputs before another one: it takes over the other's inputs and feeds it from its first output.
   * @throws BricksError E_ARGUMENT, or what `link` throws
   */
  async insert(brick: BrickDescription, before: BrickDescription): Promise<this> {
    const [specification] = this.collect('insert', [brick]);
    return this.edit({ edit: 'insert', brick: specification, before: before.id }, brick, before);
  }

  /** Takes a brick out of a chain, and joins those around it. @throws BricksError E_ARGUMENT, or what `link` throws */
  remove(brick: BrickDescription): Promise<this> {
    return this.edit({ edit: 'remove', brick: brick.id });
  }

  private async edit(edit: GraphEdit, ...bricks: BrickDescription[]): Promise<this> {
    const edited = await this.editGraph(edit);
    for (const brick of bricks) for (const one of edited) if (one.id === brick.id) brick.adopt(one);
    return this;
  }

  /** The same as commands bring it; resolves with all bricks as they are now. @throws BricksError E_ARGUMENT, or what `link` throws */
  editGraph(edit: GraphEdit): Promise<readonly BrickSpecification[]> {
    return this.inTurn(async () => {
      const { thread } = this.life;
      if (!thread) throw noBrickError(this.name);
      await this.setGraph(editGraph(this.specifications, edit, ({ id }) => thread.graph.bricks.find(({ specification }) => specification.id === id)?.declaration), {});
      return this.specifications;
    });
  }

  /** @throws BricksError E_ARGUMENT */
  private collect(verb: string, bricks: readonly BrickDescription[]): BrickSpecification[] {
    refuseOthersThanBricks(verb, bricks);
    for (const brick of bricks) brick.reachBy((one, method, values) => this.call(one, method, ...values));
    this.debut?.note(bricks);
    return withoutRepetition(bricks.flatMap((brick) => brick.collect()));
  }

  /** The same for bricks as commands bring them. */
  linkSpecifications(bricks: readonly BrickSpecification[], options: LinkOptions = {}): Promise<this> {
    return this.inTurn(async () => {
      await this.setGraph(withoutRepetition([...this.specifications, ...bricks]), options);
      return this;
    });
  }

  /** The same for bricks as commands bring them. */
  relinkSpecifications(bricks: readonly BrickSpecification[], options: LinkOptions = {}): Promise<this> {
    return this.inTurn(async () => {
      await this.setGraph(bricks, options);
      return this;
    });
  }

  private async setGraph(bricks: readonly BrickSpecification[], given: LinkOptions): Promise<void> {
    const options = { ...this.linkOptions, ...checkedLinkOptions(this.name, given) };
    const request = await this.planRequest(await compileBricks(bricks), options);
    const { thread, running } = this.life;
    if (thread && staysOpen(thread, request)) await this.life.change(request);
    else if (thread && running) throw new BricksError('E_ENGINE_RUNNING', `The engine ${this.name} is running, and the backend ${thread.backend.name} can't keep its links open.`, 'Stop it before you link.');
    else await this.openAnew(request);
    this.specifications = [...bricks];
    this.linkOptions = options;
  }

  /** Where the backend can't keep its links open. */
  private async openAnew(request: PlanRequest): Promise<void> {
    const { thread } = this.life;
    if (!thread) this.faults.clear();
    await this.life.close();
    try {
      await this.life.begin(request);
    } catch (error) {
      // What was linked before stays so; who made it hears of the error.
      idle.delete(this);
      if (thread) await this.life.begin(await this.planRequest(thread.graph, this.linkOptions));
      throw error;
    }
  }

  /** Undoes `link`: closes all links. */
  unlink(): Promise<this> {
    return this.inTurn(async () => {
      refuseWhileRunning(this, 'unlink');
      idle.delete(this);
      this.specifications = [];
      this.linkOptions = {};
      await this.life.close();
      return this;
    });
  }

  /** Lets packets flow. @throws BricksError E_ENGINE_NOT_LINKED */
  start(): Promise<this> {
    return this.inTurn(async () => {
      if (this.running) return this;
      const { thread } = this.life;
      if (!thread && this.specifications.length > 0) throw new BricksError('E_ENGINE_NOT_LINKED', `The engine ${this.name} has failed and its links are closed.`, 'Link it again: pe:link(brick).');
      if (!thread) throw noBrickError(this.name);
      // On a busy machine its thread may take a while to say that it runs: it is not forgotten.
      idle.delete(this);
      await this.life.run();
      return this;
    });
  }

  /** Stops at the end of a batch; everything received has then been sent or counted. */
  stop(): Promise<this> {
    return this.inTurn(async () => {
      if (this.running) await this.life.rest();
      return this;
    });
  }

  /** Closes the engine for good. */
  delete(): Promise<void> {
    return this.inTurn(async () => {
      refuseWhileRunning(this, 'delete it');
      idle.delete(this);
      this.specifications = [];
      this.linkOptions = {};
      await this.life.close();
      currentReading()?.engines.delete(this);
      noteDeleted(this);
    });
  }

  /**
   * Calls a method of the control half of one of its bricks; resolves with what it returns.
   * @throws BricksError E_BRICK_CALL, E_ENGINE_NOT_LINKED, or what the method says
   */
  async call(brick: { readonly id: number }, method: string, ...values: unknown[]): Promise<unknown> {
    await this.debut?.begun;
    if (!this.life.thread) throw noBrickError(this.name);
    return this.life.call(brick.id, method, values);
  }

  /** Taps and traces of packets on their way through its graph. @throws BricksError E_ENGINE_NOT_LINKED */
  get watches(): EngineWatches {
    if (!this.life.watches) throw noBrickError(this.name);
    return this.life.watches;
  }

  /** What has become of its work since it was linked: files are written to their end only when `unlink` or `delete` is done. */
  get outcome(): EngineOutcome {
    return this.faults.outcome;
  }
  private faults = new FaultList();

  /** Resolves when the engine rests: it was stopped, all its sources have ended, or it failed. Tells which faults there were. */
  async finished(): Promise<EngineOutcome> {
    await this.debut?.begun;
    while (this.running) await new Promise<void>((resolve) => this.atRest.push(resolve));
    return this.outcome;
  }
  private atRest: (() => void)[] = [];

  /** Whether it was ever linked, so that it has statistics. */
  get hasCounted(): boolean {
    return this.life.counters !== undefined;
  }

  /** What has passed it since it was linked; at any time. @throws BricksError E_ENGINE_NOT_LINKED */
  stats(): EngineStatistics {
    const counted = this.counts();
    return { ...counted, links: withRings(counted.links, this.life.pipes) };
  }

  /** The same without what has to be looked up elsewhere, for those who look all the time. @throws BricksError E_ENGINE_NOT_LINKED */
  counts(): EngineStatistics {
    const { graph, words, former } = this.counters();
    return engineStatistics(this.name, this.running, graph, words, this.faults.all, former);
  }

  /** Checks the law of conservation; at any time, also on a running engine, or on one whose links are closed. @throws BricksError E_ENGINE_NOT_LINKED */
  audit(): Audit {
    const { graph, words, former } = this.counters();
    return auditEngine(graph, words, this.faults.all, former);
  }

  /** Looks for so many seconds where its thread spends its time; it runs on, and takes commands. @throws BricksError E_ENGINE_NOT_RUNNING, E_PROFILE */
  profile(seconds: number, options: ProfileOptions = {}): Promise<EngineProfile> {
    return profileEngine(this.name, this.life, (work) => this.inTurn(work), seconds, options);
  }

  private counters(): GraphCounters {
    if (!this.life.counters) throw noBrickError(this.name, ', so it has counted nothing');
    return this.life.counters;
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    this.commands++;
    const done = noteCommand(this);
    const result = this.tail.then(() => (this.replaced ? refuseOfFormer(this.name) : work())).catch(withCaller()).finally(() => {
      this.commands--;
      done();
    });
    this.tail = result.catch(() => undefined);
    return result.then(); // a separate promise: one that is caught above would hide from Node that nobody waits for it
  }

  private async planRequest(graph: CompiledGraph, link: LinkOptions): Promise<PlanRequest> {
    const { backend, module } = await backendOf(this.given, graph);
    const choices = { name: this.name, given: this.given, checked: this.options, graph, backend };
    return { ...choices, backendModule: module, settings: settingsOf(choices, link), tell: (text, level) => this.tell(text, level) };
  }

  /** Without a listener, what is only of interest is not said. */
  private tell(text: string, level: NoticeLevel = 'warn'): void {
    if (!this.emit('notice', text, level) && level !== 'info') process.emitWarning(`${this.name}: ${text}`, { type: 'BricksWarning' });
  }

  private addFault(fault: EngineFault): void {
    for (const list of [this.faults, allFaults]) list.add(fault);
  }

  /** What its thread tells. */
  private get listener(): LifeListener {
    return {
      notice: (text, fault, level) => {
        if (fault) this.addFault({ ...fault, message: text, code: '' });
        this.tell(text, level);
      },
      opened: () => liveEngines.add(this),
      closed: () => liveEngines.delete(this),
      begun: (thread) => {
        noteStart(this);
        tellOfLinks(this, thread, openGraphs, (text) => this.tell(text));
      },
      stopped: (end) => {
        this.rest();
        if (end === 'ended') this.emit('ended');
      },
      failed: (error, wasRunning, gone) => {
        if (wasRunning) this.addFault({ kind: 'engineFailed', link: '', message: error.message, code: error.code });
        // The next command finds its links closed, and so does who hears of the failure, unless the thread can't be ended.
        void this.inTurn(() => gone);
      },
      lost: (error, wasRunning, told) => {
        this.rest();
        if (wasRunning && !told) this.tellFailure(error);
      },
    };
  }

  private rest(): void {
    for (const resolve of this.atRest.splice(0)) resolve();
  }

  private tellFailure(error: BricksError): void {
    if (this.listenerCount('error') > 0) this.emit('error', error);
    else warnOfFailure(error);
  }
}
