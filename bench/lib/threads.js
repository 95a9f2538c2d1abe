/** CPU time of threads. */
'use strict';
const { existsSync, readFileSync, readdirSync } = require('node:fs');

/** Nanoseconds that the threads of a process have had, of those whose names are wanted. */
function threadsCpu(wanted, process = 'self') {
  let sum = 0;
  const threads = existsSync(`/proc/${process}/task`) ? readdirSync(`/proc/${process}/task`) : [];
  for (const thread of threads) {
    try {
      if (!wanted(readFileSync(`/proc/${process}/task/${thread}/comm`, 'utf8').trim())) continue;
      sum += Number(readFileSync(`/proc/${process}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum;
}

/** Nanoseconds that the threads of this name have had, in this process. */
exports.threadCpu = (name) => threadsCpu((comm) => comm === name);

/** Processes that a process has begun. */
function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((text) => text.trim() !== '').map(Number);
  } catch {
    return [];
  }
}

/** Nanoseconds that a process has had, with those that it has begun. */
exports.processCpu = function processCpu(pid) {
  return threadsCpu(() => true, pid) + childrenOf(pid).reduce((sum, child) => sum + processCpu(child), 0);
};

/** Nanoseconds that this process has had without the threads of this name. */
exports.otherThreadsCpu = (name) => threadsCpu((comm) => comm !== name);
