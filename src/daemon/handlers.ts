/** How commands and topics are answered: each group of handlers is a file in commands/. */
import type { CheckedParameters, CheckedTopicParameters, CommandName, CommandResult, TopicName, TopicValue } from '../protocol/commands';
import type { ControlHost } from './control-host';
import type { Session } from './session';

/** What commands may ask of any client, by whatever way it has come. */
export type AnyClient = Pick<Session, 'afterAnswer'>;

/** Carries out one command. */
export interface CommandHandler<Client = Session> {
  readonly command: CommandName;
  run(host: ControlHost, parameters: unknown, client: Client): unknown;
}

export function handle<Name extends CommandName, Client = Session>(
  command: Name,
  run: (host: ControlHost, parameters: CheckedParameters<Name>, client: Client) => CommandResult<Name> | Promise<CommandResult<Name>>,
): CommandHandler<Client> {
  return { command, run: run as CommandHandler<Client>['run'] };
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
