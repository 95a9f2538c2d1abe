/** Why a filter passed a packet or dropped it, for those who trace packets. */
import type { Explanation, Packets } from '../model/brick';
import type { RuleSelection } from '../rules/rule-selection';
import { PacketFilter, type FilterRules } from './filter-expression';

/** Asks each expression again, of the one packet. */
export function explainFilter({ memory, offset, length, wireLength, batch }: Packets, { accept, drop, expression }: FilterRules, rules: RuleSelection | undefined): (row: number) => string | Explanation {
  const packets = { memory, offset, length, wireLength };
  const rows = new Uint16Array(1);
  const next = new Uint16Array(1);
  const matcher = (text: string | undefined): ((row: number) => boolean) | undefined => {
    if (text === undefined) return undefined;
    const filter = new PacketFilter({ expression: text });
    return (row) => {
      rows[0] = row;
      filter.select(packets, batch.linkType, rows, 1, next);
      return next[0] === 0;
    };
  };
  const [accepts, drops, passes] = [accept, drop, expression].map(matcher);
  return (row) => {
    if (accepts?.(row) === true) return `accept "${accept}" matches`;
    const rule = rules?.explain(row);
    if (rule !== undefined) return rule;
    const before = rules ? 'no rule matches, ' : '';
    if (passes?.(row) === false) return `${before}"${expression}" does not match`;
    if (drops?.(row) === true) return `${before}drop "${drop}" matches`;
    if (passes) return `${before}"${expression}" matches`;
    return drops ? `${before}drop "${drop}" does not match` : rules ? 'no rule matches' : 'it has no rules';
  };
}
