/** The words of the language in which a setup is written in one line: docs/guide/one-line.md. */
import type { SourceText, Span } from './source-text';

export type TokenKind = 'word' | 'string' | '->' | ',' | '(' | ')' | '[' | ']' | '=' | ':' | ';' | 'newline' | 'end';

export interface Token extends Span {
  readonly kind: TokenKind;
  /** A word as it is written, a string without its quotes. */
  readonly text: string;
}

/** Setups are written by hand or by small programs: what is longer is something else. */
const MAXIMUM_TEXT = 1 << 20;

/** What a word may not contain: space, quotes, what has a meaning of its own, and what does not print (lone surrogates are bytes of file names). */
const NOT_IN_WORD = /[\s"'`\\()[\],;=<>|]|(?!\p{Cs})[\p{Z}\p{C}]/u;
const SYMBOLS = [',', '(', ')', '[', ']', '=', ';'] as const;
const BLANK = /[ \t\r]/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'" };
/** Where file names hold bytes that are not UTF-8: src/model/file-name.ts. */
const BYTES = 0xdc00;

/** @throws BricksError E_SETUP */
export function tokensOf(source: SourceText): Token[] {
  const { text } = source;
  if (text.length > MAXIMUM_TEXT) throw source.error({ start: 0, end: 1 }, 'E_SETUP', `The setup has ${text.length} characters; the maximum is ${MAXIMUM_TEXT}.`);
  const tokens: Token[] = [];
  let at = 0;
  const add = (kind: TokenKind, length: number, own = text.slice(at, at + length)): void => {
    tokens.push({ kind, text: own, start: at, end: at + length });
    at += length;
  };
  while (at < text.length) {
    const character = text[at];
    const symbol = SYMBOLS.find((one) => one === character);
    if (BLANK.test(character)) at++;
    else if (character === '\n') add('newline', 1);
    else if (character === '#') at = endOfLine(text, at);
    else if (text.startsWith('->', at)) add('->', 2);
    else if (symbol !== undefined) add(symbol, 1);
    else if (character === ':') add(':', 1);
    else if (character === '"' || character === "'") {
      const { value, length } = stringAt(source, at);
      add('string', length, value);
    } else {
      const length = wordLength(text, at);
      if (length === 0) throw unexpected(source, at);
      add('word', length);
    }
  }
  tokens.push({ kind: 'end', text: '', start: at, end: at });
  return tokens;
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function isInWord(text: string, at: number): boolean {
  return at < text.length && !NOT_IN_WORD.test(String.fromCodePoint(text.codePointAt(at) as number));
}

/** A colon belongs to a word that goes on behind it (vale0:a), and an arrow never does. */
function wordLength(text: string, start: number): number {
  let at = start;
  while (isInWord(text, at) && !text.startsWith('->', at)) {
    if (text[at] === ':' && !isInWord(text, at + 1)) break;
    at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
  }
  return at - start;
}

/** @throws BricksError E_SETUP */
function stringAt(source: SourceText, start: number): { value: string; length: number } {
  const { text } = source;
  const quote = text[start];
  let value = '';
  for (let at = start + 1; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === quote) return { value, length: at + 1 - start };
    if (text[at] !== '\\') {
      value += text[at];
      continue;
    }
    const [all, meant] = escapeAt(source, at);
    value += meant;
    at += all.length - 1;
  }
  throw source.error({ start, end: start + 1 }, 'E_SETUP', 'This quote is not closed on its line.', `Close it with ${quote}, and write a line break inside it as \\n.`);
}

/** An escape as it is written, and what it means. @throws BricksError E_SETUP */
function escapeAt(source: SourceText, at: number): [string, string] {
  const rest = source.text.slice(at, at + 12);
  const plain = ESCAPES[rest[1]];
  if (plain !== undefined) return [rest.slice(0, 2), plain];
  const byte = /^\\x([89a-f][0-9a-f])/i.exec(rest);
  if (byte) return [byte[0], String.fromCharCode(BYTES + Number.parseInt(byte[1], 16))];
  const point = /^\\u\{([0-9a-f]{1,6})\}/i.exec(rest);
  if (point && Number.parseInt(point[1], 16) <= 0x10ffff) return [point[0], String.fromCodePoint(Number.parseInt(point[1], 16))];
  throw source.error({ start: at, end: at + 2 }, 'E_SETUP', `Unknown escape ${rest.slice(0, 2)}.`, 'There are \\\\ \\" \\\' \\n \\r \\t, \\u{e9} for a character, and \\xe9 for a byte (80 to ff) of a file name that is not UTF-8.');
}

function unexpected(source: SourceText, at: number) {
  const character = String.fromCodePoint(source.text.codePointAt(at) as number);
  const shown = /\p{Z}|\p{C}/u.test(character) ? `the character U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}` : character;
  const remedy = character === '>' || character === '=' ? 'Arrows are written ->.'
    : character === '|' ? 'Bricks are chained with ->.'
      : 'Put names with such characters in quotes.';
  return source.error({ start: at, end: at + character.length }, 'E_SETUP', `Unexpected ${shown}.`, remedy);
}
