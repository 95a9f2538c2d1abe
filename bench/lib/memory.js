/** Directories in memory (/dev/shm), where there is such a place. */
'use strict';
const { existsSync, mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

/** A new one, for the caller to remove. */
function makeMemoryDirectory() {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bricks-bench-'));
}

module.exports = { makeMemoryDirectory };
