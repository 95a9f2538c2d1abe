/** The programs around the daemon: bricks-server (and bricks -d), bricks-load-balance, bricks-duplicate, bricks-kill-server. */
import '../native/no-debugger';
import 'reflect-metadata';
import { Cli, type BaseContext, type CommandClass } from 'clipanion';
import { DETACHED } from '../daemon/detach';
import { nearest } from '../model/errors';
import { packageVersion } from '../native/load-addon';
import { commandLine } from './command-line';
import { commandHelp, wordsProblem } from './help';
import { reportFailure, runProgram } from './output';
import { DuplicateCommand } from './programs/duplicate';
import { KillServerCommand } from './programs/kill-server';
import { LoadBalanceCommand } from './programs/load-balance';
import { ServerCommand } from './programs/server';

export type ProgramName = 'bricks-server' | 'bricks-load-balance' | 'bricks-duplicate' | 'bricks-kill-server';

interface Program {
  readonly command: CommandClass<BaseContext>;
  readonly synopsis: string;
  readonly needs?: string;
}

const NEEDS = 'an interface (or a capture file) and the number of pipes, such as eth3 4';
const PROGRAMS: Readonly<Record<ProgramName, Program>> = {
  'bricks-server': { command: ServerCommand, synopsis: 'bricks-server [-f SCRIPT] [OPTIONS] [-- SCRIPT ARGUMENTS]' },
  'bricks-load-balance': { command: LoadBalanceCommand, synopsis: 'bricks-load-balance [OPTIONS] INTERFACE PIPES', needs: NEEDS },
  'bricks-duplicate': { command: DuplicateCommand, synopsis: 'bricks-duplicate [OPTIONS] INTERFACE PIPES', needs: NEEDS },
  'bricks-kill-server': { command: KillServerCommand, synopsis: 'bricks-kill-server [OPTIONS]' },
};

async function execute(name: ProgramName, argv: readonly string[]): Promise<number> {
  const program = PROGRAMS[name];
  const { command, synopsis } = program;
  const cli = new Cli({ binaryName: name, binaryVersion: packageVersion() });
  cli.register(command);
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  try {
    if (own.some((word) => word === '-h' || word === '--help')) process.stdout.write(commandHelp(cli.definitions()[0], synopsis, command.usage?.details));
    else if (own.includes('--version')) process.stdout.write(`${packageVersion()}\n`);
    else {
      const made = cli.process([...argv], Cli.defaultContext);
      made.context = Cli.defaultContext;
      return (await made.validateAndExecute()) ?? 0;
    }
    return 0;
  } catch (error) {
    return reportFailure(error, (usage) => `${wordsProblem(usage.message.trim().split('\n')[0], name, program) ?? usageText(cli, usage, own)} See ${name} --help.`);
  }
}

/** Options that are not shown; -d and -s are those of `bricks -d`. */
const HIDDEN = ['-d', '--daemon', '-s', DETACHED];

/** clipanion's message without its drawing, and the option that was perhaps meant. */
function usageText(cli: Cli, error: Error, words: readonly string[]): string {
  const known = cli.definitions()[0].options.flatMap(({ definition }) => definition.split(' ')[0].split(','));
  const text = error.message.trim().split('\n')[0].replace(/\?\.?$/, '.');
  // Of several options that don't fit clipanion names none.
  const unknown = /option name \("([^"]+)"\)/.exec(text)?.[1] ?? (/not found/.test(text) ? words.find((word) => /^-/.test(word) && ![...known, ...HIDDEN].includes(word.split('=')[0])) : undefined);
  if (unknown === undefined) return text.replace(/[^.?!]$/, '$&.');
  const guess = unknown.length > 2 ? nearest(unknown.split('=')[0], known) : undefined;
  return `Unknown option ${unknown.split('=')[0]}.${guess ? ` Did you mean ${guess}?` : ''}`;
}

/** Runs a program with the words of the command line. */
export function run(name: ProgramName): void {
  runProgram(() => execute(name, commandLine()));
}
