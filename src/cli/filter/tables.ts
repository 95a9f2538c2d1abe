/** Rules and their counts for people. */
import type { FilterStatistics } from '../../protocol/commands/filters';
import type { ListedRule } from '../../rules/rule-book';
import { RULE_TYPES } from '../../rules/rule';
import { table } from '../output';

const NUMBERS = ['rules', 'limit', 'added', 'removed', 'expired', 'refused'] as const;

/** Nothing where there are none. */
export function ruleTable(rules: readonly ListedRule[]): string {
  if (rules.length === 0) return '';
  const seconds = (given: number | undefined): string => (given === undefined ? '-' : `${Math.round(given * 10) / 10}`);
  const rows = rules.map(({ id, type, match, to, set, priority, expires, idle, packets, bytes, location, duration, tcpFlags }) => [
    String(id), type, match, to === undefined ? '-' : String(to), String(priority), seconds(expires), String(packets), String(bytes), seconds(idle),
    [...Object.entries(set ?? {}).map(([field, value]) => `${field}=${value}`), ...(duration === undefined ? [] : [`duration=${duration}`]), ...(tcpFlags === undefined ? [] : [`flags=${tcpFlags}`]), ...(location === undefined ? [] : [location])].join(' '),
  ]);
  return `${table([['ID', 'TYPE', 'MATCH', 'TO', 'PRIORITY', 'EXPIRES', 'PACKETS', 'BYTES', 'IDLE', 'MORE'], ...rows])}\n`;
}

export function statisticsTables(filters: readonly FilterStatistics[]): string {
  return filters.map((filter) => {
    const { engine, brick, id, inputs, outputs, totals } = filter;
    return [
      `${brick} (${id}) of engine ${engine}: ${inputs.join(', ')} -> ${outputs.join(', ')}`,
      table([NUMBERS.map((name) => `  ${name.toUpperCase()}`), NUMBERS.map((name) => `  ${filter[name]}`)]),
      ...(filter.notKept === undefined ? [] : [`  rules are not kept: ${filter.notKept}`]),
      table([['  TYPE', 'PACKETS', 'BYTES'], ...RULE_TYPES.map((type) => [`  ${type}`, String(totals[type].packets), String(totals[type].bytes)])]),
    ].join('\n');
  }).join('\n\n').replace(/.$/, '$&\n');
}
