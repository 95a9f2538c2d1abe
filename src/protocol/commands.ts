/** Every command and every topic of the control protocol. A new group of commands is a file in commands/ and a line here. */
import type { EngineStatistics } from '../control/statistics';
import { ENGINE_COMMANDS } from './commands/engines';
import { FILTER_COMMANDS } from './commands/filters';
import { PROGRAM_COMMANDS } from './commands/program';
import { SHELL_COMMANDS, SHELL_TOPICS } from './commands/shell';
import { WATCH_TOPICS } from './commands/watch';
import { topic, type CommandDeclaration, type ResultOf, type TopicDeclaration } from './declare';
import type { GivenParameters, ParametersOf } from './parameters';

export const COMMANDS = { ...PROGRAM_COMMANDS, ...ENGINE_COMMANDS, ...FILTER_COMMANDS, ...SHELL_COMMANDS } as const;

/** Something that an engine has to say. */
export interface Notice {
  /** The name of the engine. */
  readonly engine: string;
  /** `notice`: its user should know; `ended`: all its sources have ended; `error`: it failed. */
  readonly kind: 'notice' | 'ended' | 'error';
  /** What it says, for people. */
  readonly text: string;
  /** The code of an error. */
  readonly code?: string;
}

export const TOPICS = {
  statistics: topic<readonly EngineStatistics[]>()({
    access: 'read', summary: 'The statistics of all engines, at once and then every few seconds.', value: 'a list of [statistics](statistics.md), one for each engine',
    parameters: { seconds: { type: 'number', minimum: 0.1, maximum: 3600, default: 1, unit: 's', description: 'how often' } }, latest: true,
  }),
  notices: topic<Notice>()({
    access: 'read', summary: 'What engines report, from now on.', value: '`engine`, `kind` (`notice`, `ended` or `error`), `text`, and the `code` of an error', parameters: {},
  }),
  ...SHELL_TOPICS,
  ...WATCH_TOPICS,
} as const;

/** The name of a command: `engine.stats`. */
export type CommandName = keyof typeof COMMANDS;
/** The name of a topic: `statistics`. */
export type TopicName = keyof typeof TOPICS;

/** Parameters of a command, as clients give them. */
export type CommandParameters<Name extends CommandName> = GivenParameters<(typeof COMMANDS)[Name]['parameters']>;
/** Parameters of a command, as its handler gets them. */
export type CheckedParameters<Name extends CommandName> = ParametersOf<(typeof COMMANDS)[Name]['parameters']>;
/** What a command returns. */
export type CommandResult<Name extends CommandName> = ResultOf<(typeof COMMANDS)[Name]>;

/** Parameters of a topic, as clients give them. */
export type TopicParameters<Name extends TopicName> = GivenParameters<(typeof TOPICS)[Name]['parameters']>;
export type CheckedTopicParameters<Name extends TopicName> = ParametersOf<(typeof TOPICS)[Name]['parameters']>;
/** What comes to those who subscribe to a topic. */
export type TopicValue<Name extends TopicName> = ResultOf<(typeof TOPICS)[Name]>;

export function commandOf(name: string): CommandDeclaration | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name as CommandName] : undefined;
}

export function topicOf(name: string): TopicDeclaration | undefined {
  return Object.hasOwn(TOPICS, name) ? TOPICS[name as TopicName] : undefined;
}
