import { Command, Option } from 'clipanion';
import { DaemonCommand, type ScriptChoice } from './daemon-command';

/** `bricks-load-balance` */
export class LoadBalanceCommand extends DaemonCommand {
  static readonly binary = 'bricks-load-balance';
  static override paths = [Command.Default];
  static override usage = Command.Usage({
    description: 'Split an interface over pipes, flow by flow, in a daemon of its own.',
    details: `
      Packets of eth3 go to eth3}0 to eth3}3: all packets of a connection, both directions, to the same pipe.
      The input may also be a capture file. The same as bricks-server -f load-balance.
    `,
    examples: [['Split eth3 over 4 pipes', 'bricks-load-balance eth3 4'], ['End it', 'bricks-kill-server']],
  });

  input = Option.String({ name: 'interface' });
  outputs = Option.String({ name: 'pipes' });

  protected override chosenScript(): ScriptChoice {
    return { path: 'load-balance', arguments: [this.input, this.outputs] };
  }
}
