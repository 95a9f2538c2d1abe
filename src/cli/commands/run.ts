import { isatty } from 'node:tty';
import { Command, Option, UsageError } from 'clipanion';
import { prepareEngineThread } from '../../control/engine-thread';
import { anyStarted, engines, idleEngines } from '../../control/process-engines';
import { looseBricks } from '../../model/brick-description';
import { LuaHost } from '../../lua/lua-host';
import { onStatisticsSignal } from '../../native/no-debugger';
import { forgotten, sayOnce, watchForIdleEngines } from '../../program/forgotten';
import { say, sayError } from '../../program/messages';
import { ProgramEngines } from '../../program/program-engines';
import { checkScript, findScript, failureOfModule, isModule, runLuaScript, runModule } from '../../program/script';
import { sayStatistics, summaryOf } from '../../program/summary';
import { EXIT_FAILURE } from '../exit-codes';
import { batchOption } from '../options';
import { endProgram, REPEATED_SIGNAL_MILLISECONDS } from '../output';
import { Shell } from '../shell';

/** How often a module's engines are looked at. */
const LOOK_MILLISECONDS = 20;
/** An engine whose thread can't be ended is not waited for any longer. */
const FAILURE_MILLISECONDS = 3000;

/** The program's main job: runs a script, then a shell on a terminal, and stays as long as an engine runs. */
export class RunCommand extends Command {
  static override paths = [Command.Default];
  static override usage = Command.Usage({
    description: 'Run a script, then a shell; keep running as long as an engine does.',
    details: `
      The script is Lua, JavaScript or TypeScript, by its file name. Arguments after -- go to the script.
      On a terminal, a Lua shell follows. Without one, the program exits when all sources have ended, or on a signal;
      with neither a script nor a terminal, it reads Lua from standard input.

      Without --backend it uses the best backend that works here; on a terminal, or with -v, it says which and why.
      SIGUSR1 prints what each engine has counted so far.
    `,
    examples: [
      ['Split eth3 over 4 pipes', 'bricks -f scripts/load-balance.lua -- eth3 4'],
      ['The same for a capture file, on any machine', 'bricks --backend pcap -f scripts/load-balance.lua -- trace.pcap 4'],
      ['A shell', 'bricks --backend loopback'],
    ],
  });

  backend = Option.String('--backend', { description: 'netmap, pcap, loopback, or the backend of a plugin' });
  script = Option.String('-f,--file', { description: 'the script to run: a file, or the name of one that ships with Packet Bricks' });
  batch = batchOption();
  verbose = Option.Boolean('-v,--verbose', false, { description: 'say which backend was chosen and why' });
  metrics = Option.String('--metrics', { description: 'serve metrics for Prometheus at this address: HOST:PORT, or PORT of 127.0.0.1' });
  backendOptions = Option.Array('-o,--option', { description: 'a backend option, NAME=VALUE; may be repeated' });
  plugins = Option.Array('--plugin', { description: 'a plugin, or a folder of plugins, to use beside those that are installed; may be repeated' });
  /** Handed to bricks-server before this program is loaded (bricks.ts); it stands here for the help. */
  daemon = Option.Boolean('-d,--daemon', false, { description: 'run as a daemon; takes the options of bricks-server' });
  scriptArguments = Option.Rest({ name: 'script arguments' });

  private engines!: ProgramEngines;
  /** A signal has come that ends the program. */
  private leaving = false;
  private leave: (code: number) => void = () => undefined;

  override async execute(): Promise<number> {
    if (this.script !== undefined) {
      this.script = findScript(this.script);
      checkScript(this.script);
    }
    if (this.scriptArguments.length > 0 && this.script === undefined) throw new UsageError('Arguments for a script were given, but no script (-f).');
    const host = this.startThreads();
    this.engines = await ProgramEngines.open({ backend: this.backend, backendOptions: this.backendOptions, batch: this.batch, tellChoice: this.verbose || isatty(2), plugins: { paths: this.plugins, script: this.script }, metrics: this.metrics });
    const left = new Promise<number>((resolve) => (this.leave = resolve));
    this.engines.registry.on('shutdown', () => this.leave(0));
    this.handleSignals();
    onStatisticsSignal(sayStatistics);
    // Whatever comes first: the end of the work, a signal, or BRICKS.shutdown().
    const code = await Promise.race([this.work(host), left]).catch((error: unknown) => {
      sayError(error);
      return EXIT_FAILURE;
    });
    await this.finish();
    return code === 0 ? this.engines.exitCode(EXIT_FAILURE) : code;
  }

  /** Threads get ready while this one does. Modules get none: what they set in the environment is to hold in all threads of theirs. */
  private startThreads(): LuaHost | undefined {
    if (this.script !== undefined && isModule(this.script)) return undefined;
    const host = new LuaHost((order) => this.engines.carryOut(order), { args: this.scriptArguments });
    if (this.script !== undefined) prepareEngineThread();
    return host;
  }

  private async work(host: LuaHost | undefined): Promise<number> {
    const terminal = isatty(0) && isatty(1);
    if (!terminal) watchForIdleEngines();
    if (this.script !== undefined && host === undefined) {
      this.takeLateErrors(this.script);
      const idle = new Promise<void>((resolve) => process.once('beforeExit', () => resolve()));
      await runModule(this.script, this.scriptArguments);
      // A module may go on after it was loaded: its end is that of all its engines, or that nothing is left to do.
      await Promise.race([idle, this.enginesDone()]);
      return this.tellForgotten(looseBricks()) ? EXIT_FAILURE : 0;
    }
    if (host === undefined) return 0;
    this.interrupt = () => host.interrupt();
    // A script that ends itself knows what it has not done.
    let ended = false;
    if (this.script !== undefined) {
      makeInputBlocking();
      try {
        const code = await runLuaScript(host, this.script);
        if (code !== undefined && code !== 0) return code;
        ended = code !== undefined;
      } catch (error) {
        if (!this.leaving) sayError(error);
        if (!terminal) return EXIT_FAILURE;
      }
    }
    if (terminal || this.script === undefined) {
      const code = await new Shell(host, terminal, () => this.leaving).run();
      if (terminal || code !== 0) return code;
    }
    if (!ended && this.tellForgotten(await host.looseBricks())) return EXIT_FAILURE;
    await this.engineEnd();
    return 0;
  }

  /** Says what the set-up has forgotten; true if nothing was ever started, so that there is nothing to wait for. */
  private tellForgotten(loose: readonly string[]): boolean {
    const lines = forgotten(loose, idleEngines(), engines().length > 0);
    for (const line of lines) sayOnce(line);
    return lines.length > 0 && !anyStarted();
  }

  /** What a module throws after it was loaded, also in a promise that nobody waits for. */
  private takeLateErrors(file: string): void {
    const take = (event: 'uncaughtException' | 'unhandledRejection') => (error: unknown): void => {
      if (process.listenerCount(event) > 1) return; // the script has its own way
      this.engines.failed = true;
      sayError(failureOfModule(error, file));
      this.leave(EXIT_FAILURE);
    };
    process.on('uncaughtException', take('uncaughtException'));
    process.on('unhandledRejection', take('unhandledRejection'));
  }

  /** Ends what a script does; without one it does nothing. */
  private interrupt: () => void = () => undefined;

  /** Resolves when there are engines and all have done their work. Does not itself keep the program alive. */
  private async enginesDone(): Promise<void> {
    do await new Promise<void>((resolve) => setTimeout(resolve, LOOK_MILLISECONDS).unref());
    while (engines().length === 0 || !engines().every((engine) => engine.done));
  }

  /** Resolves when no engine runs any more, and those that failed have said so. */
  private async engineEnd(): Promise<void> {
    for (;;) {
      const running = engines().filter((engine) => engine.running);
      if (running.length === 0) break;
      await Promise.all(running.map((engine) => engine.finished()));
    }
    await this.failures();
  }

  /** An engine that has failed tells of it when its thread has ended: as its orders, that of a stop comes after this. */
  private async failures(): Promise<void> {
    const stopped = Promise.allSettled(this.engines.registry.all.map((engine) => engine.stop()));
    await Promise.race([stopped, new Promise<void>((resolve) => setTimeout(resolve, FAILURE_MILLISECONDS).unref())]);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  private handleSignals(): void {
    let first: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        const now = performance.now();
        if (first !== undefined && now - first < REPEATED_SIGNAL_MILLISECONDS) return;
        if (first !== undefined) {
          say('second signal: exited at once, without stopping the engines cleanly');
          endProgram(EXIT_FAILURE);
        }
        first = now;
        this.leaving = true;
        this.interrupt();
        this.leave(0);
      });
    }
  }

  /** Stops what runs, in an orderly way, and says what became of the packets. */
  private async finish(): Promise<void> {
    for (const engine of engines()) {
      try {
        await engine.stop();
        await engine.unlink();
        say(summaryOf(engine.stats()));
      } catch (error) {
        this.engines.failed = true;
        sayError(error);
      }
    }
    // What an engine of a module failed of may be on its way as a warning.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Lua's io.read waits in the system; Node, as soon as it has looked at standard input, has made it non-blocking. */
function makeInputBlocking(): void {
  const { _handle: handle } = process.stdin as unknown as { _handle?: { setBlocking?(blocking: boolean): void } };
  handle?.setBlocking?.(true);
}
