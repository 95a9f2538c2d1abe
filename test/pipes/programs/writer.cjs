// Opens a pipe, writes so many numbered packets, says so, and stays: `close` on its input ends it orderly.
const { parseLinkName } = require('../../../dist/src/core/link-name');
const { createCounterBlock, LINK_RECORD } = require('../../../dist/src/core/counters');
const { createPacketBatch, packetMemory } = require('../../../dist/src/core/packet-batch');
const { createPacketLists } = require('../../../dist/src/core/packet-list');
const { discardPipes, PipePorts, preparePipes } = require('../../../dist/src/pipes');

const link = parseLinkName(process.argv[2]);
try {
  const prepared = preparePipes({ engine: 'writer', sources: [], sinks: [{ link, options: {} }], backendOptions: {} });
  const batch = createPacketBatch(1);
  batch.memory = packetMemory(new ArrayBuffer(64));
  batch.length[0] = batch.wireLength[0] = 60;
  const lists = createPacketLists(1, 1);
  const transmitter = new PipePorts().openSinks(
    [{ link, options: {}, lists, output: 0, counters: createCounterBlock(LINK_RECORD), record: 0 }],
    { batchRows: 1, prepared, batches: [batch], copies: false, notice: () => undefined },
  );
  for (let number = 0; number < Number(process.argv[3]); number++) {
    new DataView(batch.memory.bytes.buffer).setUint32(0, number);
    lists.rows[0] = 0;
    lists.counts[0] = 1;
    transmitter.transmit(batch, false);
  }
  transmitter.flush();
  process.stdout.write('written\n');
  process.stdin.on('data', () => {
    transmitter.close();
    discardPipes(prepared);
    process.exit(0);
  });
} catch (error) {
  process.stdout.write(`${error.code} ${error.message}\n`);
  process.exitCode = 1;
}
