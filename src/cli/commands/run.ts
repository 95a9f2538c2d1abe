import { isatty } from 'node:tty';
import { Command, Option, UsageError } from 'clipanion';
import { isInteger, isInInclusiveRange, cascade, isNumber } from 'typanion';
import { EngineRegistry } from '../../control/engine-registry';
import { engines } from '../../control/packet-engine';
import { MAXIMUM_BATCH_ROWS } from '../../core/packet-batch';
import { BricksError } from '../../core/errors';
import { checkOptions } from '../../core/options';
import { sumOfDrops } from '../../core/counters';
import { DROP_REASONS } from '../../core/drop-reasons';
import { LuaHost } from '../../lua/lua-host';
import { defaultBackend, setDefaultBackend } from '../../plugins/default-backend';
import { EXIT_FAILURE, say, sayError } from '../output';
import { checkScript, isModule, runLuaScript, runModule } from '../script';
import { Shell } from '../shell';

/** How often a module's engines are looked at. */
const LOOK_MILLISECONDS = 20;

/** The program's main job: runs a script, then a shell on a terminal, and stays as long as an engine runs. */
export class RunCommand extends Command {
  static override paths = [Command.Default];
  static override usage = Command.Usage({
    description: 'Run a script, then a shell; stay as long as an engine runs.',
    details: `
      The script is Lua, JavaScript or TypeScript by its ending. Arguments behind -- are the script's own.
      On a terminal a Lua shell follows it. Without one the program ends when all sources have ended, or on a signal;
      with neither a script nor a terminal it reads Lua from standard input.

      Without --backend the best backend that works here is taken, and the program says which and why.
    `,
    examples: [
      ['Split eth3 over 4 pipes', 'bricks -f scripts/load-balance.lua -- eth3 4'],
      ['The same for a capture file, on any machine', 'bricks --backend pcap -f scripts/load-balance.lua -- trace.pcap 4'],
      ['A shell', 'bricks --backend loopback'],
    ],
  });

  backend = Option.String('--backend', { description: 'netmap, pcap or loopback' });
  script = Option.String('-f,--file', { description: 'the script to run' });
  batch = Option.String('-b,--batch', {
    description: `packets in a batch, 1 to ${MAXIMUM_BATCH_ROWS}`,
    validator: cascade(isNumber(), [isInteger(), isInInclusiveRange(1, MAXIMUM_BATCH_ROWS)]),
  });
  backendOptions = Option.Array('-o,--option', { description: 'an option of the backend, NAME=VALUE; may be given again' });
  scriptArguments = Option.Rest({ name: 'script arguments' });

  private registry!: EngineRegistry;
  private failed = false;
  private leave: (code: number) => void = () => undefined;

  override async execute(): Promise<number> {
    if (this.script !== undefined) checkScript(this.script);
    if (this.scriptArguments.length > 0 && this.script === undefined) throw new UsageError('Arguments for a script were given, but no script (-f).');
    this.chooseBackend();
    const { backend } = defaultBackend();
    const backendOptions = checkOptions(`The backend ${backend.name}`, backend.options, parseOptions(this.backendOptions ?? []));
    this.registry = new EngineRegistry({ backend: backend.name, backendOptions, ...(this.batch === undefined ? {} : { batch: this.batch }) });
    this.registry.on('notice', (engine, text) => say(`${engine}: ${text}`));
    this.registry.on('error', (engine, error) => {
      this.failed = true;
      sayError(Object.assign(error, { message: `${engine}: ${error.message}` }));
    });
    const left = new Promise<number>((resolve) => (this.leave = resolve));
    this.registry.on('shutdown', () => this.leave(0));
    this.handleSignals();
    // Whatever comes first: the end of the work, a signal, or BRICKS.shutdown().
    const code = await Promise.race([this.work(), left]);
    await this.finish();
    return code === 0 && this.failed ? EXIT_FAILURE : code;
  }

  private chooseBackend(): void {
    if (this.backend !== undefined) {
      setDefaultBackend(this.backend);
      const status = defaultBackend().backend.status();
      if (!status.usable) throw new BricksError('E_BACKEND_UNUSABLE', `The backend ${this.backend} does not work here. ${status.reason}`);
      return;
    }
    const { backend, reason } = defaultBackend();
    say(`backend ${backend.name} (${reason})`);
  }

  private async work(): Promise<number> {
    const terminal = isatty(0) && isatty(1);
    if (this.script !== undefined && isModule(this.script)) {
      const idle = new Promise<void>((resolve) => process.once('beforeExit', () => resolve()));
      await runModule(this.script, this.scriptArguments);
      // A module may go on after it was loaded: its end is that of all its engines, or that nothing is left to do.
      await Promise.race([idle, this.enginesDone()]);
      return 0;
    }
    const host = new LuaHost((order) => this.registry.execute(order), { args: this.scriptArguments });
    this.interrupt = () => host.interrupt();
    if (this.script !== undefined) {
      makeInputBlocking();
      try {
        const code = await runLuaScript(host, this.script);
        if (code !== undefined && code !== 0) return code;
      } catch (error) {
        sayError(error);
        if (!terminal) return EXIT_FAILURE;
      }
    }
    if (terminal || this.script === undefined) {
      const code = await new Shell(host, terminal).run();
      if (terminal || code !== 0) return code;
    }
    await this.engineEnd();
    return 0;
  }

  /** Ends what a script does; without one it does nothing. */
  private interrupt: () => void = () => undefined;

  /** Resolves when there are engines and all have done their work. Does not itself keep the program alive. */
  private async enginesDone(): Promise<void> {
    do await new Promise<void>((resolve) => setTimeout(resolve, LOOK_MILLISECONDS).unref());
    while (engines().length === 0 || !engines().every((engine) => engine.done));
  }

  /** Resolves when no engine runs any more. */
  private async engineEnd(): Promise<void> {
    for (;;) {
      const running = engines().filter((engine) => engine.running);
      if (running.length === 0) return;
      await Promise.all(running.map((engine) => engine.finished()));
    }
  }

  private handleSignals(): void {
    let signals = 0;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (++signals > 1) process.exit(EXIT_FAILURE);
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
        const statistics = engine.stats();
        const drops = DROP_REASONS.flatMap(({ name, text }) => {
          const links = statistics.links.filter((link) => (link.drops[name] ?? 0) > 0);
          return links.length === 0 ? [] : [`${links.reduce((sum, link) => sum + (link.drops[name] ?? 0), 0)} because ${text} (${links.slice(0, 3).map((link) => link.name).join(', ')}${links.length > 3 ? ', ...' : ''})`];
        });
        const decided = statistics.bricks.reduce((sum, brick) => sum + sumOfDrops(brick.drops), 0);
        if (decided > 0) drops.push(`${decided} because a brick decided so`);
        say(`${engine.name}: ${statistics.packets} packets received, ${statistics.drops} dropped${drops.length > 0 ? `: ${drops.join('; ')}` : ''}`);
      } catch (error) {
        this.failed = true;
        sayError(error);
      }
    }
  }
}

/** @throws UsageError */
function parseOptions(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(given.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--option ${text}: an option is written NAME=VALUE.`);
    return [text.slice(0, at), text.slice(at + 1)];
  }));
}

/** Lua's io.read waits in the system; Node, as soon as it has looked at standard input, has made it non-blocking. */
function makeInputBlocking(): void {
  const { _handle: handle } = process.stdin as unknown as { _handle?: { setBlocking?(blocking: boolean): void } };
  handle?.setBlocking?.(true);
}
