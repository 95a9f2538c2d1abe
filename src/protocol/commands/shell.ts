/** Commands of Lua shells: each is its own Lua state on the daemon, and shares its engines. */
import type { LineResult, RunResult } from '../../lua/lua-host';
import { command, topic } from '../declare';
import { structured } from '../parameters';

/** What a shell prints: text, or in base64 bytes that are not UTF-8. */
export type ShellOutput = { readonly text: string } | { readonly base64: string };

/** How the last word of a line may go on. */
export interface ShellCompletion {
  /** Whole words, each of which begins with `word`. */
  readonly hits: readonly string[];
  readonly word: string;
}

const shell = { type: 'integer', required: true, description: 'the number of the shell, as shell.open has told it' } as const;
/** The greatest number of a line of input that messages name. */
export const MOST_LINES = 1_000_000;
const columns = { type: 'integer', minimum: 1, description: 'columns of the terminal; with it, values of calls are printed too' } as const;
const RUN = '`ok`, the `exitCode` if os.exit was called, and otherwise the `failure`: message, traceback, file, line and whether it was interrupted';

export const SHELL_COMMANDS = {
  'shell.open': command<{ readonly shell: number }>()({
    access: 'control', summary: 'Open a Lua shell, which ends with the connection.', result: 'its number', parameters: {}, connection: true,
  }),
  'shell.line': command<LineResult>()({
    access: 'control', summary: 'Evaluate a statement: all its lines so far.', result: `\`incomplete\`, which asks for another line; or ${RUN}`,
    parameters: {
      shell,
      text: { type: 'string', required: true, description: 'the lines' },
      columns,
      first: { type: 'integer', minimum: 1, maximum: MOST_LINES, description: 'the number of the first line, for messages' },
    },
    connection: true,
  }),
  'shell.script': command<RunResult>()({
    access: 'control', summary: 'Run a script.', result: RUN,
    parameters: {
      shell,
      text: { type: 'string', required: true, description: 'the script' },
      name: { type: 'string', required: true, description: 'its name, for messages' },
      arguments: structured<readonly string[]>()({ type: 'list', description: 'what it finds in arg' }),
    },
    connection: true,
  }),
  'shell.help': command<RunResult>()({
    access: 'control', summary: 'Print the help on a word.', result: RUN,
    parameters: { shell, word: { type: 'string', required: true, description: 'a kind of brick, a backend, a table or a variable' }, columns }, connection: true,
  }),
  'shell.complete': command<ShellCompletion>()({
    access: 'control', summary: 'Tell how a line may go on.', result: '`hits`, whole words each of which begins with `word`',
    parameters: {
      shell,
      text: { type: 'string', required: true, description: 'what was typed of the statement, up to the cursor' },
      behind: { type: 'string', default: '', description: 'what stands behind the cursor' },
    },
    connection: true,
  }),
  'shell.interrupt': command<boolean>()({
    access: 'control', summary: 'End what a shell runs now.', result: 'whether anything ran: a request that was just sent may not have begun', parameters: { shell }, connection: true, immediate: true,
  }),
  'shell.close': command<null>()({
    access: 'control', summary: 'End a shell, and what it runs.', result: 'nothing', parameters: { shell }, connection: true, immediate: true,
  }),
} as const;

export const SHELL_TOPICS = {
  'shell.output': topic<ShellOutput>()({
    access: 'control', summary: 'What a shell and the commands that it runs print. All of it comes before the answer to the request that has printed it.',
    value: '`text`; or `base64`, for bytes that are not UTF-8', parameters: { shell },
  }),
} as const;
