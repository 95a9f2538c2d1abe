import { Command, Option } from 'clipanion';
import { cascade, isInInclusiveRange, isNumber } from 'typanion';
import { killDaemon } from '../../daemon/kill-daemon';
import { runtimeFiles } from '../../daemon/runtime-directory';
import { daemonName, runDirectory } from '../../protocol/address';
import { daemonOption } from '../client-command';

const WAIT_SECONDS = 20;

/** `bricks-kill-server` */
export class KillServerCommand extends Command {
  static readonly binary = 'bricks-kill-server';
  static override paths = [Command.Default];
  static override usage = Command.Usage({
    description: 'End a daemon, and wait until it has gone.',
    details: `
      The daemon stops its engines, closes its files whole and leaves nothing behind. Says what has become of it.
    `,
    examples: [['End the daemon', 'bricks-kill-server'], ['End another one, whatever it does', 'bricks-kill-server --name tap --force']],
  });

  daemonName = daemonOption('daemonName');
  runDirectory = daemonOption('runDirectory');
  timeout = Option.String('--timeout', String(WAIT_SECONDS), { description: `seconds to wait for its end; default: ${WAIT_SECONDS}`, validator: cascade(isNumber(), [isInInclusiveRange(0, 3600)]) });
  force = Option.Boolean('--force', false, { description: 'after that time, kill it: what it has not written yet is lost' });

  override async execute(): Promise<number> {
    const where = { name: this.daemonName, runDirectory: this.runDirectory };
    const name = daemonName(where, process.env);
    const files = runtimeFiles(runDirectory(where, process.env, process.getuid?.() ?? 0), name);
    const text = await killDaemon(name, files, { milliseconds: this.timeout * 1000, force: this.force });
    this.context.stdout.write(`${text}\n`);
    return 0;
  }
}
