'use strict';
/**
 * Makes one file of everything that a thread needs, so that it starts sooner (docs/decisions/0038-bundles-and-code-caches.md).
 * dist/bundle/FOLDER/NAME.js is what is run; its code lies beside it as NAME.HASH.js. Each lies one folder below dist/bundle, as each source lies one
 * below dist/src: paths from one to another are the same, bundled or not. After tsc, which checks the types: esbuild only removes them.
 */
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');
const { buildSync } = require('esbuild');

const root = dirname(__dirname);
const out = join(root, 'dist', 'bundle');

/** `exports`: also the package's exports, for modules of users that import them in this thread. */
const BUNDLES = [
  { name: 'cli/main', source: 'src/cli/main.ts', exports: true },
  { name: 'cli/daemon-programs', source: 'src/cli/daemon-programs.ts', exports: true },
  { name: 'control/engine-worker', source: 'src/control/engine-worker.ts', exports: true },
  { name: 'control/control-worker', source: 'src/control/control-worker.ts', exports: true },
  { name: 'lua/lua-worker', source: 'src/lua/lua-worker.ts' },
  { name: 'files/recorder-worker', source: 'src/files/recorder-worker.ts' },
  { name: 'observe/metrics-server', source: 'src/observe/metrics-server.ts' },
  { name: 'top/run-top', source: 'src/top/run-top.ts' },
  { name: 'observe/web-server', source: 'src/observe/web-server.ts' },
  { name: 'library/index', source: 'src/index.ts' },
];
/** Built-in bricks: an engine runs each anew for each of its nodes. */
const BRICKS = ['dummy', 'duplicator', 'filter', 'load-balancer', 'merge', 'pcap-reader', 'pcap-writer'];
/** Files that are seldom needed, or run more than once in a thread, and run as they are. */
const PLAIN = [
  ...BRICKS.map((name) => ({ name: `bricks/${name}`, source: `src/bricks/${name}.ts` })),
  ...['bricks', 'bricks-server', 'bricks-shell', 'bricks-load-balance', 'bricks-duplicate', 'bricks-kill-server'].map((name) => ({ name: `cli/${name}`, source: `src/cli/${name}.ts` })),
  { name: 'launch', source: 'src/launch.ts' },
  { name: 'plugins/sucrase', source: 'node_modules/sucrase' },
  { name: 'rules/rule-control', source: 'src/rules/rule-control.ts' },
  { name: 'plugins/script-hooks', source: 'src/plugins/script-hooks.ts' },
  { name: 'testing/index', source: 'src/testing/index.ts' },
  { name: 'testing/bench-child', source: 'src/testing/bench-child.ts' },
  { name: 'plugins/plugin-thread', source: 'src/plugins/plugin-thread.ts' },
  { name: 'pcap/node-pcap-child', source: 'backends/pcap/node-pcap-child.ts' },
];
/** A bundle of its own; and what is optional and may not be installed. */
const EXTERNAL = ['./main', './daemon-programs', 'pcap', 'pcap/*', '../plugins/sucrase.js', '../observe/metrics-server', '../observe/web-server', '../top/run-top', '../rules/rule-control.js'];
/** Large, and needed by scripts in TypeScript only. */
const APART = { sucrase: '../plugins/sucrase.js' };
/** Modules of Node that are seldom needed, and loaded when they are. */
const SELDOM = ['child_process', 'dgram', 'net', 'readline', 'tls'];
/** terminal-kit loads its parts by names that no bundler can follow, unless the module that loads them all comes first; which it then says on standard output. */
const TERMINAL_KIT = /if \(process\.browser \|\| require\.cache\[[^\]]+\]\) \{\s*console\.log\([^)]*\);/;
const LAZY = "const lazy = (name) => new Proxy({}, { get: (_, key) => require(name)[key] });\n";

/** The bundled text of an entry, and the packages whose code is in it. */
function compile(contents) {
  const { outputFiles, metafile } = buildSync({
    stdin: { contents, resolveDir: root, sourcefile: 'entry.ts', loader: 'ts' },
    absWorkingDir: root, bundle: true, platform: 'node', format: 'cjs', target: 'node20', external: EXTERNAL, alias: APART, loader: { '': 'empty' }, write: false, metafile: true, logLevel: 'error',
  });
  const text = outputFiles[0].text.replace(/^#!.*\n/, '').replace(TERMINAL_KIT, 'if (true) {').replace(/^(var import_\w+ = )require\("node:(\w+)"\);$/gm, (all, start, name) => (SELDOM.includes(name) ? `${start}lazy("node:${name}");` : all));
  return { text: `${LAZY}${text}`, inputs: Object.keys(metafile.inputs) };
}

/** The page that `--web` serves: all that a browser needs, from one server. Returns what is in it. */
function webPage() {
  const from = (...names) => join(root, 'src', 'web', ...names);
  const { outputFiles, metafile } = buildSync({
    entryPoints: [from('page.ts')], absWorkingDir: root, bundle: true, minify: true, platform: 'browser', format: 'iife', target: 'es2022', write: false, metafile: true, logLevel: 'error',
  });
  write('web/page.js', outputFiles[0].text);
  write('web/page.css', `${readFileSync(join(root, 'node_modules', 'uplot', 'dist', 'uPlot.min.css'), 'utf8')}\n${readFileSync(from('page.css'), 'utf8')}`);
  for (const name of ['index.html', 'login.html']) write(`web/${name}`, readFileSync(from(name), 'utf8'));
  return Object.keys(metafile.inputs);
}

function write(name, text, mode = 0o644) {
  const file = join(out, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
}

/** The licenses of the packages whose code is in the bundles. */
function licenses(inputs) {
  const folders = new Set([...inputs].flatMap((input) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []));
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license, repository } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const where = typeof repository === 'string' ? repository : repository?.url ?? '';
    return `${name} ${version}, ${license}, ${where}\n\n${file ? readFileSync(join(root, folder, file), 'utf8') : ''}`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

function bundle() {
  rmSync(out, { recursive: true, force: true });
  const inputs = new Set();
  for (const { name, source, exports } of [...BUNDLES, ...PLAIN]) {
    const library = exports ? "export * as packetBricks from './src/index';\n" : '';
    const { text, inputs: own } = compile(`${library}export * from './${source.replace(/\.ts$/, '')}';\n`);
    own.forEach((input) => inputs.add(input));
    if (PLAIN.some((plain) => plain.name === name)) {
      write(`${name}.js`, `#!/usr/bin/env node\n${text}`, 0o755);
      continue;
    }
    // See src/launch.ts.
    const code = text.replace(/\bimport\(/g, '__import(');
    const hash = createHash('sha256').update(code).digest('hex').slice(0, 12);
    write(`${name}.${hash}.js`, code);
    write(`${name}.js`, `#!/usr/bin/env node\n'use strict';\nmodule.exports = require('../launch.js').launch(require.resolve('./${basename(name)}.${hash}.js'), require);\n`, 0o755);
  }
  webPage().forEach((input) => inputs.add(input));
  write('LICENSES.txt', licenses(inputs));
  // The names are what a module that imports them by name looks for.
  const names = Object.keys(require(join(root, 'dist', 'src', 'index.js')));
  write('index.js', `'use strict';\nmodule.exports = require('./launch.js').packetBricks(() => require('./library/index.js'));\n0 && (module.exports = { ${names.join(', ')} });\n`);
  require('./completion.cjs').writeCompletion();
}

module.exports = { bundle };
