'use strict';
// A recorder's thread whose disk does nothing: it has started, and never looks at its files again.
const { workerData } = require('node:worker_threads');
const STATE = 0;
const STARTED = 1;
const { shared } = workerData.captureFiles;

Atomics.store(shared, STATE, STARTED);
Atomics.notify(shared, STATE);
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
