/**
 * Two checkouts, both built, at the same work in turn: what a change costs.
 *
 *     node bench/compare.js ../before [--rows load-balancer,chain] [--turns 5] [--rounds 7] [--packets 1500000]
 */
'use strict';
const { execFileSync } = require('node:child_process');
const { join, resolve } = require('node:path');
const { parseArgs } = require('node:util');
const { build } = require('./lib/build');
const { root } = require('./lib/paths');
const { summary } = require('./lib/statistics');

const { values, positionals: [other] } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: 'load-balancer,load-balancer-2-tuple,load-balancer-ts,outputs-1000,chain,duplicator' },
    turns: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '7' },
    packets: { type: 'string', default: '1500000' },
  },
});

/** Without what says where this checkout has its files. */
const environment = { ...process.env, BRICKS_NATIVE_DIR: '', BRICKS_DIST: '' };

function time(checkout, row) {
  const words = [join(__dirname, 'children', 'row-time.js'), checkout, row, values.rounds, values.packets];
  return Number(execFileSync(process.execPath, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], env: environment }));
}

function main() {
  if (other === undefined) throw new Error('Name the other checkout, with its benchmarks built: node bench/compare.js ../before');
  build();
  for (const row of values.rows.split(',')) {
    const [before, after] = [[], []];
    for (let turn = 0; turn < Number(values.turns); turn++) {
      before.push(time(resolve(other), row));
      after.push(time(root, row));
    }
    const [a, b] = [summary(before).median, summary(after).median];
    console.log(`${row.padEnd(24)} there ${a.toFixed(2)} ns, here ${b.toFixed(2)} ns, ratio ${(b / a).toFixed(3)}`);
  }
}

try {
  main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
