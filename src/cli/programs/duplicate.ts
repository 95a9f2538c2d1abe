import { Command } from 'clipanion';
import { PipesCommand } from './pipes-command';

/** `bricks-duplicate` */
export class DuplicateCommand extends PipesCommand {
  static readonly binary = 'bricks-duplicate';
  static override paths = [Command.Default];
  static override usage = Command.Usage({
    description: 'Give every packet of an interface to each of several pipes, in its own daemon.',
    details: `
      Each of the pipes eth3}0 to eth3}3 gets all packets of eth3.
      The input may also be a capture file. The same as bricks-server -f duplicate.
    `,
    examples: [['Give all packets of eth3 to 4 readers', 'bricks-duplicate eth3 4'], ['End it', 'bricks-kill-server']],
  });

  protected override readonly scriptName = 'duplicate';
}
