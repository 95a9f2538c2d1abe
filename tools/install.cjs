'use strict';
/** npm's install step: builds the native parts, and never fails for the want of a compiler or a library. */
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { dirname, join } = require('node:path');

const root = dirname(__dirname);
// In a clone, tools/setup.cjs builds them, once the system packages are there.
if (existsSync(join(root, 'src', 'index.ts')) && existsSync(join(root, '.git'))) process.exit(0);
let builder;
try {
  builder = require.resolve('cmake-js/bin/cmake-js', { paths: [root] });
} catch {
  builder = undefined;
}
const result = builder && spawnSync(process.execPath, [builder, 'compile', '--log-level', 'error'], { cwd: root, stdio: 'inherit' });
if (!result || result.status !== 0) {
  process.stderr.write('packet-bricks: the native parts were not built. What needs them will say so.\n'
    + 'packet-bricks: on Debian: apt-get install g++ cmake make libpcap-dev liblua5.1-0-dev; then: npx bricks build\n');
}
// Now it is known which Node runs it.
require('./code-cache.cjs').tryToWriteCaches();
