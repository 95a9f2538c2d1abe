/** Builds what the benchmarks run: the TypeScript, the native parts and the C peers. */
'use strict';
const { execFileSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { bundle } = require('../../tools/bundle.cjs');
const { tryToWriteCaches } = require('../../tools/code-cache.cjs');
const { dist, native, root } = require('./paths');

function run(command, words) {
  try {
    execFileSync(command, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error(`${command} ${words.join(' ')} failed:\n${error.stdout ?? ''}${error.stderr ?? ''}`, { cause: error });
  }
}

/** Directories that the environment names are taken as they are. */
exports.build = () => {
  if (native === join(root, 'build', 'Release')) {
    if (!existsSync(join(root, 'build', 'CMakeCache.txt')) || !existsSync(join(native, 'bench_rings.node'))) run('npx', ['cmake-js', 'configure']);
    run('npx', ['cmake-js', 'build']);
  }
  if (dist === join(root, 'dist')) {
    run('npx', ['tsc', '-p', '.']);
    bundle();
    tryToWriteCaches();
  }
};
