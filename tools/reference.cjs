'use strict';
/**
 * Makes docs/reference/ from the code: from the declarations in dist, from the usage of the commands,
 * and from the sources. `npm run reference` writes it; a test fails where what is written is out of date.
 */
const { mkdirSync, readdirSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { collectErrors, interfaceFields, luaCalls } = require('./reference/sources.cjs');

const root = dirname(__dirname);
const built = (...parts) => require(join(root, 'dist', ...parts));
const { listOptions } = built('src', 'core', 'options.js');
const NOTE = '<!-- Made by `npm run reference` from the code. Do not edit. -->';

function page(title, ...parts) {
  return `${NOTE}\n# ${title}\n\n${parts.flat().filter((part) => part !== '').join('\n\n')}\n`;
}

const cell = (text) => String(text).replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ');

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');
}

function fenced(language, text) {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** Names of backends keep their small letter. */
const sentence = (text) => {
  const whole = /^(netmap|pcap|loopback)\b/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return whole === '' || /[.!?]$/.test(whole) ? whole : `${whole}.`;
};

function valuesOf({ type, oneOf, minimum, maximum, unit }) {
  if (oneOf) return oneOf.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  const range = minimum !== undefined && maximum !== undefined ? ` ${minimum} to ${maximum}` : minimum !== undefined ? ` ${minimum} or more` : maximum !== undefined ? ` up to ${maximum}` : '';
  return `${type}${range}${unit ? ` (${unit})` : ''}`;
}

function optionsTable(options) {
  if (options.length === 0) return 'It has no options.';
  return table(['option', 'values', 'default', 'meaning'], options.map((option) => [
    `\`${option.name}\``, valuesOf(option), option.required ? 'required' : option.default === undefined ? '-' : `\`${JSON.stringify(option.default)}\``, sentence(option.description),
  ]));
}

function linksOf(count, noun) {
  const { minimum, maximum } = count;
  if (minimum === maximum) return `${minimum} ${noun}${minimum === 1 ? '' : 's'}`;
  return maximum === Infinity ? `${minimum} or more ${noun}s` : `${minimum} to ${maximum} ${noun}s`;
}

const FANOUT = { one: 'A packet goes to one output at most.', all: 'Every output gets every packet.', any: 'A packet may go to any number of outputs.' };

function bricksPage(declarations) {
  return page('Bricks', 'Kinds of brick, by name. `Brick.help("NAME")` prints the same in the shell.',
    table(['brick', 'what it does'], declarations.map(({ name, summary }) => [`[${name}](#${name.toLowerCase()})`, summary])),
    declarations.map((brick) => [
      `## ${brick.name}`, brick.summary, brick.description,
      `Links: ${linksOf(brick.inputs, 'input')}, ${linksOf(brick.outputs, 'output')}. ${FANOUT[brick.fanout]}`,
      optionsTable(brick.options),
      brick.shorthand ? `A bare value stands for \`${brick.shorthand}\`: \`Brick.new("${brick.name}", VALUE)\`, \`new ${brick.name}(VALUE)\`.` : '',
      brick.counters.length > 0 ? table(['counter', 'what it counts'], brick.counters.map(({ name, description }) => [`\`${name}\``, sentence(description)])) : '',
      fenced('lua', brick.examples.lua), fenced('ts', brick.examples.typescript),
    ]).flat());
}

function backendsPage(backends, parseLinkName) {
  const samples = { interfaces: 'eth3', pipes: 'eth3{0' };
  return page('Backends', 'A backend is where packets come from and go to. Capture files work beside every backend, and so do pipes where the backend has none of its own.',
    table(['backend', 'what it is', 'opens by itself'], backends.map((backend) => [
      `[${backend.name}](#${backend.name})`, backend.summary,
      Object.entries(samples).filter(([, name]) => backend.handles(parseLinkName(name))).map(([kind]) => kind).join(', '),
    ])),
    'Without `--backend` the first of this table that works on the machine is taken. From TypeScript: `new PacketEngine(name, { backend, backendOptions })`.',
    backends.map((backend) => [`## ${backend.name}`, sentence(backend.summary), optionsTable(listOptions(backend.options))]).flat());
}

function enginePage(options, link) {
  return page('Engine options', 'From Lua `PktEngine.new{name = "e0", ...}`, from TypeScript `new PacketEngine("e0", { ... })`.', optionsTable(options),
    'Beside these: `backend`, the name of the backend, where it is not the one of the program; in Lua `buffer_size` is another word for `bufferSize`.',
    '## Options of link', 'From Lua `pe:link(brick, batch, qid)` or `pe:link(brick, {batch = 512, queue = 0})`, from TypeScript `engine.link(brick, { batch, queue })`.',
    optionsTable(listOptions(link)));
}

function dropsPage(reasons) {
  return page('Drop reasons', 'Every packet that does not reach an output is counted, for its link or brick and by one of these reasons. [Statistics and drops](../guide/statistics.md) tells how to read them.',
    table(['reason', 'why', 'what to do'], reasons.map(({ name, text, remedy }) => [`\`${name}\``, sentence(text), remedy ? sentence(remedy) : 'Nothing: it was asked for.'])));
}

const escaped = (text) => text.replace(/[<>*_`[\]]/g, '\\$&');

function errorsPage(errors, meanings) {
  const code = ([name, entries]) => [`## ${name}`, meanings[name], entries.map(({ message, remedy }) => {
    const said = message === undefined ? '(What the system or the script said.)' : escaped(message);
    return `- ${said}${remedy ? `\n  *${escaped(remedy)}*` : ''}`;
  }).join('\n')];
  return page('Error codes', 'An error says what is wrong and, in italics here, what to do. Its code stands in `error.code` (TypeScript) and in brackets behind the message (command line). Words in angle brackets are filled in; dots stand for what depends on the case.',
    [...errors].flatMap(code));
}

function statisticsPage() {
  const file = 'src/core/statistics.ts';
  const fields = (name) => table(['field', 'type', 'meaning'], interfaceFields(root, file, name).map((field) => [`\`${field.name}\``, `\`${field.type.replace(/^Readonly<(.*)>$/, '$1')}\``, sentence(field.text)]));
  return page('Statistics', 'What `pe:stats()` (Lua) and `engine.stats()` (TypeScript) give, and `audit()`. [Statistics and drops](../guide/statistics.md) explains them.',
    '## Engine', fields('EngineStatistics'), '## Link', fields('LinkStatistics'), '## Brick', fields('BrickStatistics'), '## Audit', fields('Audit'), '## Line of an audit', fields('AuditLine'));
}

function luaPage() {
  return page('Lua interface', 'Three tables. Functions and methods may be called with a dot or a colon, take numbers as strings too, and the methods that only do something return their object, so that calls can be chained. [The guide](../guide/lua.md) shows them at work.',
    luaCalls(root).flatMap(({ object, rows }) => [`## ${object}`, table(['call', 'meaning'], rows.map(({ call, meaning }) => [`\`${call}\``, sentence(meaning)]))]));
}

/** The options that a help text lists. */
function optionRows(help) {
  const lines = help.split('\n');
  const first = lines.indexOf('Options:') + 1;
  if (first === 0) return [];
  return lines.slice(first, lines.indexOf('', first)).map((line) => {
    const [, option, description] = /^ *(.*?) {2,}(.*)$/.exec(line);
    return { option, description };
  });
}

/** The commands by their definitions, as clipanion has them. */
function commands() {
  const { Cli, Command } = require('clipanion');
  const { commandHelp } = built('src', 'cli', 'help.js');
  const folder = join(root, 'dist', 'src', 'cli', 'commands');
  const classes = readdirSync(folder).filter((name) => name.endsWith('.js')).sort()
    .flatMap((name) => Object.values(require(join(folder, name)))).filter((value) => typeof value === 'function' && value.prototype instanceof Command);
  const definitionOf = (command) => {
    const cli = new Cli({ binaryName: 'bricks' });
    cli.register(command);
    return cli.definitions()[0];
  };
  return classes.map((command) => ({ command, definition: definitionOf(command) }))
    .map(({ command, definition }) => ({
      path: definition.path,
      usage: definition.usage.replace(definition.path, `${definition.path}${definition.options.length > 0 ? ' [OPTIONS]' : ''}`).replace(/ \.\.\.$/, ' [-- ARGUMENTS...]'),
      description: (command.usage.description ?? '').trim(),
      details: (command.usage.details ?? '').trim().split('\n').map((line) => line.trim()).join('\n'),
      examples: command.usage.examples ?? [],
      options: optionRows(commandHelp(definition, '', undefined)),
    })).sort((a, b) => a.path.length - b.path.length || (a.path < b.path ? -1 : 1));
}

function commandLinePage() {
  return page('Command line', 'In a clone `bricks` is `./bricks`. Messages are written to standard error. [Exit codes](exit-codes.md) have a page of their own.',
    commands().flatMap(({ path, usage, description, details, examples, options }) => [
      `## ${path}`, description, fenced('', usage), details,
      options.length > 0 ? table(['option', 'meaning'], options.map(({ option, description: meaning }) => [`\`${option}\``, sentence(meaning)])) : '',
      examples.length > 0 ? fenced('sh', examples.map(([text, line]) => `# ${text}\n${line}`).join('\n')) : '',
    ]),
    '## Everywhere', table(['option', 'meaning'], [['`-h`, `--help`', 'Help of the program, or of the command before it.'], ['`--version`, or `-v` alone', 'The version.']]));
}

function exitCodesPage() {
  const { EXIT_CODES } = built('src', 'cli', 'exit-codes.js');
  const { FAULT_KINDS } = built('src', 'core', 'outcome.js');
  return page('Exit codes', '`bricks` ends with one of these codes, whether the set-up is a script in Lua, JavaScript or TypeScript, was typed, or came from standard input.',
    table(['code', 'meaning'], EXIT_CODES.map(({ code, meaning }) => [String(code), meaning])),
    'A code other than 0 that the script gave to `os.exit` (Lua) or `process.exit` comes first, and so does a `process.exitCode` that a module has set, also to 0. `bricks attach --exec` and `bricks netmap-run` end with the code of their program, or with 128 and the number of the signal that ended it.',
    'Where several faults came together the code is that of the first in this table. A signal (SIGINT, SIGTERM, SIGHUP) that ends the program in order changes nothing of this: without a fault the code is 0.',
    '## Faults',
    'What kept an engine from doing all of its work stands in `engine.outcome`, in what `await engine.finished()` gives, and in `faults` of `stats()` and `audit()`; from Lua in `pe:stats().faults` and `pe:audit().faults`. Each has its `kind`, its `link`, a `message`, and the `code` of the error if an engine ended by one.',
    table(['kind', 'exit code', 'meaning'], FAULT_KINDS.map(({ kind, exitCode, text }) => [`\`${kind}\``, String(exitCode), text])));
}

function indexPage(pages) {
  const names = { 'bricks.md': 'bricks with their options, links and counters', 'backends.md': 'backends with their options', 'engine.md': 'options of engines', 'command-line.md': 'commands and their options', 'exit-codes.md': 'exit codes, and the faults they stand for', 'lua.md': 'all calls from Lua', 'statistics.md': 'what is counted', 'drops.md': 'drop reasons', 'errors.md': 'error codes' };
  return page('Reference', 'Made from the code by `npm run reference`. The [guide](../guide/README.md) is by task.', table(['page', 'what it holds'], pages.map((name) => [`[${name}](${name})`, names[name]])));
}

/** All pages: path from the root, and text. */
function generate() {
  const { allBackends, parseLinkName, ENGINE_OPTIONS, LINK_OPTIONS, DROP_REASONS, ERROR_CODES } = built('src', 'index.js');
  const { brickDeclarations } = built('src', 'plugins', 'container.js');
  const pages = new Map([
    ['bricks.md', bricksPage(brickDeclarations())],
    ['backends.md', backendsPage(allBackends(), parseLinkName)],
    ['engine.md', enginePage(listOptions(ENGINE_OPTIONS), LINK_OPTIONS)],
    ['command-line.md', commandLinePage()],
    ['exit-codes.md', exitCodesPage()],
    ['lua.md', luaPage()],
    ['statistics.md', statisticsPage()],
    ['drops.md', dropsPage(DROP_REASONS)],
    ['errors.md', errorsPage(collectErrors(root), ERROR_CODES)],
  ]);
  pages.set('README.md', indexPage([...pages.keys()]));
  return new Map([...pages].map(([name, text]) => [join('docs', 'reference', name), text]));
}

module.exports = { generate, commands };

if (require.main === module) {
  mkdirSync(join(root, 'docs', 'reference'), { recursive: true });
  for (const [path, text] of generate()) writeFileSync(join(root, path), text);
}
