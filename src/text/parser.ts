/** Reads the text of a setup, by recursive descent. The grammar stands in docs/guide/one-line.md. */
import type { SourceText, Span } from './source-text';
import type { ArgumentSyntax, ChainSyntax, EngineSyntax, ItemSyntax, OutputsSyntax, SegmentSyntax, SetupSyntax, ValueSyntax, Word } from './syntax';
import { tokensOf, type Token, type TokenKind } from './tokens';
import { MAXIMUM_NUMBERS, numbersOf } from './ranges';

/** Lists and tables inside each other. */
const MAXIMUM_DEPTH = 20;

/** @throws BricksError E_SETUP */
export function parseSetup(source: SourceText): SetupSyntax {
  return new Parser(source).setup();
}

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(private readonly source: SourceText) {
    this.tokens = tokensOf(source);
  }

  setup(): SetupSyntax {
    const modules: Word[] = [];
    const engines: EngineSyntax[] = [];
    let engine: { start: number; end: number; name?: Word; options: readonly ArgumentSyntax[]; chains: ChainSyntax[] } | undefined;
    for (this.skipBreaks(); this.next.kind !== 'end'; this.skipBreaks()) {
      if (this.isHeading('load')) {
        this.at++;
        modules.push(this.word('a file that defines bricks'));
        this.endOfStatement();
      } else if (this.isHeading('engine')) {
        engine = { ...this.heading(), chains: [] };
        engines.push(engine);
      } else {
        const chain = this.chain();
        if (engine === undefined) engines.push(engine = { start: chain.start, end: chain.end, options: [], chains: [] });
        engine.chains.push(chain);
        this.endOfStatement();
      }
    }
    return { modules, engines };
  }

  private get next(): Token {
    return this.tokens[this.at];
  }

  private kindAt(offset: number): TokenKind {
    return this.tokens[Math.min(this.at + offset, this.tokens.length - 1)].kind;
  }

  /** `engine NAME` or `load FILE`: the word alone is a link. */
  private isHeading(word: string): boolean {
    return this.next.kind === 'word' && this.next.text === word && (this.kindAt(1) === 'word' || this.kindAt(1) === 'string');
  }

  private heading(): { start: number; end: number; name: Word; options: readonly ArgumentSyntax[] } {
    const { start } = this.tokens[this.at++];
    const name = this.word('the name of the engine');
    const options = this.next.kind === '(' ? this.argumentsInParentheses(0) : [];
    this.expect(':', `after the engine's ${options.length > 0 ? 'options' : 'name'}`, `Write it as engine ${name.text} (cpu = 1): eth3 -> ...`);
    return { start, end: name.end, name, options };
  }

  private chain(): ChainSyntax {
    const { start } = this.next;
    const segments: SegmentSyntax[] = [this.segment()];
    for (;;) {
      this.joinNextLine();
      if (this.next.kind !== '->') break;
      this.at++;
      this.skipNewlines();
      segments.push(this.segment());
    }
    return { segments, start, end: this.tokens[this.at - 1].end };
  }

  /** A line that begins with an arrow goes on with the one before. */
  private joinNextLine(): void {
    let ahead = this.at;
    while (this.tokens[ahead].kind === 'newline') ahead++;
    if (this.tokens[ahead].kind === '->') this.at = ahead;
  }

  private segment(): SegmentSyntax {
    const items = [this.item()];
    while (this.next.kind === ',') {
      this.at++;
      this.skipNewlines();
      items.push(this.item());
    }
    return items;
  }

  private item(): ItemSyntax {
    const first = this.word('a link or a brick');
    let name: Word | undefined;
    let word = first;
    if (this.next.kind === ':') {
      this.at++;
      name = first;
      word = this.word(`the kind of the brick ${name.text}`);
    }
    const given = this.next.kind === '(' ? this.argumentsInParentheses(0) : undefined;
    const outputs = this.next.kind === '[' ? this.outputs() : undefined;
    return {
      ...(name === undefined ? {} : { name }), word, ...(given === undefined ? {} : { arguments: given }), ...(outputs === undefined ? {} : { outputs }),
      start: first.start, end: this.tokens[this.at - 1].end,
    };
  }

  private outputs(): OutputsSyntax {
    const { start } = this.tokens[this.at++];
    const numbers: number[] = [];
    do {
      if (numbers.length > 0) this.at++;
      const word = this.word('the number of an output');
      const more = word.quoted ? undefined : numbersOf(word.text);
      if (more === undefined) throw this.error(word, `${JSON.stringify(word.text)} is not the number of an output.`, 'Outputs count from 0: lb[0], lb[0, 2] or lb[1..3].');
      if (numbers.length + more.length > MAXIMUM_NUMBERS) throw this.error(word, `These are more than ${MAXIMUM_NUMBERS} outputs.`);
      numbers.push(...more);
    } while (this.next.kind === ',');
    this.expect(']', 'after the numbers of outputs', 'Outputs are written lb[0], lb[0, 2] or lb[1..3].');
    return { numbers, start, end: this.tokens[this.at - 1].end };
  }

  private argumentsInParentheses(depth: number): ArgumentSyntax[] {
    const open = this.tokens[this.at++];
    const given: ArgumentSyntax[] = [];
    for (this.skipNewlines(); this.next.kind !== ')'; this.skipNewlines()) {
      given.push(this.argument(depth));
      this.skipNewlines();
      if (this.next.kind !== ',') break;
      this.at++;
    }
    this.close(open, ')');
    return given;
  }

  private argument(depth: number): ArgumentSyntax {
    if (this.kindAt(1) !== '=') {
      const value = this.value(depth);
      return { value, start: value.start, end: value.end };
    }
    const name = this.word('the name of an option');
    this.at++;
    const value = this.value(depth);
    return { name, value, start: name.start, end: value.end };
  }

  private value(depth: number): ValueSyntax {
    const open = this.next;
    if (depth > MAXIMUM_DEPTH) throw this.error(open, `Values are nested more than ${MAXIMUM_DEPTH} deep.`);
    if (open.kind === '(') return { kind: 'table', entries: this.argumentsInParentheses(depth + 1), start: open.start, end: this.tokens[this.at - 1].end };
    if (open.kind !== '[') {
      const word = this.word('a value');
      return { kind: 'word', word, start: word.start, end: word.end };
    }
    this.at++;
    const items: ValueSyntax[] = [];
    for (this.skipNewlines(); this.next.kind !== ']'; this.skipNewlines()) {
      items.push(this.value(depth + 1));
      this.skipNewlines();
      if (this.next.kind !== ',') break;
      this.at++;
    }
    this.close(open, ']');
    return { kind: 'list', items, start: open.start, end: this.tokens[this.at - 1].end };
  }

  private word(wanted: string): Word {
    const token = this.next;
    if (token.kind !== 'word' && token.kind !== 'string') throw this.error(token, `Expected ${wanted}, found ${found(token)}.`, REMEDIES[token.kind] ?? '');
    this.at++;
    return { text: token.text, quoted: token.kind === 'string', start: token.start, end: token.end };
  }

  private expect(kind: TokenKind, where: string, remedy: string): void {
    if (this.next.kind !== kind) throw this.error(this.next, `Expected ${kind} ${where}, found ${found(this.next)}.`, remedy);
    this.at++;
  }

  /** The end of a list or of options. What stands there instead is most often a text of several words. */
  private close(open: Token, kind: ')' | ']'): void {
    const token = this.next;
    if (token.kind === kind) {
      this.at++;
      return;
    }
    if (token.kind === 'end' || token.kind === ';') throw this.error(open, `This ${open.kind} is not closed.`, `Close it with ${kind}.`);
    throw this.error(token, `Expected , or ${kind}, found ${found(token)}.`, 'Put a value with spaces or symbols in quotes: Filter("tcp port 80").');
  }

  private endOfStatement(): void {
    const { kind } = this.next;
    if (kind === 'newline' || kind === ';' || kind === 'end') return;
    const remedy = kind === 'word' || kind === 'string' ? 'Put -> between them, or a comma where several share an arrow, or ; to begin another chain.' : REMEDIES[kind] ?? '';
    throw this.error(this.next, `Expected ->, a comma or the end of the line, found ${found(this.next)}.`, remedy);
  }

  private skipBreaks(): void {
    while (this.next.kind === 'newline' || this.next.kind === ';') this.at++;
  }

  private skipNewlines(): void {
    while (this.next.kind === 'newline') this.at++;
  }

  private error(span: Span, message: string, remedy = ''): Error {
    return this.source.error(span, 'E_SETUP', message, remedy);
  }
}

const REMEDIES: Partial<Record<TokenKind, string>> = {
  '->': 'An arrow stands between links and bricks: eth3 -> LoadBalancer -> eth3{0..3',
  '(': 'Options stand behind the kind of a brick: LoadBalancer(4).',
  '[': 'Brackets stand behind a brick: lb[0] -> ..., or hold a list of values: weights = [2, 1].',
  '=': 'Options are written in parentheses: LoadBalancer(tuple = 2). Quote a name that contains =.',
  ':': 'A brick is named in front of its kind: lb: LoadBalancer(2).',
};

function found(token: Token): string {
  switch (token.kind) {
    case 'end': return 'the end of the text';
    case 'newline': return 'the end of the line';
    case 'word': return token.text;
    case 'string': return JSON.stringify(token.text);
    default: return token.kind;
  }
}
