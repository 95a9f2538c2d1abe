import { isatty } from 'node:tty';
import { Command, Option } from 'clipanion';
import { prepareEngineThread } from '../../control/engine-thread';
import { anyStarted, engines, idleEngines } from '../../control/process-engines';
import { looseBricks } from '../../model/brick-description';
import { LuaHost } from '../../lua/lua-host';
import { firstBrickOfState } from '../../program/brick-numbers';
import { forgotten, sayOnce, watchForIdleEngines } from '../../program/forgotten';
import { sayError } from '../../program/messages';
import { checkScript, findScript, failureOfModule, isModule, isSetup, readSetupFile, runLuaScript, runModule } from '../../program/script';
import { LuaShellHost } from '../../program/shell-host';
import { runSetup } from '../../text';
import { EnginesCommand } from '../engines-command';
import { EXIT_FAILURE } from '../exit-codes';
import { checkScriptArguments } from '../script-arguments';
import { OWN_TEXTS, Shell } from '../shell';

/** How often a module's engines are looked at. */
const LOOK_MILLISECONDS = 20;

/** The program's main job: runs a script, then a shell on a terminal, and stays as long as an engine runs. */
export class RunCommand extends EnginesCommand {
  static override paths = [Command.Default];
  static override usage = Command.Usage({
    description: 'Run a script, then a shell; keep running as long as an engine does.',
    details: `
      The script is Lua, JavaScript or TypeScript, or a setup as bricks run takes it (.bricks), by its file name. Arguments after -- go to the script.
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

  script = Option.String('-f,--file', { description: 'the script to run: a file, or the name of one that ships with Packet Bricks' });
  /** Handed to bricks-server before this program is loaded (bricks.ts); it stands here for the help. */
  daemon = Option.Boolean('-d,--daemon', false, { description: 'run as a daemon; takes the options of bricks-server' });
  /** The program makes `bricks shell` of it; it stands here for the help. */
  shell = Option.Boolean('-s,--shell', false, { description: 'a shell on a running daemon; takes the options of bricks shell' });
  scriptArguments = Option.Rest({ name: 'script arguments' });

  override async execute(): Promise<number> {
    if (this.script !== undefined) {
      this.script = findScript(this.script);
      checkScript(this.script);
    }
    checkScriptArguments(this.script, this.scriptArguments);
    const host = this.startThreads();
    return this.runEngines(this.script, () => this.work(host));
  }

  /** Threads get ready while this one does. Modules get none: what they set in the environment is to hold in all threads of theirs. */
  private startThreads(): LuaHost | undefined {
    if (this.script !== undefined && isModule(this.script)) return undefined;
    const host = new LuaHost((command) => this.engines.carryOut(command), { args: this.scriptArguments, firstBrick: firstBrickOfState() });
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
        const code = await this.runScript(host, this.script);
        if (code !== undefined && code !== 0) return code;
        ended = code !== undefined;
      } catch (error) {
        if (!this.leaving) sayError(error);
        if (!terminal) return EXIT_FAILURE;
      }
    }
    if (terminal || this.script === undefined) {
      const code = await new Shell(new LuaShellHost(host), terminal, OWN_TEXTS, () => this.leaving).run();
      if (terminal || code !== 0) return code;
    }
    if (!ended && this.tellForgotten(await host.looseBricks())) return EXIT_FAILURE;
    await this.engineEnd();
    return 0;
  }

  /** Returns the exit code that a script asked for, if it did. */
  private async runScript(host: LuaHost, script: string): Promise<number | undefined> {
    if (!isSetup(script)) return runLuaScript(host, script);
    await runSetup(readSetupFile(script), script, (command) => this.engines.carryOut(command), firstBrickOfState());
    return undefined;
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

  /** Resolves when there are engines and all have done their work. Does not itself keep the program alive. */
  private async enginesDone(): Promise<void> {
    do await new Promise<void>((resolve) => setTimeout(resolve, LOOK_MILLISECONDS).unref());
    while (engines().length === 0 || !engines().every((engine) => engine.done));
  }
}

/** Lua's io.read waits in the system; Node, as soon as it has looked at standard input, has made it non-blocking. */
function makeInputBlocking(): void {
  const { _handle: handle } = process.stdin as unknown as { _handle?: { setBlocking?(blocking: boolean): void } };
  handle?.setBlocking?.(true);
}
