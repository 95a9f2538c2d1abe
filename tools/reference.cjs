'use strict';
/**
 * Makes docs/reference/ from the code: from the declarations in dist, from the usage of the commands,
 * and from the sources. `npm run reference` writes it; a test fails where what is written is out of date.
 */
const { mkdirSync, readdirSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { fenced, linksOf, optionsTable, sentence, table } = require('./reference/markdown.cjs');
const { collectErrors, interfaceFields, luaCalls } = require('./reference/sources.cjs');

const root = dirname(__dirname);
const built = (...parts) => require(join(root, 'dist', ...parts));
const { listOptions } = built('src', 'model', 'options.js');
const NOTE = '<!-- Generated from the code by `npm run reference`. Do not edit. -->';

function page(title, ...parts) {
  return `${NOTE}\n# ${title}\n\n${parts.flat().filter((part) => part !== '').join('\n\n')}\n`;
}

const FANOUT = { one: 'A packet goes to at most one output.', all: 'Every output gets every packet.', any: 'A packet may go to any number of outputs.' };

function bricksPage(declarations) {
  return page('Bricks', 'All kinds of bricks. `Brick.help("NAME")` prints the same in the shell.',
    table(['brick', 'what it does'], declarations.map(({ name, summary }) => [`[${name}](#${name.toLowerCase()})`, summary])),
    declarations.map((brick) => [
      `## ${brick.name}`, brick.summary, brick.description,
      `Links: ${linksOf(brick.inputs, 'input')}, ${linksOf(brick.outputs, 'output')}. ${FANOUT[brick.fanout]}`,
      optionsTable(brick.options),
      brick.shorthand ? `A bare value sets \`${brick.shorthand}\`: \`Brick.new("${brick.name}", VALUE)\`, \`new ${brick.name}(VALUE)\`.` : '',
      brick.counters.length > 0 ? table(['counter', 'what it counts'], brick.counters.map(({ name, description }) => [`\`${name}\``, sentence(description)])) : '',
      fenced('lua', brick.examples.lua), fenced('ts', brick.examples.typescript),
    ]).flat());
}

function backendsPage(backends, parseLinkName) {
  const samples = { interfaces: 'eth3', pipes: 'eth3{0' };
  return page('Backends', 'A backend is where packets come from and go to. Capture files work with every backend, and so do pipes if the backend has none of its own.',
    table(['backend', 'what it is', 'opens by default'], backends.map((backend) => [
      `[${backend.name}](#${backend.name})`, backend.summary,
      Object.entries(samples).filter(([, name]) => backend.handles(parseLinkName(name))).map(([kind]) => kind).join(', '),
    ])),
    'Without `--backend`, the first one in this table that works on the machine is used. From TypeScript: `new PacketEngine(name, { backend, backendOptions })`.',
    backends.map((backend) => [`## ${backend.name}`, sentence(backend.summary), optionsTable(listOptions(backend.options))]).flat());
}

function enginePage(options, link) {
  return page('Engine options', 'From Lua `PktEngine.new{name = "e0", ...}`, from TypeScript `new PacketEngine("e0", { ... })`.', optionsTable(options),
    'In addition: `backend`, the name of the backend, if it is not the default one; in Lua, `buffer_size` is an alias for `bufferSize`.',
    '## Options of link', 'From Lua `pe:link(brick, batch, qid)` or `pe:link(brick, {batch = 512, queue = 0})`, from TypeScript `engine.link(brick, { batch, queue })`.',
    optionsTable(listOptions(link)));
}

function dropsPage(reasons) {
  const filled = { link: 'eth3', reader: 'eth3}0', source: 'eth3' };
  const what = (remedy) => (remedy === '' ? 'Nothing: this is intended.' : remedy.replace(/\{(\w+)\}/g, (_, word) => filled[word]));
  return page('Drop reasons', 'Every packet that does not reach an output is counted at its link or brick, with one of these reasons. [Statistics and drops](../guide/statistics.md) explains how to read them. `show_stats` names the link in the place of `eth3`.',
    table(['reason', 'why', 'what to do'], reasons.map(({ name, text, remedy }) => [`\`${name}\``, sentence(text), what(remedy)])));
}

const escaped = (text) => text.replace(/[<>*_`[\]]/g, '\\$&');

function errorsPage(errors, meanings) {
  const code = ([name, entries]) => [`## ${name}`, meanings[name], entries.map(({ message, remedy }) => {
    const said = message === undefined ? '(The message comes from the system or the script.)' : escaped(message);
    return `- ${said}${remedy ? `\n  *${escaped(remedy)}*` : ''}`;
  }).join('\n')];
  return page('Error codes', 'An error says what is wrong and what to do about it (here in italics). Its code is in `error.code` (TypeScript) and in brackets after the message (command line). Words in angle brackets are placeholders; dots stand for text that varies.',
    [...errors].flatMap(code));
}

function statisticsPage() {
  const file = 'src/control/statistics.ts';
  const [rates, rings, profile] = ['src/control/rate-meter.ts', 'src/pipes/ring-fill.ts', 'src/control/engine-profile.ts'];
  const fields = (name, of = file) => table(['field', 'type', 'meaning'], interfaceFields(root, of, name).map((field) => [`\`${field.name}\``, `\`${field.type.replace(/^Readonly<(.*)>$/, '$1')}\``, sentence(field.text)]));
  return page('Statistics', 'The results of `pe:stats()` (Lua), `engine.stats()` (TypeScript) and `audit()`. For an explanation, see [Statistics and drops](../guide/statistics.md).',
    '## Engine', fields('EngineStatistics'), '## Link', fields('LinkStatistics'), '## Brick', fields('BrickStatistics'),
    '## Rates', 'Of an engine, over one span of time; `packets`, `bits` and `drops` are per second.', fields('EngineRates', rates), '## Rates of a link', fields('LinkRate', rates), '## Rates of a brick', fields('BrickRate', rates),
    '## Ring', 'The ring behind a pipe.', fields('RingFill', rings), '## Reader of a ring', fields('RingReader', rings), '## Profile', fields('EngineProfile', profile), '## Part of a profile', fields('ProfilePart', profile), '## Audit', fields('Audit'), '## Line of an audit', fields('AuditLine'));
}

function luaPage() {
  return page('Lua interface', 'There are three tables. Functions and methods can be called with a dot or a colon and accept numbers as strings. Methods that have nothing else to return return their object, so calls can be chained. For examples, see [the guide](../guide/lua.md).',
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
  const classes = ['commands', 'programs'].flatMap((folder) => {
    const path = join(root, 'dist', 'src', 'cli', folder);
    return readdirSync(path).filter((name) => name.endsWith('.js')).sort().flatMap((name) => Object.values(require(join(path, name))));
  }).filter((value) => typeof value === 'function' && value.prototype instanceof Command && value.paths !== undefined);
  const definitionOf = (command) => {
    const cli = new Cli({ binaryName: command.binary ?? 'bricks' });
    cli.register(command);
    return cli.definitions()[0];
  };
  return classes.map((command) => ({ command, definition: definitionOf(command) }))
    .map(({ command, definition }) => ({
      path: definition.path,
      definition,
      usage: definition.usage.replace(definition.path, `${definition.path}${definition.options.length > 0 ? ' [OPTIONS]' : ''}`).replace(/ \.\.\.$/, ' [-- ARGUMENTS...]'),
      description: (command.usage.description ?? '').trim(),
      details: (command.usage.details ?? '').trim().split('\n').map((line) => line.trim()).join('\n'),
      examples: command.usage.examples ?? [],
      options: optionRows(commandHelp(definition, '', undefined)),
    })).sort((a, b) => a.path.length - b.path.length || (a.path < b.path ? -1 : 1));
}

function commandLinePage() {
  return page('Command line', 'In a clone, `bricks` is `./bricks`. Messages go to standard error. See also [exit codes](exit-codes.md).',
    commands().flatMap(({ path, usage, description, details, examples, options }) => [
      `## ${path}`, description, fenced('', usage), details,
      options.length > 0 ? table(['option', 'meaning'], options.map(({ option, description: meaning }) => [`\`${option}\``, sentence(meaning)])) : '',
      examples.length > 0 ? fenced('sh', examples.map(([text, line]) => `# ${text}\n${line}`).join('\n')) : '',
    ]),
    '## Everywhere', table(['option', 'meaning'], [['`-h`, `--help`', 'Show help for the program, or for the preceding command.'], ['`--version`, or `-v` alone', 'Print the version.']]));
}

function exitCodesPage() {
  const { EXIT_CODES } = built('src', 'cli', 'exit-codes.js');
  const { FAULT_KINDS } = built('src', 'model', 'outcome.js');
  return page('Exit codes', '`bricks` exits with one of these codes, whether the setup is a Lua, JavaScript or TypeScript script, was typed in, or came from standard input.',
    table(['code', 'meaning'], EXIT_CODES.map(({ code, meaning }) => [String(code), meaning])),
    'A code other than 0 that the script passes to `os.exit` (Lua) or `process.exit` takes precedence, and so does a `process.exitCode` set by a module, even to 0. `bricks attach --exec` and `bricks netmap-run` exit with the code of their program, or with 128 plus the number of the signal that ended it.',
    'If there are several faults, the code is that of the one that stands first in the table of [faults](#faults): 1, then 5, 4 and 3. A signal (SIGINT, SIGTERM, SIGHUP) that ends the program cleanly does not change this: without a fault, the code is 0.',
    '## Faults',
    'What kept an engine from doing all of its work is in `engine.outcome`, in the result of `await engine.finished()`, and in `faults` of `stats()` and `audit()`; in Lua, in `pe:stats().faults` and `pe:audit().faults`. Each fault has a `kind`, a `link`, a `message`, and the error `code` if an engine ended with an error.',
    table(['kind', 'exit code', 'meaning'], FAULT_KINDS.map(({ kind, exitCode, text }) => [`\`${kind}\``, String(exitCode), text])));
}

/** The control protocol: every command and topic by its declaration. */
function protocolPage() {
  const { COMMANDS, TOPICS } = built('src', 'protocol', 'commands.js');
  const { LIMITS } = built('src', 'protocol', 'limits.js');
  const { PROTOCOL_VERSION } = built('src', 'protocol', 'json-rpc.js');
  const { listParameters } = built('src', 'protocol', 'parameters.js');
  const parameters = (declarations) => (Object.keys(declarations).length === 0 ? '' : optionsTable(listParameters(declarations), 'parameter'));
  const sections = (all, what) => Object.entries(all).flatMap(([name, one]) => [
    `### ${name}`, one.summary, parameters(one.parameters),
    [`${what === 'command' ? 'Returns' : 'Each value is'} ${one.result ?? one.value}.`, one.access === 'read' ? '' : 'Needs control access.', one.immediate ? 'Carried out at once.' : ''].filter(Boolean).join(' '),
  ]);
  return page('Control protocol', `Version ${PROTOCOL_VERSION} of the protocol by which a daemon is controlled: [JSON-RPC 2.0](https://www.jsonrpc.org/specification), one message per line, in UTF-8, over a Unix socket or TCP. For tasks, see [Controlling a daemon](../guide/controlling.md).`,
    fenced('json', '{"jsonrpc": "2.0", "id": 1, "method": "engine.stats", "params": {"name": "e0"}}'),
    'Parameters are given by name. The requests of one connection are carried out one after the other and answered in that order; commands marked "Carried out at once" do not wait for the ones before them. Requests without an `id` are carried out and not answered; a list of requests is answered by a list. An error has the code of [JSON-RPC](https://www.jsonrpc.org/specification#error_object) as `code`, and one of ours as `data.code`, as in [error codes](errors.md). After a line that is not JSON, too long or too deep, the daemon answers what came before it, then with an error whose `id` is null, and closes the connection. Empty lines mean nothing.',
    'After `subscribe`, values arrive as notifications: the method is the topic, and the parameters are `subscription`, its number, and `value`.',
    '## Limits', table(['limit', 'value'], [
      ['bytes of a request', LIMITS.requestBytes], ['nesting of a request', LIMITS.depth], ['characters of an `id`', LIMITS.idCharacters], ['requests of a list', LIMITS.batch], ['requests of a client that wait for their turn; no more are read meanwhile', LIMITS.waitingRequests],
      ['subscriptions of a client', LIMITS.subscriptions], ['clients', LIMITS.clients], ['bytes that a client has not read, from which on its requests wait', LIMITS.unreadBytes],
      ['bytes that a client has not read, beyond which it is closed', LIMITS.unreadBytesMost], ['milliseconds in which a client must read something, if there is something to read', LIMITS.stallMilliseconds],
    ]),
    '## Commands', sections(COMMANDS, 'command'), '## Topics', sections(TOPICS, 'topic'));
}

function indexPage(pages) {
  const names = { 'bricks.md': 'bricks with their options, links and counters', 'backends.md': 'backends with their options', 'engine.md': 'engine options', 'command-line.md': 'commands and their options', 'exit-codes.md': 'exit codes, and the faults behind them', 'lua.md': 'all calls from Lua', 'protocol.md': 'the control protocol of a daemon: commands, topics, limits', 'statistics.md': 'what is counted', 'drops.md': 'drop reasons', 'errors.md': 'error codes' };
  return page('Reference', 'Generated from the code by `npm run reference`. For tasks, see the [guide](../guide/README.md).', table(['page', 'contents'], pages.map((name) => [`[${name}](${name})`, names[name]])));
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
    ['protocol.md', protocolPage()],
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
