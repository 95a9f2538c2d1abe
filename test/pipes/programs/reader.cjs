// Reads a pipe and prints "first last" of each batch before it releases it. Waits for the pipe.
const { writeSync } = require('node:fs');
const { attach } = require('../../../dist/src/pipes');

async function main() {
  const reader = await attach(process.argv[2], { wait: true, onWaiting: () => writeSync(2, 'waiting\n') });
  writeSync(2, 'attached\n');
  for await (const batch of reader) {
    const number = (row) => batch.memory.bytes.subarray(batch.offset[row], batch.offset[row] + 4).reduce((value, byte) => value * 256 + byte, 0);
    for (let row = 1; row < batch.count; row++) if (number(row) !== number(row - 1) + 1) writeSync(1, 'out of order\n');
    writeSync(1, `${number(0)} ${number(batch.count - 1)}\n`);
  }
  writeSync(1, 'end\n');
}
main().catch((error) => {
  writeSync(2, `${error.code} ${error.message}\n`);
  process.exit(1);
});
