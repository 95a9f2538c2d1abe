/** On what the figures were measured. */
'use strict';
const { cpus, loadavg, release, totalmem, type } = require('node:os');

exports.machine = () => {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? 'unknown',
    cpus: all.length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    v8: process.versions.v8,
    loadBefore: loadavg()[0],
  };
};
