import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option, UsageError } from 'clipanion';
import { connect } from '../../client/connect';
import type { CoreAddon } from '../../native/core-addon';
import { loadAddon, packageRoot } from '../../native/load-addon';
import { readableEnds } from '../../pipes';

const SHELLS = ['bash', 'zsh', 'fish'];

/** Prints the completion of a shell, which tools/completion.cjs has made from the commands. */
export class CompletionCommand extends Command {
  static override paths = [['completion']];
  static override usage = Command.Usage({
    description: 'Print the completion for a shell: bash, zsh or fish.',
    details: `
      It completes the commands and options of all programs, and backends, setups, interfaces, pipes and engines of a daemon.
      To have it in every shell, write it where the shell looks for completions, or evaluate it in the shell's start-up file.
    `,
    examples: [
      ['In bash, now', 'source <(bricks completion bash)'],
      ['In bash, for all users', 'bricks completion bash > /etc/bash_completion.d/bricks'],
      ['In zsh', 'bricks completion zsh > "${fpath[1]}/_bricks"'],
      ['In fish', 'bricks completion fish > ~/.config/fish/completions/bricks.fish'],
    ],
  });

  pipes = Option.Boolean('--pipes', false, { description: 'print the names of the pipes that can be read, one per line' });
  engines = Option.Boolean('--engines', false, { description: 'print the names of the engines of the daemon in the runtime directory, one per line' });
  shell = Option.String({ required: false, name: 'shell' });

  override async execute(): Promise<number> {
    this.context.stdout.write(this.pipes ? pipeNames() : this.engines ? await engineNames() : this.script());
    return 0;
  }

  private script(): string {
    if (this.shell === undefined || !SHELLS.includes(this.shell)) {
      throw new UsageError(`${this.shell === undefined ? 'completion needs the name of a shell' : `There is no completion for "${this.shell}"`}. Shells: ${SHELLS.join(', ')}.`);
    }
    return readFileSync(join(packageRoot(), 'dist', 'bundle', 'completion', this.shell), 'utf8');
  }
}

function pipeNames(): string {
  return readableEnds(loadAddon<CoreAddon>('bricks_core')).map((name) => `${name}\n`).join('');
}

/** Nothing where no daemon answers: the command that is being typed will say why. */
async function engineNames(): Promise<string> {
  try {
    const daemon = await connect();
    const engines = await daemon.call('engine.list');
    daemon.close();
    return engines.map(({ name }) => `${name}\n`).join('');
  } catch {
    return '';
  }
}
