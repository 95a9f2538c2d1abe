/** The text of a setup, and errors that show the place in it. */
import type { ErrorCode } from '../model/error-codes';
import { BricksError } from '../model/errors';
import { readable } from '../model/file-name';

/** A part of the text: from one offset to before another. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Columns of a line that are shown around the place. */
const SHOWN = 100;
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f]/g;

export class SourceText {
  /** `name` is the file's, if it comes from one. */
  constructor(readonly text: string, private readonly name?: string) {}

  /** An error that says where it is, and shows the line with the place underlined. */
  error(span: Span, code: ErrorCode, message: string, remedy = ''): BricksError {
    const { line, column } = this.position(span.start);
    const place = this.name === undefined ? `line ${line}, column ${column}` : `${this.name}:${line}:${column}`;
    const told = `${place}: ${message}`;
    const picture = this.picture(span);
    return remedy === '' ? new BricksError(code, `${told}\n${picture}`) : new BricksError(code, told, `${remedy}\n${picture}`);
  }

  /** Both from 1; a column is a character. */
  private position(offset: number): { line: number; column: number } {
    const before = this.text.slice(0, offset);
    const start = before.lastIndexOf('\n') + 1;
    return { line: before.split('\n').length, column: [...before.slice(start)].length + 1 };
  }

  private picture({ start, end }: Span): string {
    const lineStart = this.text.lastIndexOf('\n', start - 1) + 1;
    const next = this.text.indexOf('\n', start);
    const lineEnd = next < 0 ? this.text.length : next;
    const before = shown(this.text.slice(lineStart, start)).slice(-SHOWN);
    const marked = shown(this.text.slice(start, Math.min(end, lineEnd))).slice(0, SHOWN);
    const after = shown(this.text.slice(Math.min(end, lineEnd), lineEnd)).slice(0, SHOWN);
    const carets = '^'.repeat(Math.max(1, marked.length));
    return `    ${[...before, ...marked, ...after].join('')}\n    ${' '.repeat(before.length)}${carets}`;
  }
}

/** As characters that each take a column (nearly always): what does not print is a space. */
function shown(text: string): string[] {
  return [...readable(text).replace(UNPRINTABLE, ' ').replace(/\p{Cs}/gu, '\ufffd')];
}
