/** Commands carried out on engines that are only planned: what a script would build, and what is wrong with it, without a thread, an interface, a file or a pipe. */
import type { PacketEngineOptions } from './engine-options';
import type { GraphDescription } from './graph-description';
import { ManagedEngines } from './managed-engines';
import { descriptionOf, type EngineDescription } from './planned-description';
import { PlannedEngine } from './planned-engine';

export class PlannedEngines extends ManagedEngines<PlannedEngine> {
  private readonly made: PlannedEngine[] = [];

  protected override make(name: string, options: PacketEngineOptions): PlannedEngine {
    const engine = new PlannedEngine(name, options, () => this.all);
    this.made.push(engine);
    return engine;
  }

  /** Nothing passes them. */
  protected override ratesOf(): readonly [] {
    return [];
  }

  /** The graphs of the engines that were made and not deleted. */
  graphs(): GraphDescription[] {
    return this.all.map((engine) => engine.describeGraph());
  }

  /** All engines that were ever made, also those that were deleted, in the order in which they were made. */
  describe(): EngineDescription[] {
    return this.made.map(descriptionOf);
  }
}
