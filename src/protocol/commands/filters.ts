/** Commands about the rules of filters. */
import type { ListedRule, RuleId, RuleStatistics } from '../../rules/rule-book';
import { command } from '../declare';
import { structured } from '../parameters';

/** Which filter is meant. */
export interface NamedFilter {
  /** The name of its engine. */
  readonly engine: string;
  /** The number of the brick, as for `brick.call`. */
  readonly id: number;
  /** What it is called in statistics: `Filter`, or `Filter#2` where the engine has several. */
  readonly brick: string;
}

/** The counts of a filter, and of its rules by type. */
export interface FilterStatistics extends NamedFilter, RuleStatistics {
  /** Names of the links that it reads. */
  readonly inputs: readonly string[];
  /** Names of the links that it writes to, by number. */
  readonly outputs: readonly string[];
}

const which = {
  name: { type: 'string', description: 'the name of the engine, unless only one has such a filter' },
  brick: { type: 'string', description: 'the filter, unless there is only one: its number, its name in statistics, or the name of one of its outputs' },
} as const;

export const FILTER_COMMANDS = {
  'filter.statistics': command<readonly FilterStatistics[]>()({
    access: 'read', summary: 'Show how many rules filters hold, and what these did, by type.',
    result: 'for each filter that takes rules: `engine`, `id`, `brick`, `inputs`, `outputs`, `rules`, `limit`, `added`, `removed`, `expired`, `refused`, `totals` of packets and bytes by type, and `notKept`: why rules are not kept, where `keep` fails',
    parameters: which,
  }),
  'filter.rules': command<readonly ListedRule[]>()({
    access: 'read', summary: 'List the rules of a filter, with their counts.',
    result: 'for each rule its `id`, `type`, `match`, `priority`, `packets` and `bytes`; and where it has them `to`, `set`, `location`, `expires` (seconds that are left), `idle` (seconds since the last packet), `tcpFlags` (those that its TCP packets had, such as `SYN,ACK`), and of a shunt `duration` (seconds from its first packet to its last; 65535 for longer)',
    parameters: { ...which, most: { type: 'integer', minimum: 0, maximum: 100_000, default: 1000, description: 'the greatest number of rules to list' } },
  }),
  'filter.add': command<readonly RuleId[]>()({
    access: 'control', summary: 'Add rules to a filter: all of them, or none if one is not valid.', result: 'the ids of the rules',
    parameters: { ...which, rules: structured<readonly (string | Readonly<Record<string, unknown>>)[]>()({ type: 'list', required: true, description: 'the rules, as [the guide](../guide/rules.md) has them' }) },
    positional: ['rules'],
  }),
  'filter.remove': command<number>()({
    access: 'control', summary: 'Remove rules of a filter by their ids.', result: 'how many there were',
    parameters: { ...which, ids: structured<readonly RuleId[]>()({ type: 'list', required: true, description: 'the ids' }) }, positional: ['ids'],
  }),
  'filter.clear': command<number>()({
    access: 'control', summary: 'Remove all rules of a filter.', result: 'how many there were', parameters: which,
  }),
  'filter.load': command<{ readonly load: number; readonly rules: number }>()({
    access: 'control', summary: 'Add rules to a filter from text, one a line, in one part or in several: all of them, or none if one is not valid.',
    result: '`load`, the number for the next part, and `rules`: how many have come',
    parameters: {
      ...which,
      text: { type: 'string', required: true, description: 'lines as in a file of rules' },
      load: { type: 'integer', minimum: 1, description: 'which list this part belongs to, unless it is the first; a list of which nothing comes for 30 s is given up' },
      last: { type: 'boolean', default: true, description: 'whether it is the last part, which puts all of them in place' },
    },
    positional: ['text'],
  }),
} as const;
