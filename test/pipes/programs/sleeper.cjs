// Attaches to a pipe and takes nothing.
const { attach } = require('../../../dist/src/pipes');
attach(process.argv[2], { wait: true }).then(() => {
  process.stdout.write('attached\n');
  setInterval(() => undefined, 1000);
});
