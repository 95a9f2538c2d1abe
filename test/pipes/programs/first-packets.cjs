// An engine waits for a pipe, and then packets come. Prints which functions V8 had to give up then: what `--trace-deopt` writes into
// the file that `--redirect-code-traces-to` names, which is also the first argument.
const { readFileSync } = require('node:fs');
const { setTimeout: pause } = require('node:timers/promises');
const { parseLinkName } = require('../../../dist/src/core/link-name');
const { createCounterBlock, LINK_RECORD } = require('../../../dist/src/core/counters');
const { createPacketBatch, packetMemory } = require('../../../dist/src/core/packet-batch');
const { createPacketLists } = require('../../../dist/src/core/packet-list');
const { PipePorts, preparePipes } = require('../../../dist/src/pipes');
const { LoadBalancer, PacketEngine } = require('../../../dist/src');

/** Longer than an engine looks again and again after its start, by code that V8 optimises meanwhile. */
const SILENCE = 500;
const PACKETS = 200;

async function main() {
  const link = parseLinkName('first{0');
  const prepared = preparePipes({ engine: 'writer', sources: [], sinks: [{ link, options: {} }], backendOptions: {} });
  const batch = createPacketBatch(1);
  batch.memory = packetMemory(new ArrayBuffer(64));
  batch.length[0] = batch.wireLength[0] = 60;
  const lists = createPacketLists(1, 1);
  const transmitter = new PipePorts().openSinks(
    [{ link, options: {}, lists, output: 0, counters: createCounterBlock(LINK_RECORD), record: 0 }],
    { batchRows: 1, prepared, batches: [batch], copies: false, notice: () => undefined },
  );
  const engine = new PacketEngine('first', { backend: 'loopback' });
  await engine.link(new LoadBalancer().connectInput('first}0').connectOutput('a', 'b'));
  await engine.start();
  await pause(SILENCE);
  const before = readFileSync(process.argv[2], 'latin1').length;
  for (let number = 0; number < PACKETS; number++) {
    lists.rows[0] = 0;
    lists.counts[0] = 1;
    transmitter.transmit(batch, false);
    transmitter.flush();
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
