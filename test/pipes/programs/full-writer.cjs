// Owns a pipe and has no descriptors left; says how much of a processor it takes. `free` on its input gives them back.
const { closeSync, openSync, writeSync } = require('node:fs');
const { preparePipes } = require('../../../dist/src/pipes');
const { parseLinkName } = require('../../../dist/src/model/link-name');

preparePipes({ engine: 'writer', sources: [], sinks: [{ link: parseLinkName(process.argv[2]), options: {} }], backendOptions: {} });
const open = [];
process.stdin.on('data', () => open.splice(0).forEach((descriptor) => closeSync(descriptor)));
try {
  for (;;) open.push(openSync('/dev/null'));
} catch (error) {
  writeSync(1, `${error.code}\n`);
}
setTimeout(() => {
  const before = process.cpuUsage();
  setTimeout(() => {
    const { user, system } = process.cpuUsage(before);
    writeSync(1, `${Math.round((user + system) / 10_000)} percent\n`);
  }, 1000);
}, 500);
