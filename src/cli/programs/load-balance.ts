import { Command } from 'clipanion';
import { PipesCommand } from './pipes-command';

/** `bricks-load-balance` */
export class LoadBalanceCommand extends PipesCommand {
  static readonly binary = 'bricks-load-balance';
  static override paths = [Command.Default];
  static override usage = Command.Usage({
    description: 'Split an interface over pipes, flow by flow, in its own daemon.',
    details: `
      Packets of eth3 go to eth3}0 to eth3}3: all packets of a connection, both directions, to the same pipe.
      The input may also be a capture file. The same as bricks-server -f load-balance.
    `,
    examples: [['Split eth3 over 4 pipes', 'bricks-load-balance eth3 4'], ['End it', 'bricks-kill-server']],
  });

  protected override readonly scriptName = 'load-balance';
}
