// Opens a pipe, writes so many numbered packets, says so, and stays: `close` on its input ends it orderly.
const { openWriter } = require('./open-writer.cjs');

try {
  const writer = openWriter(process.argv[2]);
  for (let number = 0; number < Number(process.argv[3]); number++) writer.send(number);
  writer.flush();
  process.stdout.write('written\n');
  process.stdin.on('data', () => {
    writer.close();
    process.exit(0);
  });
} catch (error) {
  process.stdout.write(`${error.code} ${error.message}\n`);
  process.exitCode = 1;
}
