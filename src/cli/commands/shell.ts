import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Command, Option, UsageError } from 'clipanion';
import { connect } from '../../client/connect';
import type { Daemon } from '../../client/daemon';
import { formatFailure } from '../../lua/lua-host';
import { BricksError } from '../../model/errors';
import { systemName } from '../../files/system-name';
import { say, sayError } from '../../program/messages';
import { checkScript, findScript, isModule } from '../../program/script';
import { LIMITS } from '../../protocol/limits';
import { ClientCommand, connectOptions } from '../client-command';
import { EXIT_FAILURE } from '../exit-codes';
import { RemoteShell } from '../remote-shell';
import { Shell } from '../shell';

/** What a message has beside the script in it, whose quotes and line ends take two bytes each. */
const SCRIPT_BYTES = LIMITS.requestBytes / 2 - 65_536;

/** The Lua shell on a running daemon: on a terminal, for lines from standard input, or for a script. */
export class ShellCommand extends ClientCommand {
  static override paths = [['shell']];
  static override usage = Command.Usage({
    description: 'Open a Lua shell on a running daemon.',
    details: `
      Each shell has its own Lua state and shares the daemon's engines: PktEngine.retrieve("e0") returns one that another script has made.
      Ctrl-C ends what is running, Ctrl-D leaves the shell and the daemon goes on; BRICKS.shutdown() ends the daemon.

      Without a terminal it reads Lua from standard input, and with -f it runs a script: the exit code tells whether all went well.
      File names in Lua, and commands that it runs, are those of the daemon's machine, in the daemon's directory and with its rights.

      bricks-shell and bricks -s are the same.
    `,
    examples: [
      ['A shell', 'bricks-shell'],
      ['One command', "echo 'BRICKS.show_stats()' | bricks-shell"],
      ['A script, on the daemon named "edge"', 'bricks-shell --name edge -f add-tap.lua -- eth3 7'],
    ],
  });

  script = Option.String('-f,--file', { description: 'run this Lua script on the daemon, and leave' });
  scriptArguments = Option.Rest({ name: 'script arguments' });

  override async execute(): Promise<number> {
    if (this.scriptArguments.length > 0 && this.script === undefined) throw new UsageError('Arguments for a script were given, but no script (-f).');
    const text = this.script === undefined ? undefined : readScript(this.script);
    const daemon = await connect(connectOptions(this));
    try {
      const shell = await RemoteShell.open(daemon, (output) => void process.stdout.write(output));
      return text === undefined ? await this.interact(daemon, shell) : await this.run(shell, text);
    } finally {
      await daemon.close();
    }
  }

  private async run(shell: RemoteShell, text: string): Promise<number> {
    const result = await shell.runScript(text, this.script ?? '', this.scriptArguments);
    if (result.ok) return result.exitCode ?? 0;
    sayError(new BricksError(result.failure.interrupted ? 'E_INTERRUPTED' : 'E_SCRIPT_FAILED', formatFailure(result.failure)));
    return EXIT_FAILURE;
  }

  private async interact(daemon: Daemon, remote: RemoteShell): Promise<number> {
    const terminal = isatty(0) && isatty(1);
    const { name, pid } = await daemon.call('daemon.information');
    const shell = new Shell(remote, terminal, {
      greeting: `This is a Lua shell on the daemon ${name} (process ${pid}). Type help for help; Ctrl-D leaves it, and the daemon goes on.`,
      leave: 'Ctrl-D leaves the shell; the daemon goes on.',
    });
    if (terminal) await daemon.listen('notices', {}, ({ engine, text, code }) => say(text, 'info', { engine, ...(code === undefined ? {} : { code }) }));
    let lost = false;
    void daemon.closed.then(() => {
      lost = true;
      shell.close();
    });
    const code = await shell.run();
    if (!lost || shell.left) return code;
    // A line that was at work has told it.
    if (!shell.failed) sayError(new BricksError('E_CONTROL_CLOSED', `The daemon at ${daemon.address} has closed the connection.`, 'Its log says why.'));
    return EXIT_FAILURE;
  }
}

/** @throws BricksError E_SCRIPT */
function readScript(given: string): string {
  const path = findScript(given);
  checkScript(path);
  if (isModule(path)) throw new BricksError('E_SCRIPT', `The script ${given} is a module.`, 'A shell takes Lua; modules run in their own process: bricks -f.');
  const bytes = readFileSync(systemName(path));
  if (bytes.length > SCRIPT_BYTES) throw new BricksError('E_SCRIPT', `The script ${given} has ${bytes.length} bytes; a shell takes ${SCRIPT_BYTES}.`, 'Put it on the daemon\'s machine, and run it there: dofile("/path/to/it").');
  return bytes.toString('utf8');
}
