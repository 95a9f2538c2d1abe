// Is idle, as an engine is without traffic, until `send` on its input: then it writes 20 packets, numbered from 0, and is idle again. `close` ends it; then it prints its books.
const { openWriter } = require('./open-writer.cjs');

const writer = openWriter(process.argv[2], Number(process.argv[3]));
setInterval(() => writer.refresh(), 1);
process.stderr.write('opened\n');
process.stdin.on('data', (data) => {
  if (String(data) === 'send') {
    for (let number = 0; number < 20; number++) writer.send(number);
    writer.flush();
    process.stderr.write('written\n');
    return;
  }
  writer.close();
  process.stdout.write(`${JSON.stringify(writer.books())}\n`, () => process.exit(0));
});
