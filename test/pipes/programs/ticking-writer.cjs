// Writes a packet a millisecond, numbered from 0, until `close` on its input; then prints its books.
const { openWriter } = require('./open-writer.cjs');

const writer = openWriter(process.argv[2], Number(process.argv[3]));
let number = 0;
setInterval(() => {
  writer.send(number++);
  writer.flush();
}, 1);
process.stdin.on('data', () => {
  writer.close();
  process.stdout.write(`${JSON.stringify(writer.books())}\n`, () => process.exit(0));
});
