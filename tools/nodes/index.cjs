'use strict';
/** The other versions of Node that are installed here. */
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

const { optionalDependencies } = JSON.parse(readFileSync(join(__dirname, 'package.json'), 'utf8'));
const MAJORS = [...new Set(Object.keys(optionalDependencies).map((name) => Number(name.split('-')[1])))];

/** The program of a version, or undefined where it was not installed. */
function nodeOf(major) {
  const path = join(__dirname, 'node_modules', `node-${major}-${process.platform}-${process.arch}`, 'bin', 'node');
  return existsSync(path) ? path : undefined;
}

module.exports = { MAJORS, nodeOf };
