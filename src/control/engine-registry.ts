/** All engines of a process, by the commands that scripts, shells and remote clients give them. */
import { ManagedEngines } from './managed-engines';
import type { PacketEngineOptions } from './engine-options';
import { PacketEngine } from './packet-engine';
import { watchEngines } from './process-engines';
import { RateMeter, type EngineRates } from './rate-meter';
import type { EngineStatistics } from './statistics';

export type { RegistryDefaults, RegistryEvents } from './managed-engines';

const LOOK_MILLISECONDS = 500;

function now(): number {
  return performance.now() / 1000;
}

/** Engines by their names, and the commands that scripts and shells give them. */
export class EngineRegistry extends ManagedEngines<PacketEngine> {
  private making = false;
  private readonly meter = new RateMeter();
  private looking: NodeJS.Timeout | undefined;
  /** The names of the engines that modules have made by themselves. */
  readonly ofModules = new Set<string>();

  /** Makes an engine with just these options. */
  add(name: string, given: PacketEngineOptions): PacketEngine {
    const engine = this.make(name, given);
    this.engines.set(name, engine);
    return engine;
  }

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
        if (this.making || this.engines.has(engine.name)) return;
        this.engines.set(engine.name, this.hear(engine));
        this.ofModules.add(engine.name);
      },
      deleted: (engine) => {
        if (this.engines.get(engine.name) !== engine) return;
        this.engines.delete(engine.name);
        this.ofModules.delete(engine.name);
      },
      replaced: (before, by) => {
        if (this.engines.get(by.name) !== before) return;
        this.engines.set(by.name, this.hear(by));
        this.ofModules.add(by.name);
      },
    });
  }

  /** Keeps rates of the last seconds ready. Reading counters costs an engine nothing. */
  private keepLooking(): void {
    this.looking ??= setInterval(() => {
      if (this.engines.size === 0) this.stopLooking();
      else this.meter.add(this.all.filter((engine) => engine.running && engine.hasCounted).map((engine) => engine.counts()), now());
    }, LOOK_MILLISECONDS).unref();
  }

  private stopLooking(): void {
    clearInterval(this.looking);
    this.looking = undefined;
    this.meter.clear();
  }

  protected override ratesOf(statistics: EngineStatistics): readonly EngineRates[] {
    return statistics.running ? this.meter.rates(statistics, now()) : [];
  }

  private hear(engine: PacketEngine): PacketEngine {
    this.keepLooking();
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
    this.stopLooking();
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
