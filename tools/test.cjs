'use strict';
/** Runs the tests, and closes with one plain line of counts. Arguments go to jest, before ours: reporters take all names behind them. */
const { spawnSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');

const root = dirname(__dirname);
const folder = mkdtempSync(join(tmpdir(), 'bricks-test-'));
const file = join(folder, 'counts.json');
const jest = require.resolve('jest/bin/jest', { paths: [root] });
const { status } = spawnSync(process.execPath, [jest, ...process.argv.slice(2), '--reporters=default', `--reporters=${join(__dirname, 'test-counts.cjs')}`], {
  cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, BRICKS_TEST_COUNTS: file },
});
let counts;
try {
  counts = JSON.parse(readFileSync(file, 'utf8'));
} catch {
  process.stdout.write('the tests did not run\n');
}
rmSync(folder, { recursive: true, force: true });
if (counts) process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
process.exit(status === 0 && counts?.passed > 0 ? 0 : 1);
