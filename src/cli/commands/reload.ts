import { Command, Option } from 'clipanion';
import { connect } from '../../client/connect';
import { say } from '../../program/messages';
import { ClientCommand, connectOptions } from '../client-command';

/** Has a daemon read its script anew. */
export class ReloadCommand extends ClientCommand {
  static override paths = [['reload']];
  static override usage = Command.Usage({
    description: 'Have a daemon read its script again and change what has changed.',
    details: `
      A Lua script is first run for nothing, as by bricks check; a module in JavaScript or TypeScript runs once, with its engines only planned. A script with a
      mistake changes nothing. Then engines that it makes
      otherwise get their new bricks while they run, new ones are added and started, and those that it makes no more are deleted. Engines that are the same
      go on untouched. If something cannot be opened, all engines get back what they had, and the exit code is 1.
    `,
    examples: [['After an edit of its script', 'bricks reload'], ['Another daemon', 'bricks reload --name tap']],
  });

  json = Option.Boolean('--json', false, { description: 'print JSON' });

  override async execute(): Promise<number> {
    const daemon = await connect(connectOptions(this));
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
