// Opens a pipe, writes so many numbered packets (of which all stay, with `keep`), says so, and stays: `close` on its input ends it orderly.
const { openWriter } = require('./open-writer.cjs');

try {
  const writer = openWriter(process.argv[2], process.argv[4] === 'keep' ? 1 << 20 : 0, process.argv[5]);
  for (let number = 0; number < Number(process.argv[3]); number++) writer.send(number);
  writer.flush();
  void writer.readersAttached().then(() => process.stdout.write('written\n'));
  process.stdin.on('data', () => {
    writer.close();
    process.exit(0);
  });
} catch (error) {
  process.stdout.write(`${error.code} ${error.message}\n`);
  process.exitCode = 1;
}
