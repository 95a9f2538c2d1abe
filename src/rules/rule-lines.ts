/**
 * Rules in text, one a line: an address, a subnet, a hardware address or a tuple, each of which is dropped; the same in the first column of a CSV that lists addresses; or a rule in JSON. A
 * file that is one JSON list is read as such. Comments begin with `#`, `;` or `//`.
 */
import { BricksError, messageOf } from '../model/errors';
import { parseSubnet } from './addresses';
import { parseEntity } from './entity-text';
import { dropOf, readRule, ruleError } from './read-rule';
import type { Entity, Rule } from './rule';

/** As many as a filter may have. */
const RULES_MAXIMUM = 16_000_000;

/** Reads text line by line, in as many parts as it comes in. */
export class RuleLineReader {
  private line = 0;
  private rules = 0;

  /** The rules of a part, which ends with a line. @throws BricksError E_RULE, with the number of the line */
  read(text: string): Rule[] {
    const rules: Rule[] = [];
    for (let begin = 0; begin < text.length;) {
      let end = text.indexOf('\n', begin);
      if (end < 0) end = text.length;
      this.line++;
      const found = parseLine(text.slice(begin, end).trim(), this.line, this.rules === 0);
      if (found) {
        rules.push(found);
        this.rules++;
      }
      if (this.rules > RULES_MAXIMUM) throw ruleError(`There are more than ${RULES_MAXIMUM} rules.`, 'Make the list shorter.');
      begin = end + 1;
    }
    return rules;
  }
}

/** Whether text is one list in JSON, not lines. */
export function isJsonList(text: string): boolean {
  return /^\s*\[\s*[{"\]]/.test(text);
}

/** @throws BricksError E_RULE, with the number of the line */
export function parseRuleLines(text: string): Rule[] {
  return isJsonList(text) ? parseJsonList(text) : new RuleLineReader().read(text);
}

function parseLine(line: string, number: number, first: boolean): Rule | undefined {
  if (line === '' || line.startsWith('#') || line.startsWith(';') || line.startsWith('//')) return undefined;
  try {
    if (line.startsWith('{')) return parseJsonLine(line);
    const entity = entityOfLine(line);
    if (entity) return dropOf(entity);
    // The names of the columns.
    if (first && /[,;\t]/.test(line) && /[a-z_]/i.test(line) && !/\d+\.\d+\.\d+/.test(line)) return undefined;
    return dropOf(parseEntity(line));
  } catch (error) {
    throw ruleError(`Line ${number} is not a rule: ${messageOf(error)}`, 'Write one address, subnet, tuple or JSON rule a line.');
  }
}

/** A rule, or one of the lines that Spamhaus publishes: `{"cidr":"192.0.2.0/24","sblid":"SBL1"}`, ended by one about the list itself. */
function parseJsonLine(line: string): Rule | undefined {
  const value = JSON.parse(line) as Readonly<Record<string, unknown>>;
  if (typeof value['cidr'] === 'string') return readRule({ drop: value['cidr'] });
  if (value['type'] === 'metadata') return undefined;
  return readRule(value);
}

/** The address or subnet that is alone on a line but for a comment, or the first in a line of a CSV; undefined for all else. */
function entityOfLine(line: string): Entity | undefined {
  const end = line.search(/[\s,;#"]/);
  const subnet = parseSubnet(end < 0 ? line : line.slice(0, end));
  if (subnet && (end < 0 || /^\s*[;#]/.test(line.slice(end)))) return { kind: 'address', subnet };
  if (!/[,;\t]/.test(line)) return undefined;
  const columns = line.split(/[,;\t]/).map((column) => column.trim().replace(/^"(.*)"$/, '$1'));
  // Five columns of a tuple begin with an address too.
  if (subnet && columns.length >= 4 && /^\d{1,5}$/.test(columns[1]) && parseSubnet(columns[2])) return undefined;
  const found = columns.map(parseSubnet).find((candidate) => candidate !== undefined);
  return found && { kind: 'address', subnet: found };
}

function parseJsonList(text: string): Rule[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw ruleError(`The rules are not valid JSON: ${messageOf(error)}.`, 'Write a list of rules: [{"drop": "192.0.2.1"}].');
  }
  return (list as readonly unknown[]).map((value, index) => {
    try {
      return readRule(value);
    } catch (error) {
      throw new BricksError('E_RULE', `Rule ${index + 1} of the list: ${messageOf(error)}`, 'Write rules as: {"drop": "192.0.2.1", "expire": 60}.');
    }
  });
}
