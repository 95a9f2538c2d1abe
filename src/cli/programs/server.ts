import { Command, Option } from 'clipanion';
import { checkScriptArguments } from '../script-arguments';
import { DaemonCommand, type ScriptChoice } from './daemon-command';

/** The daemon: `bricks-server`, and `bricks -d`. */
export class ServerCommand extends DaemonCommand {
  static readonly binary = 'bricks-server';
  static override paths = [Command.Default];
  static override usage = Command.Usage({
    description: 'Run as a daemon: its engines run until it is stopped.',
    details: `
      Runs a script and stays, whatever the script does: ends, fails later, loops, or calls os.exit. Also started by bricks -d.

      The program returns when the daemon has started: its script has ended, or has given no command to an engine for 2 seconds.
      What goes wrong until then is printed here, and the exit code is not 0.

      SIGTERM and SIGINT end it: engines are drained, files are closed whole, totals are printed. SIGHUP opens the log file anew.
    `,
    examples: [
      ['Split eth3 over 4 pipes', 'bricks-server -f load-balance -- eth3 4'],
      ['As a service of systemd', 'bricks-server --foreground -f /etc/bricks/setup.lua'],
      ['Without root', 'sudo bricks-server --user bricks --log-file /var/log/bricks/bricks.log -f setup.lua'],
    ],
  });

  script = Option.String('-f,--file', { description: 'the script to run: a file, or the name of one that ships with Packet Bricks' });
  scriptArguments = Option.Rest({ name: 'script arguments' });

  protected override chosenScript(): ScriptChoice | undefined {
    checkScriptArguments(this.script, this.scriptArguments);
    return this.script === undefined ? undefined : { path: this.script, arguments: this.scriptArguments };
  }
}
