'use strict';
/** Runs the tests, and closes with one plain line of counts. Arguments go to jest. */
const { spawnSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');

const root = dirname(__dirname);
const folder = mkdtempSync(join(tmpdir(), 'bricks-test-'));
const results = join(folder, 'results.json');
const jest = require.resolve('jest/bin/jest', { paths: [root] });
const { status } = spawnSync(process.execPath, [jest, '--json', '--outputFile', results, ...process.argv.slice(2)], { cwd: root, stdio: ['ignore', 2, 2] });
let counts;
try {
  counts = JSON.parse(readFileSync(results, 'utf8'));
} catch {
  process.stdout.write('the tests did not run\n');
}
rmSync(folder, { recursive: true, force: true });
if (counts) {
  const skipped = counts.numPendingTests + counts.numTodoTests;
  process.stdout.write(`${counts.numPassedTests} passed, ${counts.numFailedTests + counts.numRuntimeErrorTestSuites} failed, ${skipped} skipped\n`);
}
process.exit(status === 0 && counts?.numPassedTests > 0 ? 0 : 1);
