'use strict';
// A recorder's thread that is late: it has looked whether to begin, and looks what to close only when its engine has begun and ended.
const SLEEP = 1;
const CLOSE = 2;
const BEGIN = 3;
const WORDS = 5;
const LATE = 99;
const load = Atomics.load;
const pause = new Int32Array(new SharedArrayBuffer(4));
let looked = false;

Atomics.load = (words, index) => {
  const value = load(words, index);
  if (words.length === WORDS && index === BEGIN && !looked) {
    looked = true;
    Atomics.store(words, SLEEP, LATE);
    Atomics.notify(words, SLEEP);
    while (load(words, CLOSE) === 0) Atomics.wait(pause, 0, 0, 1);
    // Until its files are to be closed, too, which is a moment later.
    Atomics.wait(pause, 0, 0, 20);
  }
  return value;
};

require('../../dist/src/files/recorder-worker.js');
