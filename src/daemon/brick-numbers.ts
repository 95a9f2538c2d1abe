/** A script that is reloaded numbers its bricks anew; those of its engines that were kept have the numbers of an earlier reading. */
import { brickKey } from '../control/engine-set-up';
import type { NumberedEdit, NumberedBrick, RegistryCommand } from '../control/registry-commands';
import type { BrickSpecification } from '../model/graph';

type Bricks = readonly BrickSpecification[];
type Numbered = { readonly id: number };

export class BrickNumbers {
  /** By the script's number the brick's, and the other way round. */
  private readonly inEngine = new Map<number, number>();
  private readonly inScript = new Map<number, number>();

  /** Pairs the bricks of a script with those of its engine: the same ones first, then those of the same kind and name. */
  pair(script: Bricks, engine: Bricks): void {
    const free = [...engine];
    const pairBy = (key: (brick: BrickSpecification) => string, bricks: Bricks): Bricks => bricks.filter((brick) => {
      const at = free.findIndex((one) => key(one) === key(brick));
      if (at >= 0) this.add(brick.id, free.splice(at, 1)[0].id);
      return at < 0;
    });
    pairBy(({ kind, name }) => JSON.stringify([kind, name]), pairBy(brickKey, script));
  }

  private add(script: number, engine: number): void {
    const before = this.inEngine.get(script);
    if (before !== undefined) this.inScript.delete(before);
    this.inEngine.set(script, engine);
    this.inScript.set(engine, script);
  }

  /** A command of the script, with the numbers of the engine's bricks. */
  toEngine(command: RegistryCommand): RegistryCommand {
    if (this.inEngine.size === 0) return command;
    const number = (id: number): number => this.inEngine.get(id) ?? id;
    switch (command.command) {
      case 'brick.call':
        return { ...command, id: number(command.id) };
      case 'engine.exists':
        return command.brick === undefined ? command : { ...command, brick: number(command.brick) };
      case 'engine.link':
      case 'engine.relink':
        return { ...command, bricks: command.bricks.map((brick): NumberedBrick => ({ ...brick, id: number(brick.id) })) };
      case 'engine.edit':
        return { ...command, edit: editWith(command.edit, number) };
      default:
        return command;
    }
  }

  /** What a command has answered, with the numbers of the script's bricks. */
  toScript(command: RegistryCommand, value: unknown): unknown {
    if (this.inScript.size === 0) return value;
    const numbered = <Brick extends Numbered>(brick: Brick): Brick => ({ ...brick, id: this.inScript.get(brick.id) ?? brick.id });
    const whole = <Engine extends { readonly bricks: readonly Numbered[] }>(engine: Engine): Engine => ({ ...engine, bricks: engine.bricks.map(numbered) });
    switch (command.command) {
      case 'engine.edit':
        return (value as readonly Numbered[]).map(numbered);
      case 'engine.stats':
      case 'engine.graph':
        return whole(value as { bricks: readonly Numbered[] });
      case 'engines.stats':
      case 'engines.graph':
        return (value as readonly { bricks: readonly Numbered[] }[]).map(whole);
      default:
        return value;
    }
  }
}

function editWith(edit: NumberedEdit, number: (id: number) => number): NumberedEdit {
  return edit.edit === 'insert' ? { ...edit, before: number(edit.before) } : { ...edit, brick: number(edit.brick) };
}
