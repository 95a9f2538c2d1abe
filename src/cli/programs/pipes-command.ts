/** A daemon that runs one of the scripts that come with the program, from an input to a number of pipes. */
import { Option, UsageError } from 'clipanion';
import { DaemonCommand, type ScriptChoice } from './daemon-command';

export abstract class PipesCommand extends DaemonCommand {
  input = Option.String({ name: 'interface' });
  outputs = Option.String({ name: 'pipes' });

  protected abstract readonly scriptName: string;

  protected override chosenScript(): ScriptChoice {
    if (!/^\d+$/.test(this.outputs) || Number(this.outputs) < 1) throw new UsageError(`PIPES must be a whole number from 1 on, got "${this.outputs}".`);
    return { path: this.scriptName, arguments: [this.input, this.outputs] };
  }
}
