/** Writes packets to files as fast as it can until it is killed. Arguments: the module of the sink, and the files. ROTATE_BYTES: rotates them. */
const { dirname, join } = require('node:path');
const [, , sinkModule, ...paths] = process.argv;
const model = join(dirname(sinkModule), '..', 'model');
const { FileTransmitter } = require(sinkModule);
const { createPacketBatch, packetMemory } = require(join(model, 'packet-batch.js'));
const { createPacketLists } = require(join(model, 'packet-list.js'));
const { createCounterBlock } = require(join(model, 'counters.js'));
const { parseLinkName } = require(join(model, 'link-name.js'));

const batch = createPacketBatch();
batch.memory = packetMemory(new ArrayBuffer(1 << 20));
const lists = createPacketLists(paths.length, 256);
const counters = createCounterBlock(16 * paths.length);
const options = process.env.ROTATE_BYTES ? { rotateBytes: Number(process.env.ROTATE_BYTES) } : {};
const requests = paths.map((path, output) => ({ link: parseLinkName(path), options, lists, output, counters, record: 16 * output }));
const context = { batchRows: 256, prepared: undefined, batches: [batch], copies: false, notice: (text) => process.stderr.write(`${text}\n`) };
for (let row = 0; row < 256; row++) {
  batch.offset[row] = row * 2048;
  batch.length[row] = batch.wireLength[row] = 60 + ((row * 577) % 1455);
  batch.seconds[row] = 1700000000;
}
const first = process.hrtime.bigint();
const transmitter = new FileTransmitter(requests, context);
process.stdout.write('started\n');
const rest = new Int32Array(new SharedArrayBuffer(4));
let written = 0;
while (process.hrtime.bigint() - first < 20_000_000_000n) {
  for (let output = 0; output < paths.length; output++) {
    lists.counts[output] = 256;
    for (let row = 0; row < 256; row++) lists.rows[(output << lists.shift) + row] = row;
  }
  while (transmitter.transmit(batch, true) > 0) { transmitter.flush(); Atomics.wait(rest, 0, 0, 0.05); }
  transmitter.flush();
  // Not more than fits: some 200 MB a file.
  if (++written % 1000 === 0) break;
}
Atomics.wait(rest, 0, 0, 20_000);
