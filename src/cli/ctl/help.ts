/** Help on the commands of a daemon, made from their declarations. */
import { expectation, type OptionDeclaration } from '../../model/options';
import { TOPICS, commandOf, topicOf } from '../../protocol/commands';
import type { CommandDeclaration } from '../../protocol/declare';
import { isStructured, typeInWords, type ParameterProperties } from '../../protocol/parameters';
import { table } from '../output';
import { optionOf, optionParameters, usableCommands } from './words';

const indented = (text: string): string => text.split('\n').map((line) => `  ${line}`).join('\n');

/** All commands, each with a line. */
export function listCommands(): string {
  return `Commands:\n${indented(table(usableCommands().map((name) => [name, commandOf(name)?.summary ?? ''])))}\n\nbricks ctl help COMMAND explains a command.\n`;
}

/** One command, or one topic of `subscribe`. */
export function explainCommand(name: string, topic: string | undefined): string {
  const about = topic === undefined ? undefined : topicOf(topic);
  if (name === 'subscribe' && !about) {
    return `${commandOf(name)?.summary}\n\nUsage:\n  bricks ctl subscribe TOPIC [OPTIONS]\n\nTopics:\n${indented(table(Object.entries(TOPICS).map(([one, { summary }]) => [one, summary])))}\n`;
  }
  const declaration: CommandDeclaration = about ? { access: about.access, summary: about.summary, result: about.value, parameters: about.parameters } : commandOf(name) as CommandDeclaration;
  const parts = [
    declaration.summary,
    `Usage:\n  ${synopsis(about ? `subscribe ${topic}` : name, declaration)}`,
    rows('Arguments', (declaration.positional ?? []).map((one) => [one.toUpperCase(), declaration.parameters[one]])),
    rows('Options', optionParameters(declaration).filter(([one]) => !declaration.positional?.includes(one)).map(([one, properties]) => [optionOf(one), properties])),
    `It returns ${declaration.result.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1')}${declaration.access === 'read' ? '.' : '. It needs control access.'}`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** How a command is called. */
function synopsis(name: string, { parameters, positional = [] }: CommandDeclaration): string {
  const words = positional.map((one) => (parameters[one].required ? one.toUpperCase() : `[${one.toUpperCase()}]`));
  return ['bricks ctl', name, ...words, ...(Object.keys(parameters).some((one) => !positional.includes(one)) ? ['[OPTIONS]'] : [])].join(' ');
}

function rows(title: string, list: readonly (readonly [string, ParameterProperties])[]): string {
  if (list.length === 0) return '';
  return `${title}:\n${indented(table(list.map(([name, properties]) => [name, describe(properties)])))}`;
}

function describe(properties: ParameterProperties): string {
  if (isStructured(properties)) return `${properties.description} (${properties.type === 'file' ? 'a file' : `${typeInWords(properties.type)}, in JSON`})`;
  const { description, default: preset } = properties;
  return `${description} (${expectation({ name: '', ...properties } as OptionDeclaration)}${preset === undefined ? '' : `; default ${JSON.stringify(preset)}`})`;
}
