/** Names and values as they are written: in quotes only where they have to be. */
import { expandLink } from './ranges';
import { SourceText } from './source-text';
import { tokensOf } from './tokens';

/** A name of an engine or an option that needs no quotes. */
const NAME = /^[A-Za-z_][\w-]*$/;
/** Words that begin a statement of their own. */
const HEADINGS = ['engine', 'load'];

const ESCAPED = /[\\"\p{C}\p{Zl}\p{Zp}]/u;
const SHORT: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\t': '\\t', '\r': '\\r' };

export function quote(text: string): string {
  return `"${[...text].map((character) => (ESCAPED.test(character) ? escape(character) : character)).join('')}"`;
}

function escape(character: string): string {
  const point = character.codePointAt(0) as number;
  if (point >= 0xdc80 && point <= 0xdcff) return `\\x${(point - 0xdc00).toString(16)}`;
  return SHORT[character] ?? `\\u{${point.toString(16)}}`;
}

/** Whether a word is read back as this very link without quotes. */
export function isPlainLink(name: string): boolean {
  // What is not UTF-8 is written as escapes: text is Unicode.
  if (HEADINGS.includes(name) || /\p{Cs}/u.test(name)) return false;
  const expanded = expandLink(name);
  return Array.isArray(expanded) && expanded.length === 1 && expanded[0] === name && isOneWord(name);
}

function isOneWord(text: string): boolean {
  try {
    const [first, second] = tokensOf(new SourceText(text));
    return first.kind === 'word' && first.text === text && second.kind === 'end';
  } catch {
    return false;
  }
}

export function nameText(name: string): string {
  return NAME.test(name) ? name : quote(name);
}

/** A value of an option. Lists stand in brackets, tables in parentheses. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return `(${optionsText(Object.entries(value))})`;
  return String(value);
}

/** `name = value, name = value`; what is not given is left out. */
export function optionsText(options: readonly (readonly [string, unknown])[]): string {
  return options.filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => `${nameText(name)} = ${valueText(value)}`).join(', ');
}
