#!/usr/bin/env node
/** The program `bricks`. */
import 'reflect-metadata';
import { Builtins, Cli, UsageError, type BaseContext, type CommandClass } from 'clipanion';
import { isBricksError, nearest } from '../core/errors';
import { AttachCommand } from './commands/attach';
import { DevicesCommand } from './commands/devices';
import { RunCommand } from './commands/run';
import { EXIT_FAILURE, EXIT_USAGE, packageVersion, say, sayError } from './output';

const COMMANDS: CommandClass<BaseContext>[] = [RunCommand, AttachCommand, DevicesCommand, Builtins.HelpCommand, Builtins.VersionCommand];
const NAMES = ['run', 'attach', 'devices'];

const IDENTITY = { binaryLabel: 'Packet Bricks', binaryName: 'bricks', binaryVersion: packageVersion() };

/** A first word that is no command, option or argument of a script: a slip that gets a suggestion. */
function misspelt(argv: readonly string[]): string | undefined {
  const word = argv[0];
  if (word === undefined || word.startsWith('-') || NAMES.includes(word)) return undefined;
  if (/\.(lua|[mc]?[jt]s)$/.test(word)) return `"${word}" is no command. Did you mean: bricks -f ${word}?`;
  const guess = nearest(word, NAMES);
  return `"${word}" is no command. ${guess ? `Did you mean: bricks ${guess}?` : `Commands: ${NAMES.join(', ')}. See bricks --help.`}`;
}

/** Takes the program behind `attach ... --exec` out: its options are its own. */
function takeProgram(argv: readonly string[]): readonly string[] {
  const at = argv[0] === 'attach' ? argv.indexOf('--exec') : -1;
  if (at < 0) return argv;
  AttachCommand.program = argv.slice(at + 1);
  if (AttachCommand.program.length === 0) throw new UsageError('--exec needs a program behind it.');
  return argv.slice(0, at);
}

async function main(argv: readonly string[]): Promise<number> {
  const cli = new Cli(IDENTITY);
  for (const command of COMMANDS) cli.register(command);
  const slip = misspelt(argv);
  if (slip !== undefined) {
    say(slip);
    return EXIT_USAGE;
  }
  let command;
  try {
    command = cli.process([...takeProgram(argv)], Cli.defaultContext);
  } catch (error) {
    say(usageText(error));
    return EXIT_USAGE;
  }
  if (command.help) {
    process.stdout.write(cli.usage(command, { detailed: true }));
    return 0;
  }
  // What Cli.run would do, but for its errors, which it writes to standard output.
  command.context = Cli.defaultContext;
  command.cli = {
    ...IDENTITY,
    enableCapture: false,
    enableColors: false,
    definitions: () => cli.definitions(),
    error: (error, options) => cli.error(error, options ?? {}),
    format: (colored) => cli.format(colored ?? false),
    process: (input, context) => cli.process(input, { ...Cli.defaultContext, ...context }),
    run: (input, context) => cli.run(input, { ...Cli.defaultContext, ...context }),
    usage: (of, options) => cli.usage(of ?? null, options ?? {}),
  };
  try {
    return (await command.validateAndExecute()) ?? 0;
  } catch (error) {
    if (error instanceof UsageError || (error as { clipanion?: { type?: string } }).clipanion?.type === 'usage') {
      say(usageText(error));
      return EXIT_USAGE;
    }
    sayError(error);
    return isBricksError(error) && ['E_BACKEND'].includes(error.code) ? EXIT_USAGE : EXIT_FAILURE;
  }
}

/** clipanion's words without its drawing. */
function usageText(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\u001b\[[0-9;]*m/g, '');
  return `${text.trim().replace(/\n\s*\n/g, '\n')}\nSee bricks --help.`;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

main(process.argv.slice(2)).then((code) => process.exit(code), (error: unknown) => {
  sayError(error);
  process.exit(EXIT_FAILURE);
});
