/**
 * Engines here run as those of installed packages do: from the bundles in dist/bundle, of which V8 makes other code than of the files one by one. The main thread
 * runs the files, for what they don't export to programs.
 */
'use strict';
const { join } = require('node:path');
const threads = require('node:worker_threads');
const { dist } = require('./paths');

const { Worker } = threads;
const files = join(dist, 'src');

threads.Worker = class extends Worker {
  constructor(file, options) {
    super(typeof file === 'string' && file.startsWith(files) ? join(dist, 'bundle', file.slice(files.length)) : file, options);
  }
};

/** The package's exports, as this thread has them. */
module.exports = require(join(dist, threads.isMainThread ? 'src' : 'bundle', 'index.js'));
