// An engine waits for a pipe, and then packets come. Prints which functions V8 had to give up then: what `--trace-deopt` writes into
// the file that `--redirect-code-traces-to` names, which is also the first argument.
const { readFileSync } = require('node:fs');
const { setTimeout: pause } = require('node:timers/promises');
const { LoadBalancer, PacketEngine } = require('../../../dist/src');
const { openWriter } = require('./open-writer.cjs');

/** Longer than an engine looks again and again after its start, by code that V8 optimises meanwhile. */
const SILENCE = 500;
const PACKETS = 200;

async function main() {
  const writer = openWriter('first{0');
  const engine = new PacketEngine('first', { backend: 'loopback' });
  await engine.link(new LoadBalancer().connectInput('first}0').connectOutput('a', 'b'));
  await engine.start();
  await pause(SILENCE);
  const before = readFileSync(process.argv[2], 'latin1').length;
  for (let number = 0; number < PACKETS; number++) {
    writer.send(number);
    writer.flush();
    await pause(1);
  }
  while (engine.stats().packets < PACKETS) await pause(5);
  const written = readFileSync(process.argv[2], 'latin1').slice(before);
  const given = [...written.matchAll(/\[bailout \(kind: ([^,]+), reason: ([^)]+)\).*?<JSFunction ([^ >]*)/g)].map(([, , reason, code]) => `${code}: ${reason}`);
  console.log(JSON.stringify({ packets: engine.stats().packets, given }));
  process.exit(0);
}

main().catch((error) => {
  console.log(error);
  process.exit(1);
});
