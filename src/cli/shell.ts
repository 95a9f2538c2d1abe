/** The Lua shell on a terminal, and Lua read from standard input where there is none. */
import { appendFileSync, chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { isatty } from 'node:tty';
import { formatFailure, type RunResult } from '../lua/lua-host';
import { sayError } from '../program/messages';
import type { ShellHost } from '../program/shell-host';
import { SearchingInput } from './reverse-search';

const PROMPT = 'bricks> ';
const CONTINUATION_PROMPT = '     >> ';
const HISTORY_LINES = 1000;
const HELP = `Lua 5.1. Try:
  ? BRICKS           commands of the program
  ? PktEngine        engines: new, link, start, stop, show_stats, delete, and their options
  ? Brick            bricks: new, connect_input, connect_output, link, and all kinds of them
  ? LoadBalancer     one kind of brick, with its options; also ? pcap for a backend, or ? and a variable
  = expression       prints values; a name alone does the same
Tab completes names and, inside quotes, bricks, links, options and files. Ctrl-R searches the history.
Ctrl-C ends what is running, or clears what is typed; Ctrl-D exits.`;
/** What asks for help, alone or with a word. */
const HELP_FORMS = [/^(?:help|\?)\s*(?:\(\s*\))?$/, /^(?:help\s+|\?\s*)"?([A-Za-z_][\w.:-]*)"?(?:\(\s*\))?$/, /^([A-Za-z_][\w.:]*)\s*\?$/];

function historyFile(): string {
  return process.env['BRICKS_HISTORY'] ?? join(homedir(), '.bricks_history');
}

/** History is a convenience: what another user left there, or a home without room or permission, must not end the shell. */
function readHistory(): string[] {
  try {
    const file = historyFile();
    return statSync(file).isFile() ? readFileSync(file, 'utf8').split('\n').filter(Boolean).slice(-HISTORY_LINES).reverse() : [];
  } catch {
    return [];
  }
}

function remember(line: string): void {
  try {
    const file = historyFile();
    if (!existsSync(file)) {
      writeFileSync(file, '');
      chmodSync(file, 0o600);
    }
    appendFileSync(file, `${line}\n`);
  } catch {
    // as above
  }
}

export interface ShellTexts {
  /** What a terminal shows first. */
  readonly greeting: string;
  /** What it shows for Ctrl-C where nothing runs. */
  readonly leave: string;
}

export const OWN_TEXTS: ShellTexts = { greeting: 'This is a Lua shell. Type help for help, Ctrl-D to exit.', leave: 'Ctrl-D exits.' };

/** Runs until the user leaves; resolves with the exit code. */
export class Shell {
  private readonly lines: Interface;
  private pending = '';
  /** Lines of a pipe so far. */
  private read = 0;

  /** Once `leaving` is true, interruptions are no longer reported. */
  constructor(private readonly host: ShellHost, private readonly terminal: boolean, private readonly texts: ShellTexts, private readonly leaving: () => boolean = () => false) {
    if (!terminal) {
      this.lines = createInterface({ input: process.stdin, terminal });
      return;
    }
    const history = readHistory();
    const input = new SearchingInput(process.stdin, process.stdout);
    this.lines = createInterface({
      input, output: process.stdout, prompt: PROMPT, history, historySize: HISTORY_LINES, removeHistoryDuplicates: true, terminal,
      completer: (line: string, answer: (error: Error | null, result: [string[], string]) => void) => {
        const typed = this.pending === '' ? line : `${this.pending}\n${line}`;
        this.host.complete(typed, this.lines.line.slice(this.lines.cursor)).then(({ hits, word }) => answer(null, [hits, word]), () => answer(null, [[], line]));
      },
    });
    input.attach(this.lines, history, () => !this.host.busy && process.env['TERM'] !== 'dumb');
  }

  async run(): Promise<number> {
    if (this.terminal) {
      process.stdout.write(`${this.texts.greeting}\n`);
      this.lines.on('SIGINT', () => this.interrupt());
      this.lines.prompt();
    }
    const code = await this.takeLines();
    if (code !== undefined) return code;
    if (this.terminal) {
      process.stdout.write('\n');
      return 0;
    }
    if (this.pending === '') return this.failed ? 1 : 0;
    process.stderr.write(`The input ends in the middle of a statement that begins in line ${this.read - this.pending.split('\n').length + 1}: ${this.pending.split('\n')[0]}\n`);
    return 1;
  }

  /** Returns the exit code that was asked for, or nothing at the end of the lines. */
  private async takeLines(): Promise<number | undefined> {
    try {
      for await (const line of this.lines) {
        const code = await this.take(line);
        if (code !== undefined) {
          this.left = true;
          this.lines.close();
          return code;
        }
        if (this.terminal) {
          this.lines.setPrompt(this.pending ? CONTINUATION_PROMPT : PROMPT);
          this.lines.prompt();
        }
      }
    } catch (error) {
      // A terminal that has gone is an end as any other.
      if (!this.terminal || isatty(0)) throw error;
    }
    return undefined;
  }

  /** Whether its user, or a script, has asked to leave before the lines have ended. */
  left = false;
  /** Whether a line has failed. */
  failed = false;

  /** Evaluates what was typed so far; returns an exit code when the program is to end. */
  private async take(line: string): Promise<number | undefined> {
    this.read++;
    if (this.terminal && line.trim() !== '') remember(line);
    const asked = this.pending === '' ? HELP_FORMS.map((form) => form.exec(line.trim())).find((match) => match !== null) : undefined;
    if (asked) return this.help(asked[1]);
    if (this.pending === '' && ['exit', 'quit'].includes(line.trim())) return 0;
    this.pending = this.pending === '' ? line : `${this.pending}\n${line}`;
    if (this.pending.trim() === '') {
      this.pending = '';
      return undefined;
    }
    try {
      // On a terminal nobody counts lines.
      const first = this.terminal ? 1 : this.read - this.pending.split('\n').length + 1;
      const result = await this.host.runLine(this.pending, this.columns, first);
      if (result.incomplete) return undefined;
      this.pending = '';
      return this.ended(result);
    } catch (error) {
      this.pending = '';
      this.failed = true;
      sayError(error);
    }
    return undefined;
  }

  /** The width of the terminal, if there is one. */
  private get columns(): number | undefined {
    return this.terminal ? process.stdout.columns || 80 : undefined;
  }

  private ended(result: RunResult): number | undefined {
    if (result.ok) return result.exitCode;
    this.failed = true;
    if (!this.leaving()) process.stderr.write(`${formatFailure(result.failure)}\n`);
    return undefined;
  }

  private async help(word: string | undefined): Promise<number | undefined> {
    if (word !== undefined) return this.ended(await this.host.help(word, this.columns));
    process.stdout.write(`${HELP}\n`);
    return undefined;
  }

  private interrupt(): void {
    if (this.host.busy) {
      this.host.interrupt();
      return;
    }
    const idle = this.pending === '' && this.lines.line === '';
    this.pending = '';
    this.lines.write(null, { ctrl: true, name: 'e' });
    process.stdout.write(idle ? `\n${this.texts.leave}\n` : '^C\n');
    // What was typed, or recalled from the history, is gone; and so are the rows that it took.
    Object.assign(this.lines, { line: '', cursor: 0, prevRows: 0, historyIndex: -1 });
    this.lines.setPrompt(PROMPT);
    this.lines.prompt();
  }

  close(): void {
    this.lines.close();
  }
}
