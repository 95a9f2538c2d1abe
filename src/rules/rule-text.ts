/** Which rule a packet met, in the words of a trace. */
import type { ListedRule } from './rule-book';
import type { FoundRule } from './rule-views';

/** What the engine's half asks, if it is that. */
export function readFound(asked: unknown): FoundRule | undefined {
  const { found, order } = (typeof asked === 'object' && asked !== null ? asked : {}) as Partial<Record<keyof FoundRule, unknown>>;
  return Number.isInteger(found) && Number.isInteger(order) ? { found: Number(found), order: Number(order) } : undefined;
}

/** `rule "scanner" matches: drop 198.51.100.0/24, priority 5`. */
export function ruleText({ id, type, match, priority, to, set, location }: ListedRule): string {
  const parts = [`${type} ${match}`, `priority ${priority}`];
  if (to !== undefined) parts.push(`output ${to}`);
  if (set) parts.push(`sets ${Object.entries(set).map(([field, value]) => `${field} ${value}`).join(' ')}`);
  if (location !== undefined) parts.push(location);
  return `rule ${typeof id === 'string' ? JSON.stringify(id) : id} matches: ${parts.join(', ')}`;
}
