// Preloaded into a daemon: a Filter's control half dies once the file that BRICKS_TEST_DEATH names is there, as that file says.
'use strict';
const { readFileSync } = require('node:fs');
const { isMainThread, workerData } = require('node:worker_threads');

if (!isMainThread && workerData?.label === 'Filter') {
  setInterval(() => {
    let how;
    try {
      how = readFileSync(process.env.BRICKS_TEST_DEATH, 'utf8');
    } catch {
      return;
    }
    if (how === 'exit') process.exit(1);
    if (how === 'throw') throw new Error('the end');
  }, 5).unref();
}
