/** Sends a daemon the rules of a text, in parts that its protocol takes. */
import type { Daemon } from '../../client/daemon';
import { LIMITS } from '../../protocol/limits';
import { isJsonList } from '../../rules/rule-lines';
import { ruleError } from '../../rules/read-rule';
import { messageOf } from '../../model/errors';

/** Characters of a part: in JSON each may take six bytes, and the rest of the message is short. */
const PART = Math.floor(LIMITS.requestBytes / 8);

/** Which filter is meant, as the commands have it. */
export interface FilterChoice {
  readonly name?: string | undefined;
  readonly brick?: string | undefined;
}

/** Returns how many rules are in place. @throws BricksError E_RULE, or what the daemon says; then none is */
export async function sendRules(daemon: Daemon, choice: FilterChoice, text: string): Promise<number> {
  const lines = isJsonList(text) ? linesOfList(text) : text;
  let load: number | undefined;
  for (let begin = 0; ;) {
    const end = endOfPart(lines, begin);
    const last = end === lines.length;
    const part = await daemon.call('filter.load', { ...choice, text: lines.slice(begin, end), load, last });
    if (last) return part.rules;
    load = part.load;
    begin = end;
  }
}

/** A part ends with a line, however long. */
function endOfPart(text: string, begin: number): number {
  if (text.length - begin <= PART) return text.length;
  const inside = text.lastIndexOf('\n', begin + PART);
  if (inside >= begin) return inside + 1;
  const behind = text.indexOf('\n', begin + PART);
  return behind < 0 ? text.length : behind + 1;
}

/** A list in JSON as one rule a line. @throws BricksError E_RULE */
function linesOfList(text: string): string {
  try {
    return (JSON.parse(text) as readonly unknown[]).map((rule) => (typeof rule === 'string' ? rule : JSON.stringify(rule))).join('\n');
  } catch (error) {
    throw ruleError(`The rules are not valid JSON: ${messageOf(error)}.`, 'Write a list of rules: [{"drop": "192.0.2.1"}].');
  }
}
