/** All engines of a process, by the orders that scripts, shells and remote clients give them. */
import { EngineOrders } from './engine-orders';
import type { PacketEngineOptions } from './engine-options';
import { PacketEngine } from './packet-engine';

export type { RegistryDefaults, RegistryEvents } from './engine-orders';

/** Engines by their names, and the orders that scripts and shells give them. */
export class EngineRegistry extends EngineOrders<PacketEngine> {
  protected override make(name: string, options: PacketEngineOptions): PacketEngine {
    const engine = new PacketEngine(name, options);
    engine.on('notice', (text) => this.emit('notice', name, text));
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
