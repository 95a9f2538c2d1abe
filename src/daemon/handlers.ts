/** How commands and topics are answered: each group of handlers is a file in commands/. */
import type { CheckedParameters, CheckedTopicParameters, CommandName, CommandResult, TopicName, TopicValue } from '../protocol/commands';
import type { ControlHost } from './control-host';
import type { Session } from './session';

/** Carries out one command. */
export interface CommandHandler {
  readonly command: CommandName;
  run(host: ControlHost, parameters: unknown, session: Session): unknown;
}

export function handle<Name extends CommandName>(
  command: Name,
  run: (host: ControlHost, parameters: CheckedParameters<Name>, session: Session) => CommandResult<Name> | Promise<CommandResult<Name>>,
): CommandHandler {
  return { command, run: run as CommandHandler['run'] };
}

/** Publishes the values of one topic. */
export interface TopicHandler {
  readonly topic: TopicName;
  /** Begins to publish; returns what ends it. */
  start(host: ControlHost, parameters: unknown, session: Session, publish: (value: unknown) => void): () => void;
}

export function publishTopic<Name extends TopicName>(
  topic: Name,
  start: (host: ControlHost, parameters: CheckedTopicParameters<Name>, session: Session, publish: (value: TopicValue<Name>) => void) => () => void,
): TopicHandler {
  return { topic, start: start as TopicHandler['start'] };
}
