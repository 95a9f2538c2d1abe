/** All engines of a process, by the orders that scripts, shells and remote clients give them. */
import { EngineOrders } from './engine-orders';
import type { PacketEngineOptions } from './engine-options';
import { PacketEngine } from './packet-engine';
import { watchEngines } from './process-engines';

export type { RegistryDefaults, RegistryEvents } from './engine-orders';

/** Engines by their names, and the orders that scripts and shells give them. */
export class EngineRegistry extends EngineOrders<PacketEngine> {
  private making = false;

  protected override make(name: string, options: PacketEngineOptions): PacketEngine {
    this.making = true;
    try {
      return this.hear(new PacketEngine(name, options));
    } finally {
      this.making = false;
    }
  }

  /** From now on it has also the engines that modules make by themselves, unless there is one of the name already. */
  adoptAll(): void {
    watchEngines({
      made: (engine) => {
        if (!this.making && !this.engines.has(engine.name)) this.engines.set(engine.name, this.hear(engine));
      },
      deleted: (engine) => {
        if (this.engines.get(engine.name) === engine) this.engines.delete(engine.name);
      },
    });
  }

  private hear(engine: PacketEngine): PacketEngine {
    const { name } = engine;
    engine.on('notice', (text, level) => this.emit('notice', name, text, level));
    engine.on('error', (error) => this.emit('error', name, error));
    engine.on('ended', () => this.emit('ended', name));
    return engine;
  }

  /** Stops all engines, in an orderly way, and closes them: each, whatever becomes of the others. @throws the first error */
  async close(): Promise<void> {
    const ends = await Promise.allSettled(this.all.map((engine) => engine.stop().finally(() => engine.delete())));
    this.engines.clear();
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
