/** Results of commands for people: tables where that is how one reads them. */
import type { EngineStatistics } from '../../control/statistics';
import { countText } from '../../model/count-text';
import { expectation, type OptionDeclaration } from '../../model/options';
import type { CommandName, CommandResult, Notice, TopicName, TopicValue } from '../../protocol/commands';
import type { ListedLinkCount } from '../../protocol/commands/engines';
import { isTable } from '../../model/table';
import { table } from '../output';

const OF_COMMANDS: { readonly [Name in CommandName]?: (result: CommandResult<Name>) => string } = {
  'engine.stats': (engines) => engines.map(statistics).join('\n\n'),
  'engine.audit': (audits) => audits.map(({ engine, balanced, lines, faults }) => [
    `${engine}: ${balanced ? 'every packet is accounted for' : 'packets are missing'}`,
    ...lines.map((line) => `  ${line.balanced ? 'ok ' : 'BAD'} ${line.subject}: ${line.text}`),
    ...faults.map(({ kind, link, message }) => `  ${kind}${link ? ` ${link}` : ''}: ${message}`),
  ].join('\n')).join('\n\n'),
  'brick.describe': ({ name, summary, description, inputs, outputs, options, counters, gauges, examples }) => [
    `${name}: ${summary}`, description, `Links: ${count(inputs, 'input')}, ${count(outputs, 'output')}.`,
    optionTable(options),
    counters.length + gauges.length > 0 ? table([['COUNTER', 'MEANING'], ...[...counters, ...gauges].map((one) => [one.name, one.description])]) : '',
    examples.lua,
  ].filter((part) => part !== '').join('\n\n'),
  'option.describe': ({ engine, backends }) => ['Engines:', optionTable(engine), ...backends.flatMap(({ name, summary, options }) => [`${name}: ${summary}`, optionTable(options)])].filter((part) => part !== '').join('\n\n'),
};

const OF_TOPICS: { readonly [Name in TopicName]?: (value: TopicValue<Name>) => string } = {
  statistics: (engines) => engines.map(statistics).join('\n\n'),
  notices: ({ engine, kind, text, code }: Notice) => `${engine}: ${kind === 'notice' ? '' : `${kind}: `}${text}${code === undefined ? '' : ` [${code}]`}`,
};

/** What a command returned; empty where it returned nothing. */
export function showResult(name: CommandName, result: unknown): string {
  const own = OF_COMMANDS[name] as ((result: unknown) => string) | undefined;
  return own ? own(result) : showValue(result);
}

export function showTopicValue(name: TopicName, value: unknown): string {
  const own = OF_TOPICS[name] as ((value: unknown) => string) | undefined;
  return own ? own(value) : showValue(value);
}

/** Any value: lists of like tables become tables, tables become lines. */
function showValue(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isTable)) {
      const names = [...new Set(value.flatMap((row) => Object.keys(row)))];
      return table([names.map((name) => name.toUpperCase()), ...value.map((row) => names.map((name) => cell(row[name])))]);
    }
    return value.map(cell).join('\n');
  }
  if (!isTable(value)) return cell(value);
  const rows = Object.entries(value).map(([name, one]) => [name, cell(one)]);
  return rows.length === 0 ? '' : table(rows);
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return '-';
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.join(', ') || '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function statistics({ name, running, packets, bytes, drops, links, bricks, faults = [] }: EngineStatistics): string {
  const reasons = (counts: Readonly<Record<string, number | undefined>>): string => Object.entries(counts).map(([reason, number]) => `${reason} ${number}`).join(', ');
  const own = (numbers: Readonly<Record<string, number>>): string[] => Object.entries(numbers).map(([one, number]) => `${one} ${number}`);
  return [
    `${name}: ${running ? 'running' : 'not running'}, ${packets} packets (${bytes} bytes) received, ${drops} dropped`,
    links.length === 0 ? '' : table([['  LINK', 'ROLE', 'PACKETS', 'BYTES', 'DROPPED', 'WHY'], ...links.map((link) => [`  ${link.name}`, link.role, String(link.packets), String(link.bytes), String(link.dropped), reasons(link.drops)])]),
    bricks.length === 0 ? '' : table([['  BRICK', 'NUMBER', 'IN', 'OUT', 'HELD', 'DROPPED', 'COUNTERS'], ...bricks.map((brick) => [`  ${brick.label}`, String(brick.id), String(brick.packetsIn), String(brick.packetsOut), String(brick.held), String(brick.dropped), [...own(brick.counters), ...own(brick.gauges)].join(', ')])]),
    ...faults.map(({ kind, link, message }) => `  ${kind}${link ? ` ${link}` : ''}: ${message}`),
  ].filter((part) => part !== '').map((part) => part.replace(/ +$/gm, '')).join('\n');
}

function optionTable(options: readonly OptionDeclaration[]): string {
  if (options.length === 0) return '';
  return table([['OPTION', 'VALUES', 'DEFAULT', 'MEANING'], ...options.map((one) => [one.name, expectation(one), one.required ? 'required' : one.default === undefined ? '-' : JSON.stringify(one.default), one.description])]);
}

function count({ minimum, maximum }: ListedLinkCount, noun: string): string {
  if (maximum === undefined) return `${minimum} or more ${noun}s`;
  return minimum === maximum ? countText(minimum, noun) : `${minimum} to ${maximum} ${noun}s`;
}
