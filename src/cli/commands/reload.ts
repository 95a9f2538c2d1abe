import { Command, Option } from 'clipanion';
import { connect } from '../../client/connect';
import { say } from '../../program/messages';

/** Has a daemon read its script anew. */
export class ReloadCommand extends Command {
  static override paths = [['reload']];
  static override usage = Command.Usage({
    description: 'Have a daemon read its script again and change what has changed.',
    details: `
      The script is first run for nothing, as by bricks check; a script with a mistake changes nothing. Then engines that it makes
      otherwise get their new bricks while they run, new ones are added and started, and those that it makes no more are deleted. Engines that are the same
      go on untouched. If something cannot be opened, all engines get back what they had, and the exit code is 1.
    `,
    examples: [['After an edit of its script', 'bricks reload'], ['Another daemon', 'bricks reload --name tap']],
  });

  address = Option.String('-a,--address', { description: 'where the daemon listens: a socket, or HOST:PORT; default: its control socket' });
  name = Option.String('--name', { description: 'name of the daemon; default: bricks, or BRICKS_NAME' });
  runDir = Option.String('--run-dir', { description: 'its runtime directory; default: /run/bricks for root, otherwise $XDG_RUNTIME_DIR/bricks' });
  json = Option.Boolean('--json', false, { description: 'print JSON' });

  override async execute(): Promise<number> {
    const daemon = await connect({ address: this.address, name: this.name, runDirectory: this.runDir });
    try {
      const report = await daemon.call('daemon.reload');
      if (this.json) this.context.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
      else {
        const lines = (['added', 'changed', 'removed', 'kept'] as const).filter((what) => report[what].length > 0).map((what) => `${what}: ${report[what].join(', ')}`);
        say(lines.length === 0 ? 'the script makes no engines' : lines.join('; '));
      }
      return 0;
    } finally {
      daemon.close();
    }
  }
}
