// Reads a pipe as an engine does, opening it if it is not there, and prints "first last" of each batch.
// `again` on its input closes the end and opens it anew at once.
const { writeSync } = require('node:fs');
const { parseLinkName } = require('../../../dist/src/model/link-name');
const { createCounterBlock, LINK_RECORD } = require('../../../dist/src/model/counters');
const { createPacketBatch } = require('../../../dist/src/model/packet-batch');
const { discardPipes, PipePorts, preparePipes } = require('../../../dist/src/pipes');

const link = parseLinkName(process.argv[2]);
const batch = createPacketBatch(64);
let prepared;
let port;

function open() {
  prepared = preparePipes({ engine: 'reader', sources: [{ link, options: {} }], sinks: [], backendOptions: {} });
  port = new PipePorts().openSource(
    { link, options: {}, queue: -1, batch, flowColumns: false, alsoSink: false, counters: createCounterBlock(LINK_RECORD), record: 0 },
    { batchRows: 64, prepared, batches: [batch], copies: false, notice: () => undefined },
  );
  writeSync(2, 'opened\n');
}

open();
process.stdin.on('data', () => {
  port.close();
  discardPipes(prepared);
  open();
});
setInterval(() => {
  while (port.receive() > 0) {
    writeSync(1, `${batch.nanoseconds[0]} ${batch.nanoseconds[batch.count - 1]}\n`);
    port.release();
  }
}, 1);
