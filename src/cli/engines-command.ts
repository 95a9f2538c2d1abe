/** What commands have in common that run engines until their work is done or a signal comes. */
import { isatty } from 'node:tty';
import { Command } from 'clipanion';
import type { PacketEngine } from '../control/packet-engine';
import { engines } from '../control/process-engines';
import { onStatisticsSignal } from '../native/no-debugger';
import { onEndSignals } from '../program/end-signals';
import { say, sayError } from '../program/messages';
import { ProgramEngines } from '../program/program-engines';
import { sayStatistics, summaryOf } from '../program/summary';
import { EXIT_FAILURE } from './exit-codes';
import { backendOption, backendOptionsOption, batchOption, metricsOption, pluginsOption, verboseOption, webOption, webTokenOption } from './options';
import { endProgram } from './output';

/** An engine whose thread can't be ended is not waited for any longer. */
const FAILURE_MILLISECONDS = 3000;

export abstract class EnginesCommand extends Command {
  backend = backendOption();
  batch = batchOption();
  verbose = verboseOption();
  metrics = metricsOption();
  web = webOption();
  webTokenFile = webTokenOption();
  backendOptions = backendOptionsOption();
  plugins = pluginsOption();

  protected engines!: ProgramEngines;
  /** A signal has come that ends the program. */
  protected leaving = false;
  protected leave: (code: number) => void = () => undefined;

  /** Ends what a script does; without one it does nothing. */
  protected interrupt: () => void = () => undefined;

  /** Does the work, and then stops the engines and says what became of the packets. Returns the exit code. `script` is a file, beside which plugins may lie. */
  protected async runEngines(script: string | undefined, work: () => Promise<number>): Promise<number> {
    this.engines = await ProgramEngines.open({ backend: this.backend, backendOptions: this.backendOptions, batch: this.batch, tellChoice: this.verbose || isatty(2), plugins: { paths: this.plugins, script }, metrics: this.metrics, web: this.web, webTokenFile: this.webTokenFile });
    const left = new Promise<number>((resolve) => (this.leave = resolve));
    this.engines.registry.on('shutdown', () => this.leave(0));
    this.handleSignals();
    onStatisticsSignal(sayStatistics);
    // Whatever comes first: the end of the work, a signal, or BRICKS.shutdown().
    const code = await Promise.race([work(), left]).catch((error: unknown) => {
      sayError(error);
      return EXIT_FAILURE;
    });
    await this.finish();
    return code === 0 ? this.engines.exitCode(EXIT_FAILURE) : code;
  }

  /** Resolves when no engine runs any more, and those that failed have said so. One that has ended is closed: others may read its pipes to their end. */
  protected async engineEnd(): Promise<void> {
    while (engines().some((engine) => engine.running)) {
      await Promise.all(engines().map(async (engine) => {
        await engine.finished();
        if (engine.linked && engine.done) await this.close(engine);
      }));
    }
    await this.failures();
  }

  /** An engine that has failed tells of it when its thread has ended: as its commands, that of a stop comes after this. */
  private async failures(): Promise<void> {
    const stopped = Promise.allSettled(this.engines.registry.all.map((engine) => engine.stop()));
    await Promise.race([stopped, new Promise<void>((resolve) => setTimeout(resolve, FAILURE_MILLISECONDS).unref())]);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  private handleSignals(): void {
    onEndSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => {
      this.leaving = true;
      this.interrupt();
      this.leave(0);
    }, () => {
      say('second signal: exited at once, without stopping the engines cleanly');
      endProgram(EXIT_FAILURE);
    });
  }

  /** Stops what runs, in an orderly way. */
  private async finish(): Promise<void> {
    for (const engine of engines()) await this.close(engine);
    // What an engine of a module failed of may be on its way as a warning.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Stops an engine, closes its links, and says what became of its packets, once. */
  private close(engine: PacketEngine): Promise<void> {
    const known = this.closed.get(engine) ?? this.closeFirst(engine);
    this.closed.set(engine, known);
    return known;
  }
  private readonly closed = new Map<PacketEngine, Promise<void>>();

  private async closeFirst(engine: PacketEngine): Promise<void> {
    try {
      await engine.stop();
      await engine.unlink();
      say(summaryOf(engine.stats()));
    } catch (error) {
      this.engines.failed = true;
      sayError(error);
    }
  }
}
