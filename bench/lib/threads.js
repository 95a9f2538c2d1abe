/** CPU time of one thread of this process, by its name. */
'use strict';
const { readFileSync, readdirSync } = require('node:fs');

/** Nanoseconds that the threads of this name have had. */
exports.threadCpu = (name) => {
  let sum = 0;
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      if (readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim() !== name) continue;
      sum += Number(readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum;
};
