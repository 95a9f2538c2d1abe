/** Brings the engines of a daemon to what its script makes now: those that are the same are not touched; all or nothing. */
import { brickKey, engineKey, graphKey, type EngineSetUp } from '../control/engine-set-up';
import type { EngineRegistry } from '../control/engine-registry';
import { valueOfAnswer, type RegistryCommand } from '../control/registry-commands';
import type { PacketEngine } from '../control/packet-engine';
import { BricksError, isBricksError, messageOf } from '../model/errors';
import type { BrickSpecification } from '../model/graph';
import { say } from '../program/messages';
import type { ReloadReport } from '../protocol/commands/program';
import type { WantedEngine } from './rehearse';

/** What takes back one change. */
type Undo = () => Promise<void>;

/** An engine that is there, and how it runs. */
interface PresentEngine extends EngineSetUp {
  readonly started: boolean;
}

export class Reload {
  private readonly undo: Undo[] = [];
  private readonly present: ReadonlyMap<string, PacketEngine>;

  /** `own` are the names of the engines that the script has made before. */
  constructor(private readonly registry: EngineRegistry, private readonly wanted: readonly WantedEngine[], private readonly own: ReadonlySet<string>) {
    this.present = new Map(registry.all.map((engine) => [engine.name, engine]));
  }

  /** @throws BricksError E_RELOAD with what went wrong; then all engines are as they were */
  async apply(): Promise<ReloadReport> {
    const names = new Set(this.wanted.map(({ name }) => name));
    const foreign = this.wanted.find(({ name }) => this.present.has(name) && !this.own.has(name));
    if (foreign) throw new BricksError('E_ENGINE_EXISTS', `The script makes an engine "${foreign.name}", and there is one already that the script has not made.`, 'Give it another name, or delete the other one.');
    const added = this.wanted.filter(({ name }) => !this.present.has(name));
    const changed = this.wanted.filter((one) => this.present.has(one.name) && !this.isSame(one));
    const kept = this.wanted.filter((one) => this.present.has(one.name) && this.isSame(one));
    const removed = [...this.present.keys()].filter((name) => this.own.has(name) && !names.has(name));
    try {
      for (const name of removed) await this.remove(name);
      await this.changeAll(changed);
      for (const one of added) await this.add(one);
      for (const one of kept) await this.run(one);
    } catch (error) {
      await this.takeBack();
      throw new BricksError('E_RELOAD', `Nothing was changed: ${messageOf(error)}`);
    }
    const list = (engines: readonly { readonly name: string }[]): string[] => engines.map(({ name }) => name);
    return { added: list(added), changed: list(changed), removed, kept: list(kept) };
  }

  private isSame(one: WantedEngine): boolean {
    const engine = this.present.get(one.name);
    if (engine === undefined || !isSameEngine(engine.setUp, one)) return false;
    // One that has failed has its bricks, and no links.
    return graphKey(engine.setUp) === graphKey(one) && engine.linked === (one.specifications.length > 0);
  }

  private async remove(name: string): Promise<void> {
    const before = this.stateOf(name);
    await this.command({ command: 'engine.stop', name });
    const wasOfModule = this.registry.ofModules.has(name);
    this.undo.push(async () => {
      await this.make(before);
      if (wasOfModule) this.registry.ofModules.add(name);
    });
    await this.command({ command: 'engine.delete', name });
  }

  /** An engine that gives up a link comes before the one that takes it. Where they give each other some, one is closed before. */
  private async changeAll(changed: readonly WantedEngine[]): Promise<void> {
    const pending = [...changed];
    const held = new Map(changed.map(({ name }) => [name, linksOf(this.stateOf(name))]));
    const isFree = (one: WantedEngine): boolean => {
      const own = held.get(one.name);
      const taken = [...linksOf(one)].filter((link) => own?.has(link) !== true);
      return pending.every(({ name }) => name === one.name || !taken.some((link) => held.get(name)?.has(link)));
    };
    while (pending.length > 0) {
      const at = pending.findIndex(isFree);
      if (at >= 0) await this.change(pending.splice(at, 1)[0]);
      else {
        const closed = pending.find(({ name }) => (held.get(name)?.size ?? 0) > 0) as WantedEngine;
        await this.unlink(this.stateOf(closed.name));
        held.set(closed.name, new Set());
      }
    }
  }

  private async unlink(before: PresentEngine): Promise<void> {
    const { name } = before;
    await this.command({ command: 'engine.stop', name });
    this.undo.push(() => this.restore(before));
    await this.command({ command: 'engine.unlink', name });
  }

  private async change(one: WantedEngine): Promise<void> {
    const before = this.stateOf(one.name);
    if (!isSameEngine(before, one)) {
      await this.remove(one.name);
      await this.add(one);
    } else if (before.specifications.length > 0 && one.specifications.length > 0 && isSameLinking(before, one)) {
      this.undo.push(() => this.relink(before, before.specifications));
      await this.relink(one, withNumbersOf(before, one));
    } else {
      await this.unlink(before);
      await this.link(one);
    }
  }

  /** Gives an engine other bricks, while it runs where the backend can do that. */
  private async relink({ name, started }: { readonly name: string; readonly started: boolean }, bricks: readonly BrickSpecification[]): Promise<void> {
    const engine = this.engine(name);
    try {
      await engine.relinkSpecifications(bricks);
    } catch (error) {
      if (!isBricksError(error) || error.code !== 'E_ENGINE_RUNNING') throw error;
      await engine.stop();
      await engine.relinkSpecifications(bricks);
    }
    await this.command({ command: started ? 'engine.start' : 'engine.stop', name });
  }

  private async add(one: WantedEngine): Promise<void> {
    this.undo.push(() => this.discard(one.name));
    await this.make(one);
  }

  /** Starts or stops an engine that is otherwise the same; one whose sources have ended ends again at once. */
  private async run({ name, started }: WantedEngine): Promise<void> {
    const engine = this.present.get(name);
    if (engine === undefined || engine.running === started) return;
    await this.command({ command: started ? 'engine.start' : 'engine.stop', name });
    this.undo.push(() => this.command({ command: started ? 'engine.stop' : 'engine.start', name }));
  }

  private async make(one: EngineSetUp & { readonly started: boolean }): Promise<void> {
    this.registry.add(one.name, one.given);
    await this.link(one);
  }

  private async link({ name, specifications, linkOptions, started }: EngineSetUp & { readonly started: boolean }): Promise<void> {
    if (specifications.length === 0) return;
    await this.engine(name).linkSpecifications(specifications, linkOptions);
    if (started) await this.command({ command: 'engine.start', name });
  }

  /** Gives a changed engine its old bricks again. */
  private async restore(before: PresentEngine): Promise<void> {
    await this.command({ command: 'engine.stop', name: before.name });
    await this.command({ command: 'engine.unlink', name: before.name });
    await this.link(before);
  }

  private async discard(name: string): Promise<void> {
    if (!this.registry.all.some((engine) => engine.name === name)) return;
    await this.command({ command: 'engine.stop', name });
    await this.command({ command: 'engine.delete', name });
  }

  private async takeBack(): Promise<void> {
    for (const undo of this.undo.reverse()) {
      try {
        await undo();
      } catch (error) {
        say(`a change could not be taken back: ${messageOf(error)}`, 'error');
      }
    }
  }

  private stateOf(name: string): PresentEngine {
    const engine = this.engine(name);
    return { ...engine.setUp, started: engine.running };
  }

  private engine(name: string): PacketEngine {
    return this.registry.all.find((one) => one.name === name) as PacketEngine;
  }

  private async command(command: RegistryCommand): Promise<void> {
    valueOfAnswer(await this.registry.execute(command));
  }
}

function isSameEngine(one: EngineSetUp, other: EngineSetUp): boolean {
  return engineKey(one) === engineKey(other);
}

function isSameLinking({ linkOptions }: EngineSetUp, { linkOptions: other }: EngineSetUp): boolean {
  return linkOptions.batch === other.batch && linkOptions.queue === other.queue;
}

function linksOf({ specifications }: EngineSetUp): Set<string> {
  return new Set(specifications.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
}

/** A brick that was there goes on with its number, by which it keeps what it knows; one with other options or outputs keeps its counts. */
function withNumbersOf(before: EngineSetUp, one: EngineSetUp): BrickSpecification[] {
  const free = [...before.specifications];
  const numbers = new Map<BrickSpecification, number>();
  const isOther = [(a: BrickSpecification, b: BrickSpecification) => brickKey(a) !== brickKey(b), (a: BrickSpecification, b: BrickSpecification) => a.kind !== b.kind || a.inputs.join() !== b.inputs.join()];
  for (const differs of isOther) {
    for (const brick of one.specifications) {
      const at = numbers.has(brick) ? -1 : free.findIndex((former) => !differs(former, brick));
      if (at >= 0) numbers.set(brick, free.splice(at, 1)[0].id);
    }
  }
  return one.specifications.map((brick) => ({ ...brick, id: numbers.get(brick) ?? brick.id }));
}
