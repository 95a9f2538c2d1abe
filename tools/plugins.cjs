'use strict';
/**
 * Makes docs/plugins.md and the README of each plugin in plugins/ from what the packages and their bricks declare. `node tools/plugins.cjs` writes them;
 * `--check` only says which are out of date.
 */
const { existsSync, readFileSync, readdirSync, writeFileSync } = require('node:fs');
const { dirname, join, relative } = require('node:path');
const { fenced, linksOf, optionsTable, sentence, table } = require('./reference/markdown.cjs');

const root = dirname(__dirname);
const folder = join(root, 'plugins');
const built = (...parts) => require(join(root, 'dist', 'src', ...parts));
const NOTE = '<!-- Generated from the code by `node tools/plugins.cjs`. Do not edit. -->';

/** Each plugin with the declarations of its bricks, and its backends. */
async function collect() {
  const { loadModule } = built('plugins', 'load-module.js');
  const { brickClassesOf } = built('plugins', 'load-brick.js');
  const { backendsOf } = built('plugins', 'load-backend.js');
  const { listOptions } = built('model', 'options.js');
  const { readPluginPackage } = built('plugins', 'plugin-package.js');
  const packages = readdirSync(folder).sort().flatMap((name) => readPluginPackage(join(folder, name)) ?? []);
  return Promise.all(packages.map(async (plugin) => {
    if (plugin.problem !== undefined) throw new Error(`${plugin.name}: ${plugin.problem}`);
    const modules = await Promise.all([...new Set([...plugin.bricks.values(), ...plugin.backends.values()])].map((file) => loadModule(file)));
    const [classes, backends] = [modules.flatMap(brickClassesOf), modules.flatMap(backendsOf)];
    return {
      ...plugin, declarations: [...plugin.bricks.keys()].map((name) => classes.find(({ declaration }) => declaration.name === name).declaration),
      backendDeclarations: [...plugin.backends.keys()].map((wanted) => backends.find(({ name }) => name === wanted)).map((backend) => ({ ...backend, options: listOptions(backend.options) })),
    };
  }));
}

function brickSection(brick) {
  return [
    `## ${brick.name}`, brick.summary, brick.description, `Links: ${linksOf(brick.inputs, 'input')}, ${linksOf(brick.outputs, 'output')}.`,
    optionsTable(brick.options),
    brick.shorthand ? `A bare value sets \`${brick.shorthand}\`: \`Brick.new("${brick.name}", VALUE)\`, \`new ${brick.name}(VALUE)\`.` : '',
    brick.counters.length > 0 ? table(['counter', 'what it counts'], brick.counters.map(({ name, description }) => [`\`${name}\``, sentence(description)])) : '',
    fenced('lua', brick.examples.lua), fenced('ts', brick.examples.typescript),
  ];
}

function backendSection(backend) {
  return [
    `## ${backend.name}`, `A backend: ${backend.summary}.`, backend.description ?? '', optionsTable(backend.options),
    fenced('sh', `bricks --backend ${backend.name}${backend.options.slice(0, 1).map(({ name }) => ` -o ${name}=VALUE`).join('')} -f SCRIPT`),
  ];
}

function readme(plugin) {
  const names = [...plugin.declarations, ...plugin.backendDeclarations].map(({ name }) => name).join(', ');
  return [
    NOTE, `# ${plugin.name}`, `${sentence(plugin.summary)} A plugin for [Packet Bricks](../../README.md).`,
    fenced('sh', `npm install ${plugin.name}`), `It brings: ${names}. [Plugins](../../docs/guide/plugins.md) shows how ${plugin.declarations.length > 0 ? 'bricks' : 'backends'} of plugins are used.`,
    ...plugin.declarations.flatMap(brickSection), ...plugin.backendDeclarations.flatMap(backendSection),
  ];
}

function catalogue(plugins) {
  return [
    NOTE, '# Plugins',
    'Bricks and backends in separate packages. [Plugins](guide/plugins.md) shows how they are used, [Writing a plugin](writing-a-plugin.md) how they are made. `npm search packet-bricks-plugin` finds others.',
    table(['package', 'what it does', 'bricks', 'backends'], plugins.map(({ name, summary, folder: path, bricks, backends }) => [
      `[${name}](../${relative(root, path)}/README.md)`, sentence(summary), [...bricks.keys()].map((brick) => `\`${brick}\``).join(', '), [...backends.keys()].map((backend) => `\`${backend}\``).join(', '),
    ])),
    ...plugins.flatMap(({ name, declarations, backendDeclarations }) => [`## ${name}`, ...[...declarations, ...backendDeclarations].map(({ name: brick, summary, options }) => [
      `**${brick}**: ${sentence(summary)}`, `Options: ${options.map((option) => `\`${option.name}\``).join(', ')}.`,
    ].join(' '))]),
  ];
}

async function pages() {
  const plugins = await collect();
  const text = (parts) => `${parts.filter((part) => part !== '').join('\n\n').replace('-->\n\n', '-->\n')}\n`;
  return new Map([[join('docs', 'plugins.md'), text(catalogue(plugins))], ...plugins.map((plugin) => [join(relative(root, plugin.folder), 'README.md'), text(readme(plugin))])]);
}

async function main() {
  const check = process.argv[2] === '--check';
  for (const [path, text] of await pages()) {
    const file = join(root, path);
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
    if (!check) writeFileSync(file, text);
    else process.exitCode = 1;
    process.stdout.write(`${path} ${check ? 'is out of date: node tools/plugins.cjs writes it' : 'written'}\n`);
  }
}

void main();
