#!/usr/bin/env node
/** The program `bricks`. */
import '../native/no-debugger';
import { basename } from 'node:path';
import 'reflect-metadata';
import { Cli, UsageError, type BaseContext, type CommandClass } from 'clipanion';
import { nearest } from '../model/errors';
import { DAEMON_OPTIONS } from './client-command';
import { commandLine } from './command-line';
import { AttachCommand } from './commands/attach';
import { BuildCommand } from './commands/build';
import { CtlCommand } from './commands/ctl';
import { CheckCommand } from './commands/check';
import { CompletionCommand } from './commands/completion';
import { DevicesCommand } from './commands/devices';
import { DoctorCommand } from './commands/doctor';
import { CreatePluginCommand } from './commands/create-plugin';
import { FilterCommand } from './commands/filter';
import { GraphCommand } from './commands/graph';
import { PluginsCommand } from './commands/plugins';
import { ProfileCommand } from './commands/profile';
import { NetmapRunCommand } from './commands/netmap-run';
import { ReloadCommand } from './commands/reload';
import { RunCommand } from './commands/run';
import { RunTextCommand } from './commands/run-text';
import { TapCommand } from './commands/tap';
import { TraceCommand } from './commands/trace';
import { ShellCommand } from './commands/shell';
import { TopCommand } from './commands/top';
import { packageVersion } from '../native/load-addon';
import { EXIT_USAGE } from './exit-codes';
import { commandHelp, overview, wordsProblem } from './help';
import { say } from '../program/messages';
import { reportFailure, runProgram } from './output';
import { PROGRAM_WORDS } from './program-words';

const IDENTITY = { binaryLabel: 'Packet Bricks', binaryName: 'bricks', binaryVersion: packageVersion() };
const SUMMARY = `Packet Bricks ${IDENTITY.binaryVersion}: takes packets off the wire and hands them, flow by flow, to the programs that need them.`;
const NAMED: Readonly<Record<string, { readonly command: CommandClass<BaseContext>; readonly synopsis: string; readonly needs?: string }>> = {
  run: { command: RunTextCommand, synopsis: "bricks run [--backend NAME] [-b PACKETS] [-o NAME=VALUE] 'SETUP' | -f FILE | -" },
  attach: { command: AttachCommand, synopsis: "bricks attach [--count[=PACKETS]] [--tap NAME | --write FILE] [--all] [--no-wait] [--restart] [--reconnect] 'PIPE' [--exec PROGRAM ...]", needs: "the name of a pipe, such as 'eth3}0'" },
  shell: { command: ShellCommand, synopsis: 'bricks shell [-a ADDRESS | --name NAME] [--run-dir DIRECTORY] [-f SCRIPT] [-- ARGUMENTS ...]' },
  'netmap-run': { command: NetmapRunCommand, synopsis: 'bricks netmap-run [--] PROGRAM [ARGUMENT ...]' },
  check: { command: CheckCommand, synopsis: 'bricks check [--backend NAME] [--json] SCRIPT [-- ARGUMENTS ...]', needs: 'a script' },
  completion: { command: CompletionCommand, synopsis: 'bricks completion bash | zsh | fish' },
  ctl: { command: CtlCommand, synopsis: 'bricks ctl [-a ADDRESS | --name NAME] [--run-dir DIRECTORY] [--json] COMMAND [ARGUMENT ...] [OPTIONS]' },
  filter: { command: FilterCommand, synopsis: "bricks filter add MATCH ... [OPTIONS] | remove ID ... | --all | list | load FILE | stats [--engine NAME] [--brick BRICK]", needs: 'to know what to do: add, remove, list, load or stats' },
  graph: { command: GraphCommand, synopsis: "bricks graph [--text | --dot | --mermaid | --svg | --json] [SCRIPT [-- ARGUMENTS ...] | 'SETUP' | -a ADDRESS]" },
  top: { command: TopCommand, synopsis: 'bricks top [-a ADDRESS | --name NAME] [--run-dir DIRECTORY] [--once] [--json | --csv] [--view TABLE] [--sort ORDER] [--filter TEXT]' },
  profile: { command: ProfileCommand, synopsis: 'bricks profile [-a ADDRESS | --name NAME] [--run-dir DIRECTORY] [-w FILE] [--every MICROSECONDS] [--json] ENGINE [SECONDS]', needs: 'the name of an engine, and perhaps for how many seconds' },
  tap: { command: TapCommand, synopsis: "bricks tap [-w FILE | --json] [-c PACKETS] [--sample N] [--rate N] [-s BYTES] [--engine NAME] LINK | --drops [LINK] ['FILTER']" },
  trace: { command: TraceCommand, synopsis: "bricks trace [--from LINK] [--engine NAME] [--json] N ['FILTER']", needs: 'how many packets to follow' },
  build: { command: BuildCommand, synopsis: 'bricks build' },
  doctor: { command: DoctorCommand, synopsis: 'bricks doctor [--backend NAME] [--fix [--yes]] [--json] [--run-dir DIRECTORY] [INTERFACE ...]' },
  devices: { command: DevicesCommand, synopsis: 'bricks devices [--json]' },
  reload: { command: ReloadCommand, synopsis: 'bricks reload [-a ADDRESS | --name NAME] [--run-dir DIRECTORY] [--json]' },
  plugins: { command: PluginsCommand, synopsis: 'bricks plugins [--json] [--plugin PATH]' },
  'create-plugin': { command: CreatePluginCommand, synopsis: 'bricks create-plugin [--form FORM] [--brick NAME] [--description TEXT] [--author NAME] [--license ID] NAME', needs: 'a name for the package, such as my-brick' },
};
const WORDS = [...Object.keys(NAMED), ...PROGRAM_WORDS, 'help'];

const ALL_COMMANDS: readonly CommandClass<BaseContext>[] = [RunCommand, ...Object.values(NAMED).map(({ command }) => command)];

function createCli(commands: readonly CommandClass<BaseContext>[]): Cli {
  const cli = new Cli(IDENTITY);
  for (const command of commands) cli.register(command);
  return cli;
}

/** `bricks -s` is `bricks shell`. */
const SHELL_OPTIONS = ['-s', '--shell'];
/** Options of the program that take the next word. */
const WITH_VALUE = ['--backend', '-f', '--file', '-b', '--batch', '-o', '--option', '--plugin', '--metrics', '--web', '--web-token-file', '--web-control', ...DAEMON_OPTIONS.keys()];

/** The words of the command line that are neither values of options nor arguments of a script. */
function ownWords(argv: readonly string[]): string[] {
  const words: string[] = [];
  for (let at = 0; at < argv.length && argv[at] !== '--'; at++) {
    words.push(argv[at]);
    if (WITH_VALUE.includes(argv[at])) at++;
  }
  return words;
}

/** The program bricks-shell, and `bricks -s`, are `bricks shell`. */
function withCommand(argv: readonly string[]): readonly string[] {
  if (basename(process.argv[1] ?? '', '.js') === 'bricks-shell') return ['shell', ...argv];
  const own = ownWords(argv);
  const asked = own.find((word) => SHELL_OPTIONS.includes(word));
  if (asked === undefined || NAMED[argv[0]]) return argv;
  if (own.some((word) => ['-d', '--daemon'].includes(word))) throw new UsageError(`-d starts a daemon and ${asked} opens a shell on one that runs: give one of them.`);
  const at = argv.indexOf(asked);
  return ['shell', ...argv.slice(0, at), ...argv.slice(at + 1)];
}

/** A hint that gets a better answer than the parser's: a word that is not a command, or is not in its place. */
function usageHint(argv: readonly string[]): string | undefined {
  if (argv[0] !== undefined && NAMED[argv[0]]) return undefined;
  const words = ownWords(argv);
  const late = words.find((word, index) => index > 0 && NAMED[word] !== undefined && !words.slice(0, index).some((before) => !before.startsWith('-')));
  if (late !== undefined) return `The options before ${late} are for scripts and the shell, and do not apply to ${late}: ${COMMAND_BACKENDS[late] ?? 'write it first'}. See bricks ${late} --help.`;
  if (words.includes('-a')) return '-a says where a daemon listens, for a shell on it: bricks -s -a ADDRESS.';
  return misspelt(argv[0]);
}

/** Why a command takes no --backend. */
const COMMAND_BACKENDS: Readonly<Record<string, string>> = {
  attach: "pipes are read the same way whichever backend their engine uses (bricks attach 'eth3}0'), except for netmap's",
  devices: 'it always lists all backends (bricks devices)',
};

/** A first word that is not a command: a hint that gets a suggestion. */
function misspelt(word: string | undefined): string | undefined {
  if (word === undefined || word.startsWith('-') || WORDS.includes(word)) return undefined;
  if (/\.(lua|[mc]?[jt]s)$/.test(word)) return `"${word}" is not a command. Did you mean: bricks -f ${word}?`;
  const guess = nearest(word, WORDS);
  return `"${word}" is not a command. ${guess ? `Did you mean: bricks ${guess}?` : `Commands: ${WORDS.join(', ')}. See bricks --help.`}`;
}

/** Help and version, which are not commands. */
function information(cli: Cli, argv: readonly string[]): string | undefined {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  if (own.length === 1 && ['-v', '--version'].includes(own[0])) return `${IDENTITY.binaryVersion}\n`;
  const wanted = own[0] === 'help' ? own[1] : own[0];
  if (own[0] !== 'help' && !own.some((word) => word === '-h' || word === '--help')) return undefined;
  const named = wanted === undefined ? undefined : NAMED[wanted];
  const definition = named && cli.definitions().find(({ path }) => path === `bricks ${wanted}`);
  return named && definition ? commandHelp(definition, named.synopsis, named.command.usage?.details) : overview(cli, SUMMARY, RunCommand.usage.details);
}

/** Takes out the program that a command runs: its options are its own. */
function takeProgram(argv: readonly string[]): readonly string[] {
  if (argv[0] === 'netmap-run' && !['-h', '--help'].includes(argv[1])) {
    NetmapRunCommand.program = argv.slice(argv[1] === '--' ? 2 : 1);
    return argv.slice(0, 1);
  }
  if (argv[0] === 'run' || argv[0] === 'graph') return takeText(argv);
  if (argv[0] === 'ctl' && !(argv.length === 2 && ['-h', '--help'].includes(argv[1]))) {
    CtlCommand.words = argv.slice(1);
    return argv.slice(0, 1);
  }
  const at = argv[0] === 'attach' ? argv.indexOf('--exec') : -1;
  if (at < 0) return argv;
  AttachCommand.program = argv.slice(at + 1);
  const [program] = AttachCommand.program;
  if (program === undefined) throw new UsageError('--exec needs a program after it.');
  if (program.startsWith('-')) throw new UsageError(`--exec needs a program after it, and ${program} is not one: options of attach go before --exec.`);
  return argv.slice(0, at);
}

/** A setup may begin with the link -, which the parser would take for an option: it goes to the end. */
function takeText(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((word) => /^-[\s,]/.test(word));
  return at < 0 || argv.includes('--') ? argv : [...argv.slice(0, at), ...argv.slice(at + 1), '--', argv[at]];
}

/** The options of a command, or of scripts and the shell. */
function definitionsOf(cli: Cli, command: string | undefined): readonly { readonly definition: string }[] {
  return cli.definitions().filter(({ path }) => path === (NAMED[command ?? ''] ? `bricks ${command}` : 'bricks')).flatMap(({ options }) => options);
}

function optionsOf(cli: Cli, command: string | undefined): string[] {
  return definitionsOf(cli, command).flatMap(({ definition }) => definition.split(' ')[0].split(',')).concat('--help', '--version');
}

/** Whether a word is an option of the command that the next word belongs to. */
function takesValue(cli: Cli, command: string | undefined, word: string | undefined): boolean {
  return definitionsOf(cli, command).some(({ definition }) => {
    const [names, value] = definition.split(' ');
    return value !== undefined && names.split(',').includes(word ?? '');
  });
}

/** clipanion's message without its drawing, and the option that was perhaps meant. */
function usageText(cli: Cli, error: Error, argv: readonly string[]): string {
  const [command] = argv;
  const known = optionsOf(cli, command);
  const [text] = error.message.trim().split('\n');
  const notFound = text.startsWith('Command not found');
  // Of several options that don't fit clipanion names none.
  const unknown = notFound ? ownWords(argv).find((word) => word.startsWith('-') && !known.includes(word.split('=')[0])) : /(?:Unsupported|Invalid) option name \("([^"]+)"\)/.exec(text)?.[1];
  const bare = /^Not enough arguments to option (\S+?)\.?$/.exec(text)?.[1] ?? (notFound && takesValue(cli, command, argv.at(-1)) ? argv.at(-1) : undefined);
  if (bare !== undefined) return `The command line is incomplete: ${bare} needs a value. See bricks ${NAMED[command ?? ''] ? `${command} ` : ''}--help.`;
  if (unknown === undefined) return `${wordsText(text, command) ?? text.replace(/[^.?!]$/, '$&.')} See bricks ${NAMED[command ?? ''] ? `${command} ` : ''}--help.`;
  const before = argv[argv.indexOf(unknown) - 1];
  if (takesValue(cli, command, before)) return `${before} needs a value, and ${unknown} would be an option: write ${before}=${unknown} if it is one. See bricks ${NAMED[command ?? ''] ? `${command} ` : ''}--help.`;
  const option = unknown.split('=')[0];
  if (NAMED[command ?? ''] && [...WITH_VALUE, '-v', '--version'].includes(option)) {
    return `The command ${command} has no option ${option}: it is for scripts and the shell${COMMAND_BACKENDS[command ?? ''] && option === '--backend' ? `; ${COMMAND_BACKENDS[command ?? '']}` : ''}. See bricks ${command} --help.`;
  }
  const help = `See bricks ${NAMED[command ?? ''] ? `${command} ` : ''}--help.`;
  if (known.includes(option)) return `The option ${option} takes no value, but ${unknown} gives it one. ${help}`;
  const guess = option.length > 2 ? nearest(option, known) : undefined;
  return `Unknown option ${option}. ${guess ? `Did you mean ${guess}? ` : ''}${help}`;
}

/** What is wrong with the words behind a command. */
function wordsText(text: string, command: string | undefined): string | undefined {
  const named = NAMED[command ?? ''];
  return named && wordsProblem(text, command ?? '', named);
}

async function main(given: readonly string[]): Promise<number> {
  const cli = createCli(ALL_COMMANDS);
  let input = given;
  try {
    input = withCommand(given);
    const argv = takeProgram(input);
    const hint = usageHint(argv);
    if (hint !== undefined) {
      say(hint);
      return EXIT_USAGE;
    }
    const text = information(cli, argv);
    if (text !== undefined) {
      process.stdout.write(text);
      return 0;
    }
    // Not Cli.run, which writes its errors to standard output; and with one command, since clipanion compiles all that it knows at each start.
    const command = createCli([NAMED[argv[0] ?? '']?.command ?? RunCommand]).process([...argv], Cli.defaultContext);
    command.context = Cli.defaultContext;
    return (await command.validateAndExecute()) ?? 0;
  } catch (error) {
    return reportFailure(error, (usage) => usageText(cli, usage, input));
  }
}

runProgram(() => main(commandLine()));

// For esbuild, which wraps modules without exports, and all that they import, in functions.
export {};
