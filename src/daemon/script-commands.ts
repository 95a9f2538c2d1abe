/** The commands of a daemon's script: remembers which engines are its own, and lets a script that is run again find those that it makes as they are. */
import { brickKey } from '../control/engine-set-up';
import type { EngineRegistry } from '../control/engine-registry';
import type { Answer, NumberedBrick, RegistryCommand } from '../control/registry-commands';
import type { PacketEngine } from '../control/packet-engine';

const DONE: Answer = { ok: true };

export class ScriptCommands {
  /** The names of the engines that the script has made. */
  readonly own = new Set<string>();
  /** Engines that are as the script makes them, until it has made them. */
  private readonly waiting = new Set<string>();
  private readonly found = new Set<string>();
  /** Numbers of the script's bricks, and of those that do their work. */
  private readonly numbers = new Map<number, number>();

  /** `ready` are the names of engines that a reload has made as this script does. */
  constructor(private readonly registry: EngineRegistry, private readonly carryOut: (command: RegistryCommand) => Promise<Answer>, ready: readonly string[] = []) {
    for (const name of ready) {
      this.own.add(name);
      this.waiting.add(name);
    }
  }

  async execute(command: RegistryCommand): Promise<Answer> {
    const known = this.findAgain(command);
    if (known !== undefined) return known;
    const answer = await this.carryOut(command.command === 'brick.call' ? { ...command, id: this.numbers.get(command.id) ?? command.id } : command);
    if (command.command === 'engine.create' && answer.ok) this.own.add(command.name);
    if (command.command === 'engine.delete' && answer.ok) this.own.delete(command.name);
    return answer;
  }

  /** What makes an engine that is there as it is. */
  private findAgain(command: RegistryCommand): Answer | undefined {
    if (command.command === 'engine.exists' && this.waiting.has(command.name)) return { ok: true, value: false };
    if (command.command === 'engine.create' && this.waiting.delete(command.name)) {
      this.found.add(command.name);
      return DONE;
    }
    if (!('name' in command) || !this.found.has(command.name)) return undefined;
    const engine = this.registry.all.find(({ name }) => name === command.name);
    if (engine === undefined) return undefined;
    switch (command.command) {
      case 'engine.link':
        return this.matches(engine, command.bricks) ? DONE : undefined;
      case 'engine.relink':
        return engine.setUp.specifications.length === command.bricks.length && this.matches(engine, command.bricks) ? DONE : undefined;
      case 'engine.start':
        return engine.running || engine.done ? DONE : undefined;
      case 'engine.stop': case 'engine.unlink': case 'engine.delete':
        // From here on the script does as it likes.
        this.found.delete(command.name);
        return undefined;
      default:
        return undefined;
    }
  }

  /** Whether the engine has all these bricks; from then on they go by the script's numbers too. */
  private matches(engine: PacketEngine, bricks: readonly NumberedBrick[]): boolean {
    const free = engine.setUp.specifications.filter(({ id }) => ![...this.numbers.values()].includes(id)).map((brick) => ({ id: brick.id, key: brickKey(brick) }));
    const pairs: [number, number][] = [];
    for (const brick of bricks) {
      const at = free.findIndex(({ key }) => key === brickKey(brick));
      if (at < 0) return false;
      pairs.push([brick.id, free.splice(at, 1)[0].id]);
    }
    for (const [number, other] of pairs) this.numbers.set(number, other);
    return true;
  }
}
