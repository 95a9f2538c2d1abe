/** Ctrl-R on a terminal: finds a line of the history by a part of it. Stands between the terminal and readline. */
import { clearLine, cursorTo, type Interface } from 'node:readline';
import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { ReadStream } from 'node:tty';

const START = '\u0012';
const KEYS = { again: '\u0012', newer: '\u0013', abandon: ['\u0007', '\u0003'], erase: ['\u007f', '\b'], enter: ['\r', '\n'] };

/** What readline reads: all keys, but those that a search takes. */
export class SearchingInput extends Readable {
  readonly isTTY = true;
  private readonly decoder = new StringDecoder('utf8');
  private lines: Interface | undefined;
  private history: readonly string[] = [];
  private mayStart: () => boolean = () => false;
  /** The search at work: what is looked for, the place in the history of what was found, and what was typed before. */
  private search: { query: string; found: number; failed: boolean; readonly line: string; readonly cursor: number } | undefined;

  constructor(private readonly terminal: ReadStream, private readonly output: NodeJS.WritableStream & { readonly columns?: number }) {
    super();
    terminal.on('data', this.receive);
    terminal.on('end', () => this.emit('end'));
    // At once, as its own: readline listens no more when it has closed.
    terminal.on('error', (error) => this.listenerCount('error') > 0 && this.emit('error', error));
  }

  /** `mayStart` tells whether a line is being typed. */
  attach(lines: Interface, history: readonly string[], mayStart: () => boolean): void {
    this.lines = lines;
    this.history = history;
    this.mayStart = mayStart;
    lines.on('history', (all: string[]) => (this.history = [...all]));
    lines.on('close', () => {
      this.terminal.off('data', this.receive);
      this.terminal.pause();
    });
  }

  /** All keys are handed on as they come. */
  override _read(): void {}

  override pause(): this {
    this.terminal.pause();
    return super.pause();
  }

  override resume(): this {
    this.terminal.resume();
    return super.resume();
  }

  /** What readline asks of a terminal. */
  setRawMode(raw: boolean): this {
    this.terminal.setRawMode(raw);
    return this;
  }

  private readonly receive = (bytes: Buffer): void => {
    let passed = '';
    for (const key of this.decoder.write(bytes)) {
      if (this.search !== undefined) passed += this.key(key);
      else if (key === START && this.lines !== undefined && this.mayStart()) {
        this.pass(passed);
        passed = '';
        this.start(this.lines);
      } else passed += key;
    }
    this.pass(passed);
  };

  /** At once, so that readline has the line when a search begins: the stream's buffer would hand it on a turn later. */
  private pass(text: string): void {
    if (text !== '') this.emit('data', Buffer.from(text));
  }

  private start(lines: Interface): void {
    this.search = { query: '', found: -1, failed: false, line: lines.line, cursor: lines.cursor };
    lines.write(null, { ctrl: true, name: 'e' });
    lines.write(null, { ctrl: true, name: 'u' });
    this.show();
  }

  /** Takes a key of a search; returns what is readline's. */
  private key(key: string): string {
    const search = this.search!;
    if (KEYS.abandon.includes(key)) {
      this.leave(search.line, search.cursor);
      return '';
    }
    if (key === KEYS.again) {
      if (search.query !== '') this.look(search.found + 1, 1);
    } else if (key === KEYS.newer) {
      if (search.query !== '') this.look(search.found - 1, -1);
    } else if (KEYS.erase.includes(key)) {
      search.query = [...search.query].slice(0, -1).join('');
      search.failed = false;
      if (search.query === '') search.found = -1;
      else this.look(0, 1);
    } else if (key < ' ') {
      // Enter runs what was found; any other key goes on with it.
      this.leave(this.history[search.found] ?? search.line);
      return KEYS.enter.includes(key) ? '\r' : key;
    } else {
      search.query += key;
      this.look(Math.max(search.found, 0), 1);
    }
    this.show();
    return '';
  }

  /** Looks from a place of the history on, to older lines or newer ones. */
  private look(from: number, step: 1 | -1): void {
    const search = this.search!;
    const shown = this.history[search.found];
    for (let index = from; index >= 0 && index < this.history.length; index += step) {
      if (!this.history[index].includes(search.query) || (step === 1 && index !== search.found && this.history[index] === shown)) continue;
      search.found = index;
      search.failed = false;
      return;
    }
    search.failed = true;
  }

  /** One row, whatever was found: the terminal's width cuts it. */
  private show(): void {
    const { query, found, failed } = this.search!;
    const text = `(${failed ? 'no other line' : 'history'}) ${query}: ${this.history[found] ?? ''}`;
    cursorTo(this.output, 0);
    clearLine(this.output, 0);
    this.output.write([...text].slice(0, Math.max(1, (this.output.columns || 80) - 1)).join(''));
  }

  private leave(line: string, cursor = line.length): void {
    this.search = undefined;
    cursorTo(this.output, 0);
    clearLine(this.output, 0);
    this.lines!.prompt();
    this.lines!.write(line);
    for (let at = line.length; at > cursor; at--) this.lines!.write(null, { name: 'left' });
  }
}
