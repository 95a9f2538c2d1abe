import { Command, Option } from 'clipanion';
import { connect } from '../../client/connect';
import type { Daemon } from '../../client/daemon';
import { commandOf, type CommandName, type TopicName } from '../../protocol/commands';
import { ClientCommand, connectOptions } from '../client-command';
import { EXIT_FAILURE } from '../exit-codes';
import { explainCommand, listCommands } from '../ctl/help';
import { showResult, showTopicValue } from '../ctl/tables';
import { readWords, type Wanted } from '../ctl/words';

/** Gives a daemon a command. The words behind `ctl` come in by `words`: which options there are depends on the command. */
export class CtlCommand extends ClientCommand {
  static override paths = [['ctl']];
  static override usage = Command.Usage({
    description: 'Give a running daemon a command.',
    details: `
      Prints what the command returns, as text for people or, with --json, as JSON for scripts. Options of a command are its
      parameters, which bricks ctl help COMMAND lists; lists and tables are written in JSON. --name is the name of the daemon,
      so an engine is named without an option.

      bricks ctl subscribe TOPIC prints what comes until a signal ends it; with --json, one line each.

      Exits with 1 if the command fails, no daemon can be reached, an engine that was asked for does not exist (engine.exists),
      or packets are unaccounted for (engine.audit); with 2 if the command line is invalid.
    `,
    examples: [
      ['All engines', 'bricks ctl engine.list'],
      ['The statistics of one engine, for a program', 'bricks ctl engine.stats e0 --json'],
      ['An engine, from nothing to packets', `bricks ctl engine.create e0 --cpu 1 && bricks ctl engine.link e0 '[{"kind": "LoadBalancer", "inputs": ["eth3"], "outputs": ["eth3{0", "eth3{1"]}]' && bricks ctl engine.start e0`],
      ['The statistics every two seconds', 'bricks ctl subscribe statistics --seconds 2'],
      ['Another daemon', 'bricks ctl --name sensor2 daemon.information'],
    ],
  });

  /** Options are never given: all words are taken out before. Declared for the help. */
  json = Option.Boolean('--json', false, { description: 'print JSON' });

  /** What stood behind `ctl`. */
  static words: readonly string[] = [];

  override async execute(): Promise<number> {
    const wanted = readWords(CtlCommand.words);
    if (wanted.help || wanted.command === undefined) {
      this.print(wanted.command === undefined ? listCommands() : explainCommand(wanted.command, wanted.topic));
      return 0;
    }
    const daemon = await connect(connectOptions(wanted.daemon));
    try {
      if (wanted.topic !== undefined) return await this.watch(daemon, wanted.topic as TopicName, wanted);
      const name = wanted.command as CommandName;
      const result = await daemon.call(name, wanted.parameters as never);
      if (wanted.json) this.print(`${JSON.stringify(result, undefined, 2)}\n`);
      else this.print(lines(showResult(name, result)));
      return commandOf(name)?.succeeded?.(result) === false ? EXIT_FAILURE : 0;
    } finally {
      await daemon.close();
    }
  }

  /** Prints values until a signal comes. */
  private async watch(daemon: Daemon, topic: TopicName, { json, parameters }: Wanted): Promise<number> {
    const end = (): void => void daemon.close();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
    for await (const value of daemon.subscribe(topic, parameters as never)) {
      this.print(json ? `${JSON.stringify(value)}\n` : lines(showTopicValue(topic, value)));
    }
    return 0;
  }

  private print(text: string): void {
    this.context.stdout.write(text);
  }
}

function lines(text: string): string {
  return text === '' ? '' : `${text}\n`;
}
