'use strict';
/** What can follow on the command lines of all programs, from the definitions of their commands. */
const { readdirSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { commands } = require('../reference.cjs');

const root = dirname(dirname(__dirname));
const built = (...parts) => require(join(root, 'dist', 'src', ...parts));

/** Programs that are another name of a command. */
const ALIASES = { 'bricks-shell': 'bricks shell' };

/** The kinds, by what the help calls a value. */
const KINDS = { SCRIPT: 'script', FILE: 'file', DIRECTORY: 'directory', PATH: 'directory', USER: 'user', GROUP: 'group', 'PROGRAM ...': 'program' };

/** What an option's value is, where something can be offered for it: words, or one of the kinds that the scripts know. */
function valueKinds() {
  const { allBackends } = built('plugins', 'container.js');
  const { LOG_LEVELS, LOG_FORMATS } = built('daemon', 'log.js');
  const { VALUES } = built('cli', 'help.js');
  const { RULE_WORDS } = built('rules', 'read-rule.js');
  return {
    '--type': RULE_WORDS, '--backend': allBackends().map(({ name }) => name), '--log-level': LOG_LEVELS, '--log-format': LOG_FORMATS,
    ...Object.fromEntries(Object.entries(VALUES).filter(([, value]) => Object.hasOwn(KINDS, value)).map(([option, value]) => [option, KINDS[value]])),
  };
}

/** The same for arguments, by their names in the usage. */
const ARGUMENT_KINDS = { '<pipe>': 'pipe', '<interface>': 'interface', '<script>': 'script' };
/** Commands whose arguments the usage does not name. */
function otherArguments() {
  const { ACTIONS } = built('cli', 'commands', 'filter.js');
  return { 'bricks completion': ['bash', 'zsh', 'fish'], 'bricks doctor': 'interface', 'bricks filter': Object.keys(ACTIONS), 'bricks netmap-run': 'program' };
}

const firstSentence = (text) => text.trim().split('\n')[0].replace(/\.$/, '');

function optionsOf(definition, kinds) {
  const own = definition.options.map(({ definition: text, description = '' }) => {
    const [names, value] = text.split(' ');
    const list = names.split(',');
    return { names: list, description, ...(value === undefined ? {} : { value: kinds[list[list.length - 1]] ?? 'any' }) };
  });
  return [...own, { names: ['-h', '--help'], description: 'print help' }];
}

/** Commands of `bricks ctl`, each with its parameters. */
function controlNodes(daemonOptions) {
  const { COMMANDS } = built('protocol', 'commands.js');
  const { usableCommands, optionOf, optionParameters } = built('cli', 'ctl', 'words.js');
  return usableCommands().map((name) => ({
    path: `bricks ctl ${name}`, summary: firstSentence(COMMANDS[name].summary), commands: [], argument: COMMANDS[name].positional?.[0] === 'name' && name !== 'engine.create' ? 'engine' : undefined,
    options: [...daemonOptions, ...optionParameters(COMMANDS[name]).map(([parameter, { description, oneOf, type }]) => ({
      names: [optionOf(parameter)], description, value: oneOf?.map(String) ?? (type === 'boolean' ? ['true', 'false'] : type === 'file' ? 'file' : 'any'),
    }))],
  }));
}

/** One for each program and command: what it is, its options, its commands, and what its arguments are. */
function nodes() {
  const kinds = valueKinds();
  const others = otherArguments();
  const made = commands().map(({ path, usage, description, definition }) => {
    const named = /<[\w-]+>/.exec(usage)?.[0];
    return { path, summary: firstSentence(description), options: optionsOf(definition, kinds), commands: [], argument: others[path] ?? ARGUMENT_KINDS[named] };
  });
  const control = made.find(({ path }) => path === 'bricks ctl');
  if (control) made.push(...controlNodes(control.options));
  for (const node of made) node.commands = made.filter(({ path }) => path.startsWith(`${node.path} `) && !path.slice(node.path.length + 1).includes(' ')).map(({ path, summary }) => ({ name: path.slice(node.path.length + 1), summary }));
  const main = made.find(({ path }) => path === 'bricks');
  // The other programs also go by a word of this one.
  for (const node of made.filter(({ path }) => path.startsWith('bricks-'))) {
    const word = node.path.slice('bricks-'.length);
    main.commands.push({ name: word, summary: node.summary });
    made.push({ ...node, path: `bricks ${word}` });
  }
  main.commands.push({ name: 'help', summary: 'Explain a command' });
  made.push({ path: 'bricks help', summary: '', options: [], commands: [], argument: main.commands.map(({ name }) => name).filter((name) => name !== 'help') });
  return made;
}

/** The options that take a value, each behind its command, by what the value is. */
function valuesOf(all) {
  const found = new Map();
  for (const { path, options } of all) {
    for (const { names, value } of options) {
      if (value === undefined) continue;
      const key = JSON.stringify(value);
      if (!found.has(key)) found.set(key, { kind: value, options: [] });
      found.get(key).options.push(...names.map((name) => `${path} ${name}`));
    }
  }
  return [...found.values()];
}

/** Setups that -f finds by their names. */
function shippedScripts() {
  return readdirSync(join(root, 'scripts')).filter((name) => name.endsWith('.lua')).map((name) => name.slice(0, -4)).sort();
}

function model() {
  const all = nodes();
  return { nodes: all, values: valuesOf(all), aliases: ALIASES, scripts: shippedScripts(), programs: [...new Set([...all.map(({ path }) => path.split(' ')[0]), ...Object.keys(ALIASES)])].sort() };
}

module.exports = { model };
