/** The words behind `bricks ctl`: which daemon, which command, and its parameters, read by the command's declaration. */
import { resolve } from 'node:path';
import { UsageError } from 'clipanion';
import { isBricksError, nearest } from '../../model/errors';
import { COMMANDS, TOPICS, commandOf, topicOf } from '../../protocol/commands';
import type { CommandDeclaration } from '../../protocol/declare';
import { checkParameters, isStructured, typeInWords, type ParameterProperties } from '../../protocol/parameters';
import { DAEMON_OPTIONS, type DaemonChoice } from '../client-command';

/** What `bricks ctl` is asked to do. */
export interface Wanted {
  readonly daemon: DaemonChoice;
  readonly json: boolean;
  /** Absent where only help is asked for, about all commands. */
  readonly command?: string;
  /** The topic, of `subscribe`. */
  readonly topic?: string;
  readonly help: boolean;
  readonly parameters: Readonly<Record<string, unknown>>;
}

const FLAGS = ['--json', '--tls', '-h', '--help'];

/** What can be subscribed to has parameters as a command has. */
function declarationOf(command: string, topic: string | undefined): CommandDeclaration {
  if (command !== 'subscribe') return commandOf(command) as CommandDeclaration;
  const { access, summary, value, parameters } = topicOf(topic ?? '') as NonNullable<ReturnType<typeof topicOf>>;
  return { access, summary, result: value, parameters };
}

/** Commands that are of use here: not those about a connection, except `subscribe`. */
export function usableCommands(): string[] {
  return Object.keys(COMMANDS).filter((name) => name === 'subscribe' || commandOf(name)?.connection !== true);
}

/** `bufferSize` is --buffer-size. */
export function optionOf(parameter: string): string {
  return `--${parameter.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Parameters that may be given by an option: all but `name`, since --name is the daemon's. */
export function optionParameters(declaration: CommandDeclaration): [name: string, properties: ParameterProperties][] {
  return Object.entries(declaration.parameters).filter(([name]) => name !== 'name');
}

/** @throws UsageError */
export function readWords(words: readonly string[]): Wanted {
  const daemon: { -readonly [Name in keyof DaemonChoice]: DaemonChoice[Name] } = {};
  const given: [option: string, value: string | undefined][] = [];
  const plain: string[] = [];
  let json = false;
  let help = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (word === '--') {
      plain.push(...words.slice(at + 1));
      break;
    }
    // A number below zero is a value.
    if (!/^-[A-Za-z-]/.test(word)) {
      plain.push(word);
      continue;
    }
    const equals = word.indexOf('=');
    const option = word.startsWith('--') && equals > 0 ? word.slice(0, equals) : word;
    const inline = option === word ? undefined : word.slice(equals + 1);
    if (FLAGS.includes(option)) {
      if (inline !== undefined) throw new UsageError(`The option ${option} takes no value, but ${word} gives it one.`);
      if (option === '--json') json = true;
      else if (option === '--tls') daemon.tls = true;
      else help = true;
      continue;
    }
    const value = inline ?? words[++at];
    const daemonOption = DAEMON_OPTIONS.get(option);
    if (daemonOption === undefined) given.push([option, value]);
    else if (value === undefined) throw new UsageError(`The option ${option} needs a value.`);
    else daemon[daemonOption] = value;
  }
  return { daemon, json, ...readCommand(plain, given, help) };
}

function readCommand(plain: readonly string[], given: readonly [string, string | undefined][], asked: boolean): Pick<Wanted, 'command' | 'topic' | 'help' | 'parameters'> {
  const help = asked || plain[0] === 'help';
  const [command, ...rest] = plain[0] === 'help' ? plain.slice(1) : plain;
  if (command === undefined) {
    if (help) return { help, parameters: {} };
    throw new UsageError(given.length > 0 ? `Unknown option ${given[0][0]}: the options of a command go after its name.` : 'bricks ctl needs a command.');
  }
  if (!usableCommands().includes(command)) throw new UsageError(misspelt('command', command, usableCommands()));
  const topic = command === 'subscribe' ? rest.shift() : undefined;
  if (help && topic === undefined) return { help, command, parameters: {} };
  if (command === 'subscribe' && (topic === undefined || !topicOf(topic))) {
    throw new UsageError(topic === undefined ? `subscribe needs a topic: ${Object.keys(TOPICS).join(' or ')}.` : misspelt('topic', topic, Object.keys(TOPICS)));
  }
  const parameters = help ? {} : readParameters(command, declarationOf(command, topic), rest, given);
  return { help, command, ...(topic === undefined ? {} : { topic }), parameters };
}

function readParameters(command: string, declaration: CommandDeclaration, plain: readonly string[], given: readonly [string, string | undefined][]): Record<string, unknown> {
  const parameters: Record<string, unknown> = {};
  const set = (name: string, what: string, text: string): void => {
    if (Object.hasOwn(parameters, name)) throw new UsageError(`${what} is given twice.`);
    parameters[name] = valueOf(what, declaration.parameters[name], text);
  };
  const positional = declaration.positional ?? [];
  if (plain.length > positional.length) throw new UsageError(`Unexpected argument "${plain[positional.length]}" for ${command}.`);
  plain.forEach((text, index) => set(positional[index], positional[index].toUpperCase(), text));
  const options = new Map(optionParameters(declaration).map(([name]) => [optionOf(name), name]));
  for (const [option, text] of given) {
    const name = options.get(option) ?? options.get(optionOf(option.slice(2)));
    if (name === undefined) throw new UsageError(misspelt(`option of ${command}`, option, [...options.keys()]));
    if (text === undefined) throw new UsageError(`The option ${option} needs a value.`);
    set(name, option, text);
  }
  try {
    checkParameters(command, declaration.parameters, parameters);
  } catch (error) {
    // Every mistake that the declaration shows is one of the command line.
    if (isBricksError(error)) throw new UsageError(error.message);
    throw error;
  }
  return parameters;
}

/** What stands in the text. Numbers and truth values are read by the check of the parameter. */
function valueOf(what: string, declaration: ParameterProperties, text: string): unknown {
  if (declaration.type === 'file') return resolve(text);
  if (!isStructured(declaration) && declaration.list === undefined) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${what} is not JSON: ${text.length > 60 ? `${text.slice(0, 60)}...` : text}. It must be ${isStructured(declaration) ? typeInWords(declaration.type) : 'a list'}, such as ${declaration.type === 'table' ? '{"tuple": 2}' : '[1, 2]'}.`);
  }
}

function misspelt(what: string, word: string, known: readonly string[]): string {
  const guess = nearest(word, known);
  return `There is no ${what} ${JSON.stringify(word)}. ${guess ? `Did you mean ${guess}?` : known.length > 0 ? `There are: ${known.join(', ')}.` : 'It has none.'}`;
}
