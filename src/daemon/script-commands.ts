/** The commands of a daemon's script: remembers which engines are its own, and lets a script that is run again find those that it makes as they are. */
import type { EngineRegistry } from '../control/engine-registry';
import { graphKey } from '../control/engine-set-up';
import type { PlannedEngines } from '../control/planned-engines';
import type { Answer, RegistryCommand } from '../control/registry-commands';
import { BrickNumbers } from './brick-numbers';

const DONE: Answer = { ok: true };

export class ScriptCommands {
  /** The names of the engines that the script has made. */
  readonly own = new Set<string>();
  /** Engines that are as the script makes them in the end, until it begins to. */
  private readonly waiting = new Set<string>();
  /** Those that it makes, step by step: on a plan, until that is what the engine is. */
  private readonly inTheMaking = new Set<string>();
  private readonly found = new Set<string>();
  private readonly numbers = new BrickNumbers();

  /** `ready` are the names of engines that a reload has made as this script does; `plan` is for its steps. */
  constructor(private readonly registry: EngineRegistry, private readonly carryOut: (command: RegistryCommand) => Promise<Answer>, private readonly plan: PlannedEngines, ready: readonly string[] = []) {
    for (const name of ready) {
      this.own.add(name);
      this.waiting.add(name);
    }
  }

  async execute(command: RegistryCommand): Promise<Answer> {
    const known = await this.findAgain(command);
    if (known !== undefined) return known;
    const answer = await this.carryOut(this.numbers.toEngine(command));
    if (!answer.ok) return answer;
    if (command.command === 'engine.create') this.own.add(command.name);
    if (command.command === 'engine.delete') this.own.delete(command.name);
    return { ok: true, value: this.numbers.toScript(command, answer.value) };
  }

  /** What makes an engine that is there as it is. */
  private async findAgain(command: RegistryCommand): Promise<Answer | undefined> {
    if (!('name' in command)) return undefined;
    const { name } = command;
    if (command.command === 'engine.exists' && this.waiting.has(name)) return { ok: true, value: false };
    if (command.command === 'engine.create' && this.waiting.delete(name)) this.inTheMaking.add(name);
    if (this.inTheMaking.has(name)) return this.makeOnPlan(name, command);
    if (!this.found.has(name)) return undefined;
    switch (command.command) {
      case 'engine.start': {
        const engine = this.engine(name);
        return engine?.running || engine?.done ? DONE : undefined;
      }
      case 'engine.stop': case 'engine.unlink': case 'engine.delete':
        // From here on the script does as it likes.
        this.found.delete(name);
        return undefined;
      default:
        return undefined;
    }
  }

  private async makeOnPlan(name: string, command: RegistryCommand): Promise<Answer | undefined> {
    switch (command.command) {
      case 'engine.create': case 'engine.link': case 'engine.relink': case 'engine.edit': case 'engine.unlink': case 'engine.start': case 'engine.stop': case 'engine.delete': {
        const answer = await this.plan.execute(command);
        if (answer.ok) await this.compare(name);
        return answer;
      }
      case 'engine.exists': case 'engine.graph':
        return this.plan.execute(command);
      default:
        return undefined;
    }
  }

  /** Whether the engine is what the script has made by now: then it is the script's to command. */
  private async compare(name: string): Promise<void> {
    const planned = this.plan.all.find((one) => one.name === name);
    const engine = this.engine(name);
    if (engine && planned) this.numbers.pair(planned.setUp.specifications, engine.setUp.specifications);
    if (engine && (!planned || graphKey(planned.setUp) !== graphKey(engine.setUp))) return;
    this.inTheMaking.delete(name);
    this.found.add(name);
    // It must not be in the way of others on the plan.
    await this.plan.execute({ command: 'engine.stop', name });
    await this.plan.execute({ command: 'engine.delete', name });
  }

  private engine(name: string) {
    return this.registry.all.find((one) => one.name === name);
  }
}
