/** All handlers, by what they handle. A new group of commands is a file in commands/ and a line here. */
import { METHOD_NOT_FOUND, INVALID_PARAMETERS, SERVER_ERROR, type Request } from '../protocol/json-rpc';
import { COMMANDS, TOPICS, commandOf, topicOf } from '../protocol/commands';
import { checkParameters } from '../protocol/parameters';
import { BricksError, nearest } from '../model/errors';
import type { Access } from '../protocol/declare';
import { ENGINE_HANDLERS } from './commands/engines';
import { FILTER_HANDLERS } from './commands/filters';
import { PROGRAM_HANDLERS } from './commands/program';
import { SHELL_HANDLERS, SHELL_TOPIC_HANDLERS } from './commands/shell';
import { TOPIC_HANDLERS } from './commands/topics';
import { WATCH_TOPIC_HANDLERS } from './commands/watch';
import type { ControlHost } from './control-host';
import type { CommandHandler, TopicHandler } from './handlers';
import type { Session } from './session';

const HANDLERS: ReadonlyMap<string, CommandHandler> = new Map([...PROGRAM_HANDLERS, ...ENGINE_HANDLERS, ...FILTER_HANDLERS, ...SHELL_HANDLERS].map((handler) => [handler.command, handler]));
const TOPIC_STARTERS: ReadonlyMap<string, TopicHandler> = new Map([...TOPIC_HANDLERS, ...SHELL_TOPIC_HANDLERS, ...WATCH_TOPIC_HANDLERS].map((handler) => [handler.topic, handler]));

/** What a command came to: its result, or an error with its number in JSON-RPC. */
export type CommandOutcome = { readonly result: unknown } | { readonly error: unknown; readonly number: number };

/** Checks a request and carries it out. Never throws. */
export async function carryOutRequest(host: ControlHost, { method, parameters }: Request, session: Session): Promise<CommandOutcome> {
  const declaration = commandOf(method);
  const handler = HANDLERS.get(method);
  if (!declaration || !handler) return { error: noSuch('command', method, Object.keys(COMMANDS), 'E_COMMAND'), number: METHOD_NOT_FOUND };
  let number = INVALID_PARAMETERS;
  try {
    // The token itself is what gives access.
    if (method !== 'authenticate') session.allow(method, declaration.access);
    const checked = checkParameters(method, declaration.parameters, parameters);
    number = SERVER_ERROR;
    return { result: await handler.run(host, checked, session) };
  } catch (error) {
    return { error, number };
  }
}

/** Begins to publish a topic; returns what ends that. @throws BricksError E_ARGUMENT, E_OPTION, E_PERMISSION */
export function startTopic(host: ControlHost, name: string, given: Readonly<Record<string, unknown>>, session: Session, publish: (value: unknown) => void): () => void {
  const declaration = topicOf(name);
  const handler = TOPIC_STARTERS.get(name);
  if (!declaration || !handler) throw noSuch('topic', name, Object.keys(TOPICS), 'E_ARGUMENT');
  session.allow(`the topic ${name}`, declaration.access);
  return handler.start(host, checkParameters(`The topic ${name}`, declaration.parameters, given), session, publish);
}

/** Whether the access that a client has is enough. */
export function mayUse(has: Access, needs: Access): boolean {
  return has === 'control' || needs === 'read';
}

function noSuch(what: string, name: string, known: readonly string[], code: 'E_COMMAND' | 'E_ARGUMENT'): BricksError {
  const short = name.length > 60 ? `${name.slice(0, 60)}...` : name;
  const guess = nearest(short, known);
  return new BricksError(code, `There is no ${what} ${JSON.stringify(short)}.`, guess ? `Did you mean ${guess}?` : `There are: ${known.join(', ')}.`);
}
