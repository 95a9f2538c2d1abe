/** A module that is reloaded in a process that has the engines of its former reading: its engines are only planned, until they take their place. */
import type { BrickDescription } from '../model/brick-description';
import type { GraphDescription } from './graph-description';
import type { PacketEngine } from './packet-engine';
import { descriptionOf, type EngineDescription } from './planned-description';
import type { PlannedLife } from './planned-life';

/** What a module does when it is reloaded and the new one has taken over. */
export type LeaveHandler = () => unknown;

let leaveHandlers: LeaveHandler[] = [];

/**
 * For a module that a daemon runs: calls `handler` once `bricks reload` has read the module anew, and its engines belong to the new reading. There it ends
 * what it has begun besides engines: timers, servers, readers of pipes. A module can't be unloaded.
 */
export function onReload(handler: LeaveHandler): void {
  leaveHandlers.push(handler);
}

/** What an engine that is only planned needs until it has a thread. */
export class EngineDebut {
  /** Resolves when it has one. */
  readonly begun: Promise<void>;
  /** Bricks that were linked to it, by their numbers. */
  readonly described = new Map<number, BrickDescription>();
  begin: () => void = () => undefined;
  /** What becomes of it until then. */
  life: PlannedLife | undefined;

  constructor(readonly engine: PacketEngine, readonly reading: ModuleReading) {
    this.begun = new Promise((resolve) => { this.begin = resolve; });
    if (reading.isRehearsal) this.begin();
  }

  note(bricks: readonly BrickDescription[]): void {
    for (const brick of bricks.flatMap(({ all }) => all)) this.described.set(brick.id, brick);
  }
}

/** One reading of a module, while it lasts. */
export class ModuleReading {
  /** The engines that it has made and not deleted. */
  readonly engines = new Set<PacketEngine>();
  /** All that it has made. */
  readonly made: EngineDebut[] = [];
  private readonly formerHandlers = leaveHandlers;

  /** Of a rehearsal the engines stay planned for good: what they are asked does not wait until they have a thread. */
  private constructor(readonly isRehearsal: boolean) {
    leaveHandlers = [];
  }

  static begin({ rehearsal = false } = {}): ModuleReading {
    return (current = new ModuleReading(rehearsal));
  }

  take(engine: PacketEngine): EngineDebut {
    this.engines.add(engine);
    const debut = new EngineDebut(engine, this);
    this.made.push(debut);
    return debut;
  }

  /** The engines as a check describes them. */
  describe(): EngineDescription[] {
    return this.made.map(({ engine, life }) => descriptionOf({ name: engine.name, options: engine.setUp.options, planned: life?.planned, begun: engine.hasRun, deleted: !this.engines.has(engine) }));
  }

  /** The graphs of the engines that it has made and not deleted. */
  graphs(): GraphDescription[] {
    return [...this.engines].map((engine) => engine.describeGraph());
  }

  /** Engines that are made from now on are real ones. */
  end(): void {
    if (current === this) current = undefined;
  }

  /** What the former reading left to be done; what it does. Without success, what this one has begun is to end. */
  handlersToLeave(success: boolean): readonly LeaveHandler[] {
    const own = leaveHandlers;
    if (success) return this.formerHandlers;
    leaveHandlers = this.formerHandlers;
    return own;
  }
}

let current: ModuleReading | undefined;

export function currentReading(): ModuleReading | undefined {
  return current;
}
