/** An engine that is only planned: everything about it is checked and compiled as for one that is opened, and nothing is opened. */
import type { Backend } from '../model/backend';
import { createSharedCounters, snapshotCounters } from '../model/counters';
import { BricksError } from '../model/errors';
import type { BrickSpecification, CompiledGraph } from '../model/graph';
import { editGraph, type GraphEdit } from '../model/graph-edits';
import type { OptionValue } from '../model/options';
import { auditEngine, engineStatistics, type Audit, type EngineStatistics } from './statistics';
import { compileBricks, checkBricks } from './compile-bricks';
import { checkedEngineOptions, checkedLinkOptions, type LinkOptions, type PacketEngineOptions } from './engine-options';
import { describeGraph, type GraphDescription } from './graph-description';
import type { ManagedEngine } from './managed-engines';
import type { EngineSetUp } from './engine-set-up';
import { noBrickError, refuseBusyPipes, refuseCall, refuseWhileRunning } from './engine-rules';
import { endsByItself } from './planned-life';
import { backendOf, settingsOf, type EngineSettings } from './prepare-plan';

/** What was linked to an engine, and what follows from it. */
export interface PlannedGraph {
  readonly specifications: readonly BrickSpecification[];
  readonly linkOptions: LinkOptions;
  readonly graph: CompiledGraph;
  readonly backend: Backend;
  readonly settings: EngineSettings;
}

export class PlannedEngine implements ManagedEngine {
  /** Its options, with their defaults. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** What is linked to it; of an engine that was deleted, what was. */
  planned: PlannedGraph | undefined;
  /** Whether packets would flow. */
  running = false;
  /** Whether it was ever started. */
  begun = false;
  deleted = false;
  private isLinked = false;

  /** `others` are the engines that it shares the machine with. @throws BricksError E_OPTION */
  constructor(readonly name: string, readonly given: PacketEngineOptions, private readonly others: () => readonly PlannedEngine[]) {
    this.options = checkedEngineOptions(name, given);
  }

  /** What it would be made of. */
  get setUp(): EngineSetUp {
    const { name, given, options, planned, isLinked } = this;
    return { name, given, options, specifications: isLinked && planned ? planned.specifications : [], linkOptions: isLinked && planned ? planned.linkOptions : {} };
  }

  describeGraph(): GraphDescription {
    return describeGraph(this.setUp, this.running, this.isLinked ? this.planned?.graph : undefined);
  }

  get linked(): boolean {
    return this.isLinked;
  }

  has(brick: number): boolean {
    return this.isLinked && this.planned?.specifications.some(({ id }) => id === brick) === true;
  }

  /** @throws BricksError that names brick and link, as if they were opened */
  async linkSpecifications(bricks: readonly BrickSpecification[], options: LinkOptions = {}): Promise<void> {
    const before = this.isLinked ? this.planned?.specifications ?? [] : [];
    const known = new Set(before.map(({ id }) => id));
    await this.relinkSpecifications([...before, ...bricks.filter(({ id }) => !known.has(id))], options);
  }

  /** The same in place of what is linked. */
  async relinkSpecifications(specifications: readonly BrickSpecification[], options: LinkOptions = {}): Promise<void> {
    const before = this.isLinked ? this.planned : undefined;
    const linkOptions = { ...before?.linkOptions, ...checkedLinkOptions(this.name, options) };
    const graph = await compileBricks(specifications);
    const { backend } = await backendOf(this.given, graph);
    const settings = settingsOf({ name: this.name, given: this.given, checked: this.options, graph, backend }, linkOptions);
    await checkBricks(graph);
    const planned = { specifications, linkOptions, graph, backend, settings };
    refuseBusyPipes(planned, this.others().flatMap((other) => (other !== this && other.linked && other.planned ? other.planned : [])));
    this.planned = planned;
    this.isLinked = true;
  }

  async editGraph(edit: GraphEdit): Promise<readonly BrickSpecification[]> {
    const { specifications, graph } = this.graph();
    const edited = editGraph(specifications, edit, ({ id }) => graph.bricks.find(({ specification }) => specification.id === id)?.declaration);
    await this.relinkSpecifications(edited);
    return edited;
  }

  unlink(): Promise<void> {
    return this.take(() => {
      refuseWhileRunning(this, 'unlink');
      this.isLinked = false;
    });
  }

  start(): Promise<void> {
    return this.take(() => {
      this.running = !endsByItself(this.graph().graph);
      this.begun = true;
    });
  }

  stop(): Promise<void> {
    return this.take(() => {
      this.running = false;
    });
  }

  delete(): Promise<void> {
    return this.take(() => {
      refuseWhileRunning(this, 'delete it');
      this.isLinked = false;
      this.deleted = true;
    });
  }

  /** Nothing was counted. */
  stats(): EngineStatistics {
    const { graph } = this.graph(', so it has counted nothing');
    return engineStatistics(this.name, this.running, graph, snapshotCounters(createSharedCounters(graph.counterSlots)));
  }

  audit(): Audit {
    const { graph } = this.graph(', so it has counted nothing');
    return auditEngine(graph, snapshotCounters(createSharedCounters(graph.counterSlots)));
  }

  /** No packet comes. */
  profile(): Promise<never> {
    return Promise.reject(new BricksError('E_ENGINE_NOT_RUNNING', `The engine ${this.name} is only planned, so there is nothing to profile.`));
  }

  /** No control half runs: a call of one that there would be returns nothing. */
  call(brick: { readonly id: number }): Promise<undefined> {
    return this.take(() => {
      refuseCall(this.name, brick.id, this.graph().graph);
      return undefined;
    });
  }

  private graph(consequence = ''): PlannedGraph {
    if (!this.isLinked || !this.planned) throw noBrickError(this.name, consequence);
    return this.planned;
  }

  private async take<Result>(work: () => Result): Promise<Result> {
    return await Promise.resolve().then(work);
  }
}
