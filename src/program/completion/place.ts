/** Where in a line of Lua the cursor stands: within which quotes, call and table. */
import type { ObjectKind } from '../../lua/lua-host';

/** The call in whose arguments the cursor stands. */
export interface Call {
  /** The function's name: `Brick.new`, or `connect_input` of a method. */
  readonly name: string;
  /** The variable whose method it is, if it is that of one. */
  readonly receiver: string;
  /** The kind of the brick that was made in the same expression: `Brick.new("PcapReader"):connect_input(`. */
  readonly kind?: string;
  /** Which argument, from 0 on. */
  readonly argument: number;
  /** Its first argument, if that is a string. */
  readonly first?: string;
}

export interface Place {
  /** `key`: where a table's fields begin; `value`: behind `field =`; `method`: behind the colon of what a call returns. */
  readonly at: 'name' | 'method' | 'string' | 'key' | 'value' | 'nowhere';
  /** What is typed of it. */
  readonly word: string;
  /** Of a string: what ends it. */
  readonly quote: string;
  readonly call?: Call;
  /** Fields of tables that the cursor stands in, from the outermost table on; the last one is that of a value or string. */
  readonly path: readonly (string | undefined)[];
  /** Fields that the innermost table has already. */
  readonly fields: readonly string[];
  /** Of a method: whose. */
  readonly of?: ObjectKind;
}

/** A prefix expression, as far as it is read: a name, a method of one, or what a call returned. */
interface Expression {
  /** All names with their dots and colons: `pe:link`. */
  path: string;
  /** Without the last one. */
  receiver: string;
  name: string;
  made?: ObjectKind;
  kind?: string;
}

/** An open bracket. */
interface Frame {
  readonly open: string;
  /** The call whose arguments it holds, if it does. */
  readonly callee?: Expression;
  argument: number;
  first?: string;
  /** Of a table: the field whose value comes, those that there are, and whether a field may begin here. */
  field?: string;
  readonly fields: string[];
  begins: boolean;
}

const CLOSING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const TOKEN = /^(?:[A-Za-z_]\w*|\.?\d(?:[eEpP][+-]|[\w.])*|\s+|\.\.\.?|[=~<>]=|[^])/;
const NOT_BEFORE_CALLS = new Set(['and', 'or', 'not', 'return', 'if', 'while', 'until', 'in', 'do', 'then', 'else', 'elseif', 'end', 'repeat', 'local', 'function', 'for']);

/** Reads what is typed up to the cursor. */
export function placeAt(text: string): Place {
  return new Reader(text).read();
}

class Reader {
  private readonly frames: Frame[] = [{ open: '', argument: 0, fields: [], begins: false }];
  private expression: Expression | undefined;
  /** A dot or colon that a name is to follow. */
  private joint = '';
  private at = 0;

  constructor(private readonly text: string) {}

  read(): Place {
    while (this.at < this.text.length) {
      const place = this.comment() ?? this.string() ?? this.token();
      if (place !== undefined) return place;
    }
    return this.bare('');
  }

  private get frame(): Frame {
    return this.frames[this.frames.length - 1];
  }

  /** A comment is passed over; one that goes on is nowhere. */
  private comment(): Place | undefined {
    if (!this.text.startsWith('--', this.at)) return undefined;
    const long = /^--\[(=*)\[/.exec(this.text.slice(this.at));
    const end = this.text.indexOf(long ? `]${long[1]}]` : '\n', this.at);
    if (end < 0) return this.place('nowhere', '');
    this.at = end + (long ? long[1].length + 2 : 1);
    return this.read();
  }

  private string(): Place | undefined {
    const rest = this.text.slice(this.at);
    const long = /^\[(=*)\[/.exec(rest);
    const quote = long ? `]${long[1]}]` : rest[0];
    if (!long && quote !== '"' && quote !== "'") return undefined;
    const start = this.at + (long ? long[0].length : 1);
    const length = long ? this.text.indexOf(quote, start) - start : lengthTo(this.text, start, quote);
    if (length < 0) {
      // The argument of a call without parentheses.
      if (this.expression) this.open('(');
      return this.place('string', this.text.slice(start), quote);
    }
    const value = this.text.slice(start, start + length);
    this.at = start + length + quote.length;
    if (this.expression) {
      this.open('(');
      this.frame.first = value;
      this.close('(');
    } else {
      if (this.frame.argument === 0 && this.frame.open === '(') this.frame.first = value;
      this.expression = { path: '', receiver: '', name: '', made: 'string' };
    }
    this.frame.begins = false;
    return undefined;
  }

  private token(): Place | undefined {
    const [token] = TOKEN.exec(this.text.slice(this.at))!;
    const ends = this.at + token.length === this.text.length;
    this.at += token.length;
    if (/^\s/.test(token)) return undefined;
    if (/^[A-Za-z_]/.test(token)) return this.name(token, ends);
    if (/^\.?\d/.test(token)) {
      this.expression = undefined;
      this.frame.begins = false;
      return ends ? this.place('nowhere', token) : undefined;
    }
    this.symbol(token);
    return undefined;
  }

  private name(token: string, ends: boolean): Place | undefined {
    if (ends) return this.bare(token);
    const { frame, expression } = this;
    if (this.joint) {
      this.expression = expression && { ...expression, path: expression.path && expression.path + this.joint + token, receiver: expression.path, name: token };
    } else {
      this.expression = NOT_BEFORE_CALLS.has(token) ? undefined : { path: token, receiver: '', name: token };
      // The name of a field, if = comes next.
      if (frame.open === '{' && frame.begins && /^\s*=(?!=)/.test(this.text.slice(this.at))) {
        frame.field = token;
        frame.fields.push(token);
        this.expression = undefined;
      }
    }
    frame.begins = false;
    this.joint = '';
    return undefined;
  }

  private symbol(token: string): void {
    if (token === '.' || token === ':') {
      this.joint = token;
      return;
    }
    if (token === '(' || token === '{' || token === '[') {
      this.open(token);
      return;
    }
    if (CLOSING[token]) {
      this.close(CLOSING[token]);
      return;
    }
    this.expression = undefined;
    this.joint = '';
    const { frame } = this;
    if (token !== ',' && token !== ';') {
      frame.begins = false;
      return;
    }
    frame.argument++;
    delete frame.field;
    frame.begins = frame.open === '{';
  }

  private open(bracket: string): void {
    const callee = bracket === '[' ? undefined : this.expression;
    this.frames.push({ open: bracket, ...(callee ? { callee } : {}), argument: 0, fields: [], begins: bracket === '{' });
    this.expression = undefined;
    this.joint = '';
  }

  private close(bracket: string): void {
    if (this.frame.open !== bracket || this.frames.length === 1) return;
    const { callee, first } = this.frames.pop()!;
    this.expression = callee && resultOf(callee, first);
    this.joint = '';
  }

  /** The cursor stands behind a word, or where one may begin. */
  private bare(word: string): Place {
    const { frame, expression, joint } = this;
    const dotted = /[A-Za-z_][\w.:]*$/.exec(this.text)?.[0] ?? word;
    if (joint) {
      if (expression?.made) return { ...this.place('method', word), of: expression.made };
      return this.place(expression?.path ? 'name' : 'nowhere', dotted);
    }
    if (frame.open === '{' && frame.begins) return this.place('key', word);
    if (frame.open === '{' && frame.field !== undefined && /=\s*\w*$/.test(this.text)) return this.place('value', word);
    return this.place('name', word);
  }

  private place(at: Place['at'], word: string, quote = ''): Place {
    const path: (string | undefined)[] = [];
    let index = this.frames.length - 1;
    const { fields } = this.frames[index];
    for (; index > 0 && this.frames[index].open === '{'; index--) {
      path.unshift(this.frames[index].field);
      if (this.frames[index].callee) break;
    }
    const { callee, argument, first, open } = this.frames[index];
    if (!callee) return { at, word, quote, path, fields };
    const { name, receiver, kind } = callee;
    const called = /^(Brick|PktEngine)[.:]/.exec(callee.path) ? callee.path.replace(':', '.') : name;
    return { at, word, quote, path, fields, call: { name: called, receiver, ...(kind === undefined ? {} : { kind }), argument: open === '{' ? 0 : argument, ...(first === undefined ? {} : { first }) } };
  }
}

/** Characters up to the quote that ends a string, or -1. */
function lengthTo(text: string, start: number, quote: string): number {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === quote) return at - start;
    else if (text[at] === '\n') return -1;
  }
  return -1;
}

/** What a call returns, as far as names tell: methods of our objects return their object. */
function resultOf({ path, receiver, name, made, kind }: Expression, first: string | undefined): Expression {
  const result: Expression = { path: '', receiver: '', name: '' };
  if (/^Brick[.:]new$/.test(path)) return { ...result, made: 'Brick', ...(first === undefined ? {} : { kind: first }) };
  if (/^PktEngine[.:](new|retrieve)$/.test(path)) return { ...result, made: 'PktEngine' };
  if (made) return { ...result, made, ...(kind === undefined ? {} : { kind }) };
  if (/^connect_/.test(name)) return { path: receiver, receiver: '', name: '', made: 'Brick' };
  return result;
}
