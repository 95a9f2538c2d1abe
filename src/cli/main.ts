#!/usr/bin/env node
/** The program `bricks`. */
import 'reflect-metadata';
import { Cli, UsageError, type BaseContext, type CommandClass } from 'clipanion';
import { isBricksError, nearest } from '../core/errors';
import { AttachCommand } from './commands/attach';
import { BuildCommand } from './commands/build';
import { DevicesCommand } from './commands/devices';
import { NetmapRunCommand } from './commands/netmap-run';
import { RunCommand } from './commands/run';
import { commandHelp, overview } from './help';
import { EXIT_FAILURE, EXIT_USAGE, packageVersion, say, sayError } from './output';

const IDENTITY = { binaryLabel: 'Packet Bricks', binaryName: 'bricks', binaryVersion: packageVersion() };
const SUMMARY = `Packet Bricks ${IDENTITY.binaryVersion}: takes packets off the wire and hands them, flow by flow, to the programs that need them.`;
const NAMED: Readonly<Record<string, { readonly command: CommandClass<BaseContext>; readonly synopsis: string }>> = {
  attach: { command: AttachCommand, synopsis: "bricks attach [--count[=PACKETS]] [--tap NAME | --write FILE] [--no-wait] 'PIPE' [--exec PROGRAM ...]" },
  'netmap-run': { command: NetmapRunCommand, synopsis: 'bricks netmap-run [--] PROGRAM [ARGUMENT ...]' },
  build: { command: BuildCommand, synopsis: 'bricks build' },
  devices: { command: DevicesCommand, synopsis: 'bricks devices [--json]' },
};
const WORDS = [...Object.keys(NAMED), 'help'];

function createCli(): Cli {
  const cli = new Cli(IDENTITY);
  cli.register(RunCommand);
  for (const { command } of Object.values(NAMED)) cli.register(command);
  return cli;
}

/** A first word that is no command: a slip that gets a suggestion. */
function misspelt(word: string | undefined): string | undefined {
  if (word === undefined || word.startsWith('-') || WORDS.includes(word)) return undefined;
  if (/\.(lua|[mc]?[jt]s)$/.test(word)) return `"${word}" is no command. Did you mean: bricks -f ${word}?`;
  const guess = nearest(word, WORDS);
  return `"${word}" is no command. ${guess ? `Did you mean: bricks ${guess}?` : `Commands: ${WORDS.join(', ')}. See bricks --help.`}`;
}

/** Help and version, which are no commands of their own. */
function information(cli: Cli, argv: readonly string[]): string | undefined {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  if (own.length === 1 && ['-v', '--version'].includes(own[0])) return `${IDENTITY.binaryVersion}\n`;
  const wanted = own[0] === 'help' ? own[1] : own[0];
  if (own[0] !== 'help' && !own.some((word) => word === '-h' || word === '--help')) return undefined;
  const named = wanted === undefined ? undefined : NAMED[wanted];
  const definition = named && cli.definitions().find(({ path }) => path === `bricks ${wanted}`);
  return named && definition ? commandHelp(definition, named.synopsis) : overview(cli, SUMMARY);
}

/** Takes out the program that a command runs: its options are its own. */
function takeProgram(argv: readonly string[]): readonly string[] {
  if (argv[0] === 'netmap-run' && !['-h', '--help'].includes(argv[1])) {
    NetmapRunCommand.program = argv.slice(argv[1] === '--' ? 2 : 1);
    return argv.slice(0, 1);
  }
  const at = argv[0] === 'attach' ? argv.indexOf('--exec') : -1;
  if (at < 0) return argv;
  AttachCommand.program = argv.slice(at + 1);
  if (AttachCommand.program.length === 0) throw new UsageError('--exec needs a program behind it.');
  return argv.slice(0, at);
}

/** clipanion's message without its drawing, and the option that was perhaps meant. */
function usageText(cli: Cli, error: unknown): string {
  const [text] = (error instanceof Error ? error.message : String(error)).trim().split('\n');
  const option = /Unsupported option name \("([^"]+)"\)/.exec(text)?.[1];
  if (text.startsWith('Command not found')) return 'The command line is not complete: an option lacks its value. See bricks --help.';
  if (option === undefined) return `${text.replace(/\.?$/, '.')} See bricks --help.`;
  const known = cli.definitions().flatMap((definition) => definition.options.flatMap((one) => one.definition.split(' ')[0].split(','))).concat('--help', '--version');
  const guess = nearest(option, known);
  return `There is no option ${option}. ${guess ? `Did you mean ${guess}? ` : ''}See bricks --help.`;
}

async function main(input: readonly string[]): Promise<number> {
  const cli = createCli();
  try {
    const argv = takeProgram(input);
    const slip = misspelt(argv[0]);
    if (slip !== undefined) {
      say(slip);
      return EXIT_USAGE;
    }
    const text = information(cli, argv);
    if (text !== undefined) {
      process.stdout.write(text);
      return 0;
    }
    // Not Cli.run, which writes its errors to standard output.
    const command = cli.process([...argv], Cli.defaultContext);
    command.context = Cli.defaultContext;
    return (await command.validateAndExecute()) ?? 0;
  } catch (error) {
    if (isUsageError(error)) {
      say(usageText(cli, error));
      return EXIT_USAGE;
    }
    sayError(error);
    return isBricksError(error) && error.code === 'E_BACKEND' ? EXIT_USAGE : EXIT_FAILURE;
  }
}

function isUsageError(error: unknown): boolean {
  return (error as { clipanion?: unknown } | undefined)?.clipanion !== undefined;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

main(process.argv.slice(2)).then((code) => process.exit(code), (error: unknown) => {
  sayError(error);
  process.exit(EXIT_FAILURE);
});
